// SPDX-License-Identifier: Apache-2.0
// The kinds of FinetuneLoss.
#pragma once

#include <memory>
#include <vector>

#include "algos/ract/critic.h"
#include "algos/ract/finetune_loss.h"
#include "algos/ract/target.h"

namespace recforce::algos {

// Mean over users of the actor's own error of the whole row; per_click: over the number of clicks.
std::unique_ptr<FinetuneLoss> MakeOwnErrorLoss(bool per_click);
// Mean over users of -log likelihood of the hidden clicks among what was not shown: what the metric ranks.
std::unique_ptr<FinetuneLoss> MakeUnseenLikelihoodLoss();
// WARP, or LambdaRank with pairs of which one is among the first k (pairwise.h).
std::unique_ptr<FinetuneLoss> MakePairwiseLoss(bool warp, std::int64_t k);

struct UserCriticOptions {
  std::vector<CriticFeature> features = {CriticFeature::kSeen, CriticFeature::kHidden, CriticFeature::kError};
  CriticScaling scaling = CriticScaling::kFrozen;
  RankingTarget target;
  double learning_rate = 1e-4;
  double l2 = 1e-4;
  bool learns_in_finetune = true;
  bool positive_weights = false;  // weights below 0 become 0
  bool target_per_root = false;   // RecBole: targets are divided by the root of a user's clicks
  bool xavier_normal = false;
};
// The paper's critic: mean over users of -C(features), which is the actor's error with a weight for each user.
std::unique_ptr<FinetuneLoss> MakeUserCriticLoss(const UserCriticOptions& options, std::uint64_t seed,
                                                 torch::Device device);

}  // namespace recforce::algos
