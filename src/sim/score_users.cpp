// SPDX-License-Identifier: Apache-2.0
#include "sim/score_users.h"

#include <algorithm>
#include <span>
#include <vector>

#include "recforce/data/csr.h"

namespace recforce::sim {
namespace {

// A row of each, oldest first.
void AddClicks(std::span<const std::int32_t> newest_first, data::Csr& history, data::Csr& sequence) {
  newest_first = newest_first.first(std::min(newest_first.size(), static_cast<std::size_t>(kRecommenderClicks)));
  const auto end = std::find(newest_first.begin(), newest_first.end(), -1);
  std::vector<std::int32_t> clicks(newest_first.begin(), end);
  std::reverse(clicks.begin(), clicks.end());
  sequence.AddRow(clicks);
  std::vector<std::int32_t> distinct;
  for (auto click = newest_first.begin(); click != end; ++click) {
    if (std::find(distinct.begin(), distinct.end(), *click) == distinct.end()) {
      distinct.push_back(*click);
    }
  }
  std::reverse(distinct.begin(), distinct.end());
  history.AddRow(distinct);
}

}  // namespace

void ScoreUsers(const core::Recommender& recommender, bool repeats, const core::Episodes& episodes, std::int64_t first,
                base::MatrixView<float> scores) {
  data::Csr history;
  data::Csr sequence;
  for (std::int64_t row = first; row < first + scores.rows; ++row) {
    AddClicks(episodes.recent().row(row), history, sequence);
  }
  core::UserBatch users{.history = history.view()};
  if (repeats) {
    users.sequence = sequence.view();
  }
  recommender.ScoreBatch(users, scores);
}

}  // namespace recforce::sim
