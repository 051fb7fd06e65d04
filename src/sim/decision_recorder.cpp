// SPDX-License-Identifier: Apache-2.0
#include "sim/decision_recorder.h"

#include <algorithm>
#include <optional>

namespace recforce::sim {

DecisionRecorder::DecisionRecorder(base::FileSystem& files, const std::filesystem::path& path, const std::string& name,
                                   std::span<const std::string> item_ids, const core::SlatePolicy& policy,
                                   const SimulationPlan& plan)
    : policy_(policy), plan_(plan), log_(files, path, {.policy = {name, ""}, .item_ids = item_ids}) {}

void DecisionRecorder::Choose(const core::Episodes& episodes, base::MatrixView<const std::int32_t> slates) {
  propensity_.resize(static_cast<std::size_t>(slates.rows * slates.cols));
  policy_.Propensities(episodes, slates, {propensity_.data(), slates.rows, slates.cols});
  const base::MatrixView<const std::int32_t> recent = episodes.recent();
  history_.assign(recent.data, recent.data + recent.rows * recent.cols);
}

void DecisionRecorder::Answer(const ShownStep& step) {
  const auto places = static_cast<std::size_t>(step.slates.cols);
  const std::size_t memory = history_.size() / static_cast<std::size_t>(step.slates.rows);
  std::vector<std::int32_t> history;
  std::vector<std::optional<double>> reward(places);
  for (std::int64_t row = 0; row < step.slates.rows; ++row) {
    const auto at = static_cast<std::size_t>(row);
    if (step.absent[at] != 0) {
      continue;
    }
    const auto clicks = std::span(history_).subspan(at * memory, memory);
    history.assign(clicks.begin(), std::find(clicks.begin(), clicks.end(), -1));
    std::reverse(history.begin(), history.end());
    std::fill(reward.begin(), reward.end(), 0.0);
    if (step.clicked[at] >= 0) {
      reward[static_cast<std::size_t>(step.clicked[at])] = static_cast<double>(step.reward[at]);
    }
    const std::string user = std::to_string(plan_.first_user + step.first + row);
    data::DecisionEvent event;
    event.time = step.step + 1;
    event.user = user;
    event.session = user;
    event.slate = step.slates.row(row);
    event.propensity = std::span(propensity_).subspan(at * places, places);
    event.reward = reward;
    event.has_history = true;
    event.history = history;
    log_.Add(event);
  }
}

}  // namespace recforce::sim
