// SPDX-License-Identifier: Apache-2.0
// What a trained CDQN is used for: slates in an environment, and scores for one user's list.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "algos/cdqn/slates.h"
#include "algos/cdqn/targets.h"
#include "recforce/core/recommender.h"
#include "recforce/core/slate_policy.h"

namespace recforce::algos {

// How slates are made of Q.
struct CdqnServing {
  CdqnMethod method = CdqnMethod::kCascade;
  SlateSearch search = SlateSearch::kGreedy;
  std::int64_t slate = 3;  // as trained
  std::int64_t beam = 1;
  std::int64_t candidates = 0;
  core::ChoiceRule rule = {};  // of SlateQ
};

// How many items slates can be made of, in a catalogue of `items`.
std::int64_t NumChoices(const CdqnServing& serving, std::int64_t items);

// Greedy slates of items. utilities: fills [B, I] with those of all items; called by SlateQ alone.
using FillUtilities = std::function<void(base::MatrixView<float> out)>;
void GreedySlates(const CdqnScorer& scorer, const CdqnServing& serving, base::MatrixView<const std::int32_t> recent,
                  const FillUtilities& utilities, base::MatrixView<std::int32_t> slates);

class CdqnPolicy final : public core::SlatePolicy {
 public:
  CdqnPolicy(std::shared_ptr<const CdqnScorer> scorer, CdqnServing serving)
      : scorer_(std::move(scorer)), serving_(serving) {}
  [[nodiscard]] std::int64_t memory() const override { return scorer_->params().shape.memory; }
  // Error(Usage) for more items than separate networks have positions, or than there are.
  void Choose(const core::Episodes& episodes, std::uint64_t seed, base::MatrixView<std::int32_t> slates) const override;

 private:
  std::shared_ptr<const CdqnScorer> scorer_;
  CdqnServing serving_;
};

// Scores by Q at position 0 (which SlateQ calls Q of an item); above all of them, with the cascade, the items of the
// slate that it makes of what the user does not have, in their order. Items outside the shortlist come last.
class CdqnRecommender final : public core::Recommender {
 public:
  CdqnRecommender(std::shared_ptr<const CdqnScorer> scorer, CdqnServing serving)
      : scorer_(std::move(scorer)), serving_(serving) {}
  [[nodiscard]] std::int64_t NumItems() const override { return scorer_->params().shape.items; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override;

 private:
  void LiftSlates(const core::UserBatch& users, base::MatrixView<const std::int32_t> recent,
                  base::MatrixView<float> out) const;
  std::shared_ptr<const CdqnScorer> scorer_;
  CdqnServing serving_;
};

}  // namespace recforce::algos
