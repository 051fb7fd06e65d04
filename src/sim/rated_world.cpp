// SPDX-License-Identifier: Apache-2.0
#include "sim/rated_world.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"

namespace recforce::sim {
namespace {

constexpr const char* kName = "world:rated";

void CheckSizes(const RatedRows& log, const RatingFactors& factors, const LeaveRule& leave) {
  const auto users = static_cast<std::size_t>(log.rows.rows());
  const auto items = static_cast<std::size_t>(log.num_items);
  const auto dim = static_cast<std::size_t>(factors.dim);
  RECFORCE_CHECK(factors.users.size() == users * dim && factors.items.size() == items * dim, "factors of other rows");
  RECFORCE_CHECK(factors.user_bias.empty() || factors.user_bias.size() == users, "biases of other users");
  RECFORCE_CHECK(factors.item_bias.empty() || factors.item_bias.size() == items, "biases of other items");
  RECFORCE_CHECK(leave.kind == LeaveKind::kNever || leave.window >= 1, "a window of nothing");
  RECFORCE_CHECK(
      leave.kind != LeaveKind::kDistance || leave.vectors.size() == items * static_cast<std::size_t>(leave.dim),
      "vectors of other items");
  RECFORCE_CHECK(leave.kind != LeaveKind::kCategory || leave.categories.size() == items, "categories of other items");
}

LookupFacts Facts(const RatedRows& log, const RatingFactors& factors, const RatedOptions& options) {
  if (log.values.empty()) {
    throw base::Error(base::ErrorKind::kUsage,
                      std::string(kName) + ": the log has no ratings: 'no values'; expected one with a value a row");
  }
  CheckSizes(log, factors, options.leave);
  RECFORCE_CHECK(options.memory >= 0 && options.horizon >= 1, "no steps, or less memory than none");
  WorldHash hash(log);
  hash.AddOne(factors.dim);
  hash.Add(factors.users);
  hash.Add(factors.items);
  hash.Add(factors.user_bias);
  hash.Add(factors.item_bias);
  hash.AddOne(factors.mean);
  hash.AddOne(options.memory);
  hash.AddOne(options.horizon);
  hash.AddOne(options.scale.middle);
  hash.AddOne(options.scale.half);
  hash.AddOne(options.start);
  hash.AddOne(options.repeats);
  hash.AddOne(options.leave.kind);
  if (options.leave.kind != LeaveKind::kNever) {
    hash.AddOne(options.leave.window);
    hash.AddOne(options.leave.theta);
    hash.AddOne(options.leave.dim);
    hash.Add(options.leave.vectors);
    hash.Add(options.leave.categories);
  }
  hash.AddOne(options.seed);
  LookupFacts facts;
  facts.identity = hash.Identity(kName);
  facts.num_items = log.num_items;
  facts.memory = options.memory;
  facts.least_reward = -1.0F;
  facts.repeats = options.repeats;
  return facts;
}

class RatedRules final : public LookupRules {
 public:
  RatedRules(const RatedRows& log, const RatingFactors& factors, const RatedOptions& options)
      : LookupRules(Facts(log, factors, options), UsersWith(log.rows, 1, kName, "rating")),
        factors_(factors),
        options_(options) {
    std::vector<std::int32_t> liked;
    std::vector<std::size_t> order;
    for (std::int64_t user = 0; user < log.rows.rows(); ++user) {
      const std::span<const std::int32_t> items = log.rows.row(user);
      const std::span<const float> values = log.ValuesOf(user);
      liked.clear();
      for (std::size_t at = 0; at < items.size(); ++at) {
        if (options.scale(static_cast<double>(values[at])) > 0.0F) {
          liked.push_back(items[at]);
        }
      }
      liked_.AddRow(liked);
      order.resize(items.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return items[a] < items[b]; });
      for (const std::size_t at : order) {
        rated_.items.push_back(items[at]);
        rewards_.push_back(options.scale(static_cast<double>(values[at])));
      }
      rated_.offsets.push_back(static_cast<std::int64_t>(rated_.items.size()));
    }
  }

  void Open(std::int64_t number, std::int32_t user, Opening& opening) const override {
    opening.horizon = options_.horizon;
    const std::span<const std::int32_t> liked = liked_.row(user);
    const auto count = static_cast<std::int64_t>(liked.size());
    std::int64_t moment = 0;
    if (options_.start == StartMemory::kEarliest) {
      moment = std::min(options_.memory, count);
    } else if (options_.start == StartMemory::kRandom && count > 0) {
      base::Rng rng(options_.seed, base::Stream::kWorld, static_cast<std::uint64_t>(number),
                    static_cast<std::uint32_t>(user));
      moment = 1 + static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(count)));
    }
    RememberLast(liked, moment, options_.memory, opening.memory);
  }

  [[nodiscard]] float Reward(std::int32_t user, std::int32_t item) const override {
    const std::span<const std::int32_t> rated = rated_.row(user);
    const auto at = std::lower_bound(rated.begin(), rated.end(), item);
    if (at != rated.end() && *at == item) {
      return rewards_[static_cast<std::size_t>(rated_.offsets[static_cast<std::size_t>(user)] + (at - rated.begin()))];
    }
    return options_.scale(Predicted(static_cast<std::size_t>(user), static_cast<std::size_t>(item)));
  }

  [[nodiscard]] bool Leaves(std::span<const std::int32_t> before, std::int32_t item) const override {
    if (options_.leave.kind == LeaveKind::kNever) {
      return false;
    }
    const std::size_t seen = std::min(before.size(), static_cast<std::size_t>(options_.leave.window));
    const std::span<const std::int32_t> last = before.last(seen);
    if (options_.leave.kind == LeaveKind::kDistance) {
      const double least = options_.leave.theta;
      return std::any_of(last.begin(), last.end(), [&](std::int32_t other) { return Distance(item, other) < least; });
    }
    const std::span<const std::int32_t> category = options_.leave.categories;
    const auto alike = std::count_if(last.begin(), last.end(), [&](std::int32_t other) {
      return category[static_cast<std::size_t>(other)] == category[static_cast<std::size_t>(item)];
    });
    return static_cast<double>(alike) > options_.leave.theta;
  }

 private:
  [[nodiscard]] double Predicted(std::size_t user, std::size_t item) const {
    const auto dim = static_cast<std::size_t>(factors_.dim);
    const std::span<const float> p = factors_.users.subspan(user * dim, dim);
    const std::span<const float> q = factors_.items.subspan(item * dim, dim);
    double rating = factors_.mean;
    rating += factors_.user_bias.empty() ? 0.0 : static_cast<double>(factors_.user_bias[user]);
    rating += factors_.item_bias.empty() ? 0.0 : static_cast<double>(factors_.item_bias[item]);
    for (std::size_t i = 0; i < dim; ++i) {
      rating += static_cast<double>(p[i]) * static_cast<double>(q[i]);
    }
    return rating;
  }

  [[nodiscard]] double Distance(std::int32_t a, std::int32_t b) const {
    const auto dim = static_cast<std::size_t>(options_.leave.dim);
    const std::span<const float> x = options_.leave.vectors.subspan(static_cast<std::size_t>(a) * dim, dim);
    const std::span<const float> y = options_.leave.vectors.subspan(static_cast<std::size_t>(b) * dim, dim);
    double square = 0.0;
    for (std::size_t i = 0; i < dim; ++i) {
      const double difference = static_cast<double>(x[i]) - static_cast<double>(y[i]);
      square += difference * difference;
    }
    return std::sqrt(square);
  }

  RatingFactors factors_;
  RatedOptions options_;
  data::Csr liked_;             // [U] oldest first
  data::Csr rated_;             // [U] ascending
  std::vector<float> rewards_;  // of each of rated_
};

}  // namespace

std::shared_ptr<const ItemWorld> MakeRatedWorld(const RatedRows& log, const RatingFactors& factors,
                                                const RatedOptions& options) {
  return MakeLookupWorld(std::make_shared<RatedRules>(log, factors, options));
}

}  // namespace recforce::sim
