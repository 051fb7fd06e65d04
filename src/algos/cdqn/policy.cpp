// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/policy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nn/device.h"
#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

// The last events of each row, newest first, then -1. [B, memory]
std::vector<std::int32_t> LastEvents(data::CsrView events, std::int64_t memory) {
  std::vector<std::int32_t> recent(static_cast<std::size_t>(events.rows() * memory), -1);
  for (std::int64_t row = 0; row < events.rows(); ++row) {
    const auto items = events.row(row);
    const std::size_t count = std::min(items.size(), static_cast<std::size_t>(memory));
    std::copy_n(items.rbegin(), count, recent.begin() + row * memory);
  }
  return recent;
}

std::vector<std::int32_t> FirstColumns(base::MatrixView<const std::int32_t> matrix, std::int64_t columns) {
  std::vector<std::int32_t> first;
  first.reserve(static_cast<std::size_t>(matrix.rows * columns));
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    first.insert(first.end(), matrix.row(row).begin(), matrix.row(row).begin() + columns);
  }
  return first;
}

}  // namespace

std::int64_t NumChoices(const CdqnServing& serving, std::int64_t items) {
  return serving.method == CdqnMethod::kCascade && serving.candidates > 0
             ? std::min(items, std::max(serving.candidates, serving.beam))
             : items;
}

void GreedySlates(const CdqnScorer& scorer, const CdqnServing& serving, base::MatrixView<const std::int32_t> recent,
                  const FillUtilities& utilities, base::MatrixView<std::int32_t> slates) {
  if (serving.method == CdqnMethod::kCascade) {
    CascadeSlates(scorer, recent, {.beam = serving.beam, .candidates = serving.candidates}, slates);
  } else if (serving.method == CdqnMethod::kAdditive) {
    TopSlates(scorer, recent, slates);
  } else {
    const std::int64_t items = scorer.params().shape.items;
    std::vector<float> known(static_cast<std::size_t>(recent.rows * items));
    utilities({known.data(), recent.rows, items});
    const ItemQ q = ScoreItems(scorer, recent);
    ChoiceSlates(scorer, serving.rule, serving.search, {known.data(), recent.rows, items},
                 {q.q.data(), recent.rows, scorer.size()}, q.none, slates);
  }
  PlacesToItems(scorer, slates);
}

void CdqnPolicy::Choose(const core::Episodes& episodes, std::uint64_t /*seed*/,
                        base::MatrixView<std::int32_t> slates) const {
  const CdqnShape& shape = scorer_->params().shape;
  const auto refuse = [](const std::string& what, std::int64_t found, std::int64_t limit) {
    throw base::Error(base::ErrorKind::kUsage,
                      "cdqn: " + what + ": '" + std::to_string(found) + "'; expected at most " + std::to_string(limit));
  };
  if (serving_.method == CdqnMethod::kCascade && !shape.shared && slates.cols > shape.positions) {
    refuse("slate has more items than there are networks, one for each place", slates.cols, shape.positions);
  }
  const std::int64_t choices = NumChoices(serving_, scorer_->size());
  if (slates.cols > choices) {
    refuse("slate has more items than there are to choose from", slates.cols, choices);
  }
  RECFORCE_CHECK(episodes.recent().cols >= memory(), "users show fewer clicks than the policy reads");
  const std::vector<std::int32_t> clicks = FirstColumns(episodes.recent(), memory());
  nn::Guarded([&] {
    const torch::NoGradGuard no_grad;
    GreedySlates(
        *scorer_, serving_, {clicks.data(), slates.rows, memory()},
        [&episodes](base::MatrixView<float> out) { episodes.Utilities(out); }, slates);
  });
}

void CdqnRecommender::LiftSlates(const core::UserBatch& users, base::MatrixView<const std::int32_t> recent,
                                 base::MatrixView<float> out) const {
  const std::int64_t size = std::min(serving_.slate, scorer_->size());
  std::vector<std::int32_t> items(static_cast<std::size_t>(out.rows * size));
  const base::MatrixView<std::int32_t> slates{items.data(), out.rows, size};
  CascadeSlates(*scorer_, recent, {.beam = serving_.beam, .candidates = serving_.candidates, .excluded = users.history},
                slates);
  PlacesToItems(*scorer_, slates);
  for (std::int64_t row = 0; row < out.rows; ++row) {
    const std::span<float> scores = out.row(row);
    const float top = *std::max_element(scores.begin(), scores.end());
    // Steps that a float of this size can tell apart.
    const float step = std::max(1.0F, std::abs(top) * 1e-5F);
    float above = top + step * static_cast<float>(size);
    for (const std::int32_t item : slates.row(row)) {
      if (item >= 0) {
        scores[static_cast<std::size_t>(item)] = above;
        above -= step;
      }
    }
  }
}

void CdqnRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  RECFORCE_CHECK(out.rows == users.size() && out.cols == NumItems(), "scores have another shape");
  nn::Guarded([&] {
    const torch::NoGradGuard no_grad;
    const std::int64_t memory = scorer_->params().shape.memory;
    const std::vector<std::int32_t> events = LastEvents(users.events(), memory);
    const base::MatrixView<const std::int32_t> recent{events.data(), out.rows, memory};
    std::fill_n(out.data, out.rows * out.cols, std::numeric_limits<float>::infinity());
    scorer_->ScoreAll({recent, {nullptr, out.rows, 0}},
                      [&](std::int64_t row, std::int64_t first, std::span<const float> q) {
                        for (std::size_t c = 0; c < q.size(); ++c) {
                          const std::int32_t item = scorer_->item(first + static_cast<std::int64_t>(c));
                          out.row(row)[static_cast<std::size_t>(item)] = q[c];
                        }
                      });
    for (std::int64_t row = 0; row < out.rows; ++row) {
      const float least = *std::min_element(out.row(row).begin(), out.row(row).end());
      std::replace(out.row(row).begin(), out.row(row).end(), std::numeric_limits<float>::infinity(), least - 1.0F);
    }
    if (serving_.method == CdqnMethod::kCascade) {
      LiftSlates(users, recent, out);
    }
  });
}

}  // namespace recforce::algos
