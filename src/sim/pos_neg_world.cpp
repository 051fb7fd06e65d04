// SPDX-License-Identifier: Apache-2.0
#include "sim/pos_neg_world.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"

namespace recforce::sim {
namespace {

constexpr const char* kName = "world:pos_neg";

// Items of the catalogue but for `excluded`, which is ascending.
class Negatives {
 public:
  Negatives(std::span<const std::int32_t> excluded, const data::Csr& log, std::int64_t num_items,
            const PosNegOptions& options)
      : excluded_(excluded), log_(log), num_items_(num_items), options_(options) {}

  // Appends `count` of them to the empty `out`, fewer where there are no more.
  void Draw(std::int64_t count, base::Rng& rng, std::vector<std::int32_t>& out) const {
    const std::int64_t there = num_items_ - static_cast<std::int64_t>(excluded_.size());
    const auto wanted = static_cast<std::size_t>(there == 0 || !options_.replacement ? std::min(count, there) : count);
    // Rejection is quick while most of the catalogue may be drawn; what it leaves open is drawn from a list.
    for (std::size_t tries = 16 * wanted + 64; tries > 0 && out.size() < wanted;) {
      for (; tries > 0 && out.size() < wanted; --tries) {
        const std::int32_t item = Any(rng);
        if (!std::binary_search(excluded_.begin(), excluded_.end(), item)) {
          out.push_back(item);
        }
      }
      if (!options_.replacement) {
        std::sort(out.begin(), out.end());
        out.erase(std::unique(out.begin(), out.end()), out.end());
      }
    }
    if (out.size() < wanted) {
      DrawListed(wanted, rng, out);
    }
  }

 private:
  // A row of the log is any with equal probability, so its item comes as often as it is popular.
  [[nodiscard]] std::int32_t Any(base::Rng& rng) const {
    if (options_.popular > 0.0 && rng.Uniform() < options_.popular) {
      return log_.items[rng.Below(log_.items.size())];
    }
    return static_cast<std::int32_t>(rng.Below(static_cast<std::uint64_t>(num_items_)));
  }

  void DrawListed(std::size_t wanted, base::Rng& rng, std::vector<std::int32_t>& out) const {
    std::vector<std::int32_t> taken(excluded_.begin(), excluded_.end());
    if (!options_.replacement) {
      taken.insert(taken.end(), out.begin(), out.end());
      std::sort(taken.begin(), taken.end());
    }
    std::vector<std::int32_t> rest;
    for (std::int32_t item = 0; item < num_items_; ++item) {
      if (!std::binary_search(taken.begin(), taken.end(), item)) {
        rest.push_back(item);
      }
    }
    while (out.size() < wanted) {
      const std::size_t at = rng.Below(rest.size());
      out.push_back(rest[at]);
      if (!options_.replacement) {
        rest[at] = rest.back();
        rest.pop_back();
      }
    }
  }

  std::span<const std::int32_t> excluded_;
  const data::Csr& log_;
  std::int64_t num_items_;
  const PosNegOptions& options_;
};

LookupFacts Facts(const RatedRows& log, const PosNegOptions& options) {
  WorldHash hash(log);
  hash.AddOne(options.memory);
  hash.AddOne(options.above);
  hash.AddOne(options.min_positives);
  hash.AddOne(options.window);
  hash.AddOne(options.negatives_per_positive);
  hash.AddOne(options.replacement);
  hash.AddOne(options.negatives);
  hash.AddOne(options.popular);
  hash.AddOne(options.clear_memory);
  hash.AddOne(options.miss);
  hash.AddOne(options.seed);
  LookupFacts facts;
  facts.identity = hash.Identity(kName);
  facts.num_items = log.num_items;
  facts.memory = options.memory;
  facts.least_reward = options.miss;
  facts.lists = true;
  facts.keeps_memory = !options.clear_memory;
  return facts;
}

data::Csr Positives(const RatedRows& log, double above) {
  data::Csr positives;
  std::vector<std::int32_t> row;
  for (std::int64_t user = 0; user < log.rows.rows(); ++user) {
    row.clear();
    const std::span<const std::int32_t> items = log.rows.row(user);
    for (std::size_t at = 0; at < items.size(); ++at) {
      if (log.values.empty() || static_cast<double>(log.ValuesOf(user)[at]) > above) {
        row.push_back(items[at]);
      }
    }
    positives.AddRow(row);
  }
  return positives;
}

data::Csr Ascending(const data::CsrView& rows) {
  data::Csr ascending;
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    std::vector<std::int32_t> row(rows.row(user).begin(), rows.row(user).end());
    std::sort(row.begin(), row.end());
    ascending.AddRow(row);
  }
  return ascending;
}

class PosNegRules final : public LookupRules {
 public:
  PosNegRules(const RatedRows& log, const PosNegOptions& options, data::Csr positives)
      : LookupRules(
            Facts(log, options),
            UsersWith(positives.view(), std::max<std::int64_t>(options.min_positives, options.window > 0 ? 2 : 1),
                      kName, "positives")),
        options_(options),
        positives_(std::move(positives)),
        log_(Ascending(log.rows)) {}

  void Open(std::int64_t number, std::int32_t user, Opening& opening) const override {
    base::Rng rng(options_.seed, base::Stream::kWorld, static_cast<std::uint64_t>(number),
                  static_cast<std::uint32_t>(user));
    const std::span<const std::int32_t> positives = positives_.row(user);
    const auto count = static_cast<std::int64_t>(positives.size());
    std::int64_t moment = 0;
    opening.horizon = count;
    if (options_.window > 0) {
      moment = 1 + static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(count - 1)));
      opening.horizon = std::min(options_.window, count - moment);
    }
    RememberLast(positives, moment, options_.memory, opening.memory);
    const auto first = positives.begin() + moment;
    std::vector<std::int32_t> related(first, first + opening.horizon);
    std::sort(related.begin(), related.end());
    const bool unseen = options_.negatives == NegativeSource::kUnseen;
    std::vector<std::int32_t> negatives;
    Negatives(unseen ? log_.row(user) : related, log_, facts().num_items, options_)
        .Draw(opening.horizon * options_.negatives_per_positive, rng, negatives);
    std::sort(negatives.begin(), negatives.end());
    negatives.erase(std::unique(negatives.begin(), negatives.end()), negatives.end());
    // Ascending: the place of a candidate tells nothing of what it is.
    opening.items.resize(related.size() + negatives.size());
    std::merge(related.begin(), related.end(), negatives.begin(), negatives.end(), opening.items.begin());
    opening.rewards.clear();
    auto next = related.begin();
    for (const std::int32_t item : opening.items) {
      const bool hit = next != related.end() && *next == item;
      opening.rewards.push_back(hit ? 1.0F : options_.miss);
      next += hit ? 1 : 0;
    }
  }

 private:
  PosNegOptions options_;
  data::Csr positives_;  // [U] oldest first
  data::Csr log_;        // [U] all rows, ascending
};

}  // namespace

std::shared_ptr<const ItemWorld> MakePosNegWorld(const RatedRows& log, const PosNegOptions& options) {
  RECFORCE_CHECK(options.memory >= 0 && options.window >= 0 && options.negatives_per_positive >= 0, "a count below 0");
  RECFORCE_CHECK(options.miss <= 0.0F, "what pays is liked");
  RECFORCE_CHECK(options.popular >= 0.0 && options.popular <= 1.0, "popular is a probability");
  return MakeLookupWorld(std::make_shared<PosNegRules>(log, options, Positives(log, options.above)));
}

}  // namespace recforce::sim
