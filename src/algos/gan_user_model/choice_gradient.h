// SPDX-License-Identifier: Apache-2.0
// What choices say about rewards: exact Fenchel-Young losses over sets of any sizes, and the two moves of the game that
// they solve (Chen et al., ICML 2019, section 3). On the calling thread, computed in double. Sets are laid end to end:
// set e holds numbers offsets[e] .. offsets[e + 1].
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "recforce/core/choice.h"

namespace recforce::algos {

// Choices from sets.
struct ChoiceSets {
  std::span<const std::int64_t> offsets;  // [E + 1], from 0
  std::span<const std::int32_t> choice;   // [E] place in the set, -1: nothing
};

// How users choose: the law and eta, the factor between rewards and utilities.
struct ChoiceTerms {
  core::ChoiceLaw law = core::ChoiceLaw::kSoftmax;
  double eta = 1.0;
};

// What a pass over sets sums up.
struct ChoiceSums {
  double loss = 0.0;
  double d_no_click = 0.0;  // gradient by the reward of choosing nothing
};

// T: float or double. Rewards may be -infinity (never chosen) and of any finite size; `no_click`: the reward of
// choosing nothing, empty where that cannot be. REQUIRES: choice >= 0 where there is no no_click.

// The sum over sets of max over distributions p of <p, r> - R(p) / eta, minus r of the choice and plus R of certainty /
// eta. d_rewards := weight times its gradient, phi - e_choice. With Shannon's R: negative log-likelihood / eta.
template <class T>
ChoiceSums ChoiceGradient(ChoiceTerms terms, const ChoiceSets& sets, std::span<const T> rewards,
                          std::optional<T> no_click, double weight, std::span<T> d_rewards);

// The user's move: behaviour phi = softmax(logits) climbs the sum of <phi, r> - R(phi) / eta, with R of certainty / eta
// added. d_logits := -weight times its gradient, so that descending climbs; `loss` and `d_no_click` are of the same
// sign, the latter by the logit of choosing nothing.
template <class T>
ChoiceSums BehaviourGradient(ChoiceTerms terms, const ChoiceSets& sets, std::span<const T> rewards,
                             std::optional<T> no_click, std::span<const T> logits, std::optional<T> no_click_logit,
                             double weight, std::span<T> d_logits);

// The reward's move: the value of the game, the sum of <phi, r> - R(phi) / eta - r of the choice with R of certainty /
// eta added, where phi = softmax(logits) stands still. d_rewards := weight times its gradient.
template <class T>
ChoiceSums RewardGradient(ChoiceTerms terms, const ChoiceSets& sets, std::span<const T> rewards,
                          std::optional<T> no_click, std::span<const T> logits, std::optional<T> no_click_logit,
                          double weight, std::span<T> d_rewards);

}  // namespace recforce::algos
