// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/policy_log.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::algos {
namespace {

constexpr double kSecondsOfDay = 86400.0;

[[noreturn]] void ThrowData(const std::string& message) {
  throw base::Error(base::ErrorKind::kData, "topk_reinforce: " + message);
}

class Reader {
 public:
  Reader(const core::TrainView& view, const ReturnOptions& options) : view_(view), options_(options) {
    const auto events = static_cast<std::size_t>(view.events().items.size());
    RECFORCE_CHECK((view.values.empty() || view.values.size() == events) &&
                       (view.times.empty() || view.times.size() == events) &&
                       (view.propensities.empty() || view.propensities.size() == events) &&
                       (view.contexts.empty() || view.contexts.size() == events),
                   "columns of events have another length");
    if (options.horizon_seconds > 0.0 && view.times.empty()) {
      throw base::Error(base::ErrorKind::kUsage,
                        "topk_reinforce.horizon: the log has no times; expected 0, or a log with times");
    }
    if (options.novelty_boost != 1.0 && options.novelty_days > 0.0 && view.times.empty()) {
      throw base::Error(base::ErrorKind::kUsage,
                        "topk_reinforce.novelty_days: the log has no times; expected 0, or a log with times");
    }
  }

  // Rewards and returns of one user, both by event.
  void Read(std::int64_t user) {
    first_ = static_cast<std::size_t>(view_.events().offsets[static_cast<std::size_t>(user)]);
    const std::size_t count = view_.events().row(user).size();
    rewards_.resize(count);
    for (std::size_t at = 0; at < count; ++at) {
      rewards_[at] = Reward(first_ + at);
    }
    // sums_[t] = sum over t' >= t of discount^(t' - t) r_t'
    sums_.assign(count + 1, 0.0);
    for (std::size_t at = count; at-- > 0;) {
      sums_[at] = rewards_[at] + options_.discount * sums_[at + 1];
    }
    returns_.resize(count);
    std::size_t end = count;
    for (std::size_t at = count; at-- > 0;) {
      double sum = sums_[at];
      if (options_.horizon_seconds > 0.0) {
        while (end > at + 1 && Seconds(first_ + end - 1) - Seconds(first_ + at) > options_.horizon_seconds) {
          --end;
        }
        sum -= std::pow(options_.discount, static_cast<double>(end - at)) * sums_[end];
      }
      returns_[at] = rewards_[at] > 0.0 ? sum : 0.0;
    }
    if (options_.novelty_boost != 1.0) {
      Boost(view_.events().row(user));
    }
  }
  [[nodiscard]] bool rewarded(std::size_t at) const { return rewards_[at] > 0.0; }
  [[nodiscard]] float returned(std::size_t at) const { return static_cast<float>(returns_[at]); }
  [[nodiscard]] std::int32_t context(std::size_t at) const { return view_.contexts[first_ + at]; }
  [[nodiscard]] float LogPropensity(std::size_t at) const {
    const float value = view_.propensities[first_ + at];
    if (!(value > 0.0F && value <= 1.0F)) {
      ThrowData("a propensity is no probability: '" + base::FormatReal(static_cast<double>(value)) +
                "'; expected a number above 0 and at most 1");
    }
    return std::log(value);
  }

 private:
  [[nodiscard]] double Seconds(std::size_t event) const { return static_cast<double>(view_.times[event]); }
  [[nodiscard]] double Reward(std::size_t event) const {
    if (!options_.use_values || view_.values.empty()) {
      return 1.0;
    }
    const auto value = static_cast<double>(view_.values[event]);
    if (!(value >= 0.0) || !std::isfinite(value)) {
      ThrowData("a reward is below zero or no number: '" + base::FormatReal(value) +
                "'; expected rewards of 0 or more, or topk_reinforce.reward one");
    }
    return options_.clip > 0.0 ? std::min(value, options_.clip) : value;
  }
  void Boost(std::span<const std::int32_t> row) {
    last_.clear();
    for (std::size_t at = 0; at < row.size(); ++at) {
      if (rewards_[at] <= 0.0) {
        continue;
      }
      const auto found = last_.find(row[at]);
      bool is_new = found == last_.end();
      if (!is_new && options_.novelty_days > 0.0) {
        is_new = Seconds(first_ + at) - Seconds(first_ + found->second) > options_.novelty_days * kSecondsOfDay;
      }
      returns_[at] *= is_new ? options_.novelty_boost : 1.0;
      last_[row[at]] = at;
    }
  }

  const core::TrainView& view_;
  const ReturnOptions& options_;
  std::size_t first_ = 0;
  std::vector<double> rewards_, sums_, returns_;
  std::unordered_map<std::int32_t, std::size_t> last_;  // item to its last event with a reward
};

}  // namespace

std::int64_t PolicyLog::rewarded() const {
  return std::count_if(ret.begin(), ret.end(), [](float value) { return value > 0.0F; });
}

PolicyLog MakePolicyLog(const core::TrainView& view, const ReturnOptions& options) {
  const auto start = static_cast<std::int32_t>(view.num_items);
  PolicyLog log;
  log.offsets.push_back(0);
  Reader reader(view, options);
  std::vector<std::int32_t> inputs;
  for (std::int64_t user = 0; user < view.events().rows(); ++user) {
    const auto row = view.events().row(user);
    reader.Read(user);
    inputs = {start};
    for (std::size_t at = 0; at < row.size(); ++at) {
      log.item.push_back(row[at]);
      log.ret.push_back(reader.returned(at));
      if (!view.contexts.empty()) {
        log.context.push_back(reader.context(at));
      }
      if (!view.propensities.empty()) {
        log.log_propensity.push_back(reader.LogPropensity(at));
      }
      if (reader.rewarded(at)) {
        log.offsets.push_back(log.size());
        inputs.push_back(row[at]);
      }
    }
    log.offsets.push_back(log.size());  // of the last state
    inputs.push_back(start);
    log.offsets.push_back(log.size());  // the end has none
    log.inputs.AddRow(inputs);
  }
  return log;
}

}  // namespace recforce::algos
