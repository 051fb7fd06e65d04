// SPDX-License-Identifier: Apache-2.0
#include "sim/runner.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "recforce/base/error.h"
#include "sim/policies.h"
#include "sim/remembering_episodes.h"

namespace recforce::sim {
namespace {

// Cells of a table over users and items that a policy may ask for.
constexpr std::int64_t kMostCells = std::int64_t{1} << 25;

constexpr double kNormal95 = 1.959963984540054;

class Simulation {
 public:
  Simulation(const core::Environment& environment, const core::SlatePolicy& policy, const SimulationPlan& plan,
             const SimulationHooks& hooks)
      : environment_(environment), policy_(policy), plan_(plan), hooks_(hooks) {
    const auto users = static_cast<std::size_t>(plan.users);
    outcome_.reward.assign(users, 0.0);
    outcome_.discounted.assign(users, 0.0);
    outcome_.clicks.assign(users, 0);
    outcome_.steps.assign(users, 0);
    outcome_.left.assign(users, 0);
    outcome_.shown.assign(static_cast<std::size_t>(environment.NumItems()), 0);
    outcome_.clicked.assign(static_cast<std::size_t>(environment.NumItems()), 0);
  }

  Outcome Execute() {
    const std::int64_t batch = std::clamp<std::int64_t>(kMostCells / environment_.NumItems(), 1, plan_.batch);
    for (std::int64_t first = 0; first < plan_.users; first += batch) {
      const std::int64_t count = std::min(batch, plan_.users - first);
      RunBatch(first, count);
      if (hooks_.progress) {
        hooks_.progress(first + count, plan_.users);
      }
    }
    return std::move(outcome_);
  }

 private:
  void RunBatch(std::int64_t first, std::int64_t count) {
    std::vector<std::int64_t> users(static_cast<std::size_t>(count));
    std::iota(users.begin(), users.end(), plan_.first_user + first);
    std::unique_ptr<core::Episodes> episodes = environment_.Start(users, plan_.seed);
    if (const std::int64_t memory = std::max(policy_.memory(), plan_.memory); memory > environment_.memory()) {
      episodes = RememberClicks(std::move(episodes), memory);
    }
    std::vector<std::int32_t> buffer(static_cast<std::size_t>(count * plan_.slate));
    const base::MatrixView<std::int32_t> slates{buffer.data(), count, plan_.slate};
    core::Feedback feedback;
    double weight = 1.0;
    for (std::int64_t step = 0; step < plan_.horizon; ++step, weight *= plan_.discount) {
      if (hooks_.stop != nullptr) {
        hooks_.stop->ThrowIfSet();
      }
      absent_.assign(episodes->left().begin(), episodes->left().end());
      if (std::find(absent_.begin(), absent_.end(), 0) == absent_.end()) {
        break;
      }
      policy_.Choose(*episodes, plan_.seed, slates);
      const base::MatrixView<const std::int32_t> shown{slates.data, slates.rows, slates.cols};
      if (hooks_.on_choice) {
        hooks_.on_choice(*episodes, shown);
      }
      episodes->Step(shown, feedback);
      Count(first, weight, shown, feedback);
      if (hooks_.on_step) {
        hooks_.on_step({first, step, shown, feedback.clicked, feedback.reward, absent_});
      }
    }
    std::copy(episodes->left().begin(), episodes->left().end(),
              outcome_.left.begin() + static_cast<std::ptrdiff_t>(first));
  }

  void Count(std::int64_t first, double weight, base::MatrixView<const std::int32_t> slates,
             const core::Feedback& feedback) {
    for (std::int64_t row = 0; row < slates.rows; ++row) {
      const auto at = static_cast<std::size_t>(row);
      if (absent_[at] != 0) {
        continue;
      }
      const auto user = static_cast<std::size_t>(first + row);
      const auto reward = static_cast<double>(feedback.reward[at]);
      ++outcome_.steps[user];
      outcome_.reward[user] += reward;
      outcome_.discounted[user] += weight * reward;
      for (const std::int32_t item : slates.row(row)) {
        ++outcome_.shown[static_cast<std::size_t>(item)];
      }
      if (const std::int32_t place = feedback.clicked[at]; place >= 0) {
        ++outcome_.clicks[user];
        ++outcome_.clicked[static_cast<std::size_t>(slates.row(row)[static_cast<std::size_t>(place)])];
      }
    }
  }

  const core::Environment& environment_;
  const core::SlatePolicy& policy_;
  const SimulationPlan& plan_;
  const SimulationHooks& hooks_;
  std::vector<std::uint8_t> absent_;
  Outcome outcome_;
};

// Clicks over slates of all users; its standard error by the delta method.
Estimate ClickRate(const Outcome& outcome) {
  const double slates = std::accumulate(outcome.steps.begin(), outcome.steps.end(), 0.0);
  if (slates == 0.0) {
    return {};
  }
  const double rate = std::accumulate(outcome.clicks.begin(), outcome.clicks.end(), 0.0) / slates;
  std::vector<double> residuals;
  for (std::size_t user = 0; user < outcome.clicks.size(); ++user) {
    residuals.push_back(outcome.clicks[user] - rate * outcome.steps[user]);
  }
  const auto users = static_cast<double>(residuals.size());
  return {rate, MeanOf(residuals).half_width95 * users / slates};
}

// With x(1) <= .. <= x(n): sum of (2 i - n - 1) x(i) over n times their sum.
double Gini(std::vector<std::int64_t> counts) {
  std::sort(counts.begin(), counts.end());
  const auto n = static_cast<double>(counts.size());
  double weighted = 0.0;
  double sum = 0.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto count = static_cast<double>(counts[i]);
    weighted += (2.0 * static_cast<double>(i + 1) - n - 1.0) * count;
    sum += count;
  }
  return sum > 0.0 ? weighted / (n * sum) : 0.0;
}

template <class T>
Estimate MeanDifference(const std::vector<T>& a, const std::vector<T>& b) {
  RECFORCE_CHECK(a.size() == b.size(), "outcomes of different users are compared");
  std::vector<double> differences;
  for (std::size_t user = 0; user < a.size(); ++user) {
    differences.push_back(static_cast<double>(a[user]) - static_cast<double>(b[user]));
  }
  return MeanOf(differences);
}

}  // namespace

Outcome Simulate(const core::Environment& environment, const core::SlatePolicy& policy, const SimulationPlan& plan,
                 const SimulationHooks& hooks) {
  if (plan.slate > environment.NumItems()) {
    throw base::Error(base::ErrorKind::kUsage, "simulation: the slate has more places than there are items: '" +
                                                   std::to_string(plan.slate) + "'; expected at most " +
                                                   std::to_string(environment.NumItems()));
  }
  return Simulation(environment, policy, plan, hooks).Execute();
}

std::vector<std::int64_t> ClicksUnderRandom(const core::Environment& environment, const SimulationPlan& plan,
                                            const base::StopFlag* stop) {
  const std::unique_ptr<core::SlatePolicy> random = MakeRandomPolicy(environment.NumItems());
  return Simulate(environment, *random, plan, {.stop = stop}).clicked;
}

Estimate MeanOf(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  if (values.empty()) {
    return {};
  }
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - mean) * (value - mean);
  }
  return {mean, values.size() < 2 ? 0.0 : kNormal95 * std::sqrt(squares / (n - 1.0) / n)};
}

OutcomeSummary Summarize(const Outcome& outcome, const SimulationPlan& plan, std::optional<double> optimum) {
  OutcomeSummary summary;
  summary.reward_per_user = MeanOf(outcome.reward);
  summary.reward_per_step = {summary.reward_per_user.mean / static_cast<double>(plan.horizon),
                             summary.reward_per_user.half_width95 / static_cast<double>(plan.horizon)};
  summary.discounted_return = MeanOf(outcome.discounted);
  summary.click_rate = ClickRate(outcome);
  summary.share_left = MeanOf(std::vector<double>(outcome.left.begin(), outcome.left.end()));
  const auto items = static_cast<double>(outcome.shown.size());
  const auto never = static_cast<double>(std::count(outcome.shown.begin(), outcome.shown.end(), 0));
  summary.coverage = (items - never) / items;
  summary.gini = Gini(outcome.shown);
  if (optimum) {
    summary.regret = Estimate{*optimum - summary.discounted_return.mean, summary.discounted_return.half_width95};
  }
  return summary;
}

OutcomeDifference Compare(const Outcome& a, const Outcome& b) {
  return {MeanDifference(a.reward, b.reward), MeanDifference(a.discounted, b.discounted),
          MeanDifference(a.clicks, b.clicks)};
}

}  // namespace recforce::sim
