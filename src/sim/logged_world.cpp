// SPDX-License-Identifier: Apache-2.0
#include "sim/logged_world.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "recforce/base/error.h"

namespace recforce::sim {
namespace {

constexpr const char* kName = "world:logged";

std::int64_t First(const LoggedOptions& options) { return options.first.value_or(options.memory); }

LookupFacts Facts(const RatedRows& log, const LoggedOptions& options) {
  RECFORCE_CHECK(options.memory >= 0 && options.horizon >= 1 && First(options) >= 0, "no steps, or a count below 0");
  WorldHash hash(log);
  hash.AddOne(options.memory);
  hash.AddOne(First(options));
  hash.AddOne(options.horizon);
  hash.AddOne(options.scale.middle);
  hash.AddOne(options.scale.half);
  LookupFacts facts;
  facts.identity = hash.Identity(kName);
  facts.num_items = log.num_items;
  facts.memory = options.memory;
  facts.least_reward = log.values.empty() ? 0.0F : -1.0F;
  facts.lists = true;
  return facts;
}

class LoggedRules final : public LookupRules {
 public:
  LoggedRules(const RatedRows& log, const LoggedOptions& options)
      : LookupRules(Facts(log, options), UsersWith(log.rows, First(options) + 2, kName, "items")), options_(options) {
    std::vector<std::pair<std::int32_t, float>> row;
    std::vector<std::int32_t> items;
    for (std::int64_t user = 0; user < log.rows.rows(); ++user) {
      row.clear();
      for (std::size_t at = 0; at < log.rows.row(user).size(); ++at) {
        const float reward = log.values.empty() ? 1.0F : options.scale(static_cast<double>(log.ValuesOf(user)[at]));
        row.emplace_back(log.rows.row(user)[at], reward);
      }
      const auto first = row.begin() + std::min(First(options), static_cast<std::int64_t>(row.size()));
      items.clear();
      std::for_each(row.begin(), first, [&](const auto& entry) {
        if (entry.second > 0.0F) {
          items.push_back(entry.first);
        }
      });
      history_.AddRow(items);
      std::sort(first, row.end());
      items.clear();
      std::for_each(first, row.end(), [&](const auto& entry) {
        items.push_back(entry.first);
        rewards_.push_back(entry.second);
      });
      candidates_.AddRow(items);
    }
  }

  void Open(std::int64_t /*number*/, std::int32_t user, Opening& opening) const override {
    const std::span<const std::int32_t> history = history_.row(user);
    RememberLast(history, static_cast<std::int64_t>(history.size()), options_.memory, opening.memory);
    const std::span<const std::int32_t> items = candidates_.row(user);
    const auto rewards = rewards_.begin() + candidates_.offsets[static_cast<std::size_t>(user)];
    opening.horizon = std::min(options_.horizon, static_cast<std::int64_t>(items.size()));
    opening.items.assign(items.begin(), items.end());
    opening.rewards.assign(rewards, rewards + static_cast<std::ptrdiff_t>(items.size()));
  }

 private:
  LoggedOptions options_;
  data::Csr history_;           // [U] liked among the first, oldest first
  data::Csr candidates_;        // [U] ascending
  std::vector<float> rewards_;  // of each of candidates_
};

}  // namespace

std::shared_ptr<const ItemWorld> MakeLoggedWorld(const RatedRows& log, const LoggedOptions& options) {
  return MakeLookupWorld(std::make_shared<LoggedRules>(log, options));
}

}  // namespace recforce::sim
