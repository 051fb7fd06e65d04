// SPDX-License-Identifier: Apache-2.0
// Slates that are partly drawn, and the exact probability of every item in them (Chen et al., WSDM 2019, section 5: the
// best K' items of a slate are certain, the others are drawn from the best M). Drawing without replacement in
// proportion to exp(logit) is the law of Plackett and Luce; adding Gumbel noise to the logits and sorting draws from it
// (Kool, van Hoof, Welling, ICML 2019).
//
// What is served is not the softmax: items behind the best M have probability 0 whatever the softmax says, and the best
// K' have 1 at their place and 0 elsewhere. Off-policy estimates of a policy that would show the former have no support
// in such a log.
#pragma once

#include <cstdint>
#include <span>

#include "recforce/base/rng.h"

namespace recforce::core {

struct ServingRule {
  double greedy = 0.5;            // share of a slate's places that the best items take, rounded down
  std::int64_t candidates = 200;  // M: items that the rest is drawn from, the best ones; at least the slate
  double temperature = 1.0;       // of the logits; above 0

  [[nodiscard]] std::int64_t certain(std::int64_t slate) const {
    return static_cast<std::int64_t>(greedy * static_cast<double>(slate));
  }
};

// slate := items, best first, then drawn ones in the order of the draws; propensity := of each the probability of
// showing it at its place given the places before, 1 for certain ones. Their product is the probability of the slate.
// An empty `propensity` is not filled, which saves half of the work.
// logits: [I]; -infinity: never. REQUIRES: at least slate.size() finite logits; sizes equal. Ties go to the lower
// index.
void ServeSlate(const ServingRule& rule, std::span<const float> logits, base::Rng& rng, std::span<std::int32_t> slate,
                std::span<double> propensity);

// The same probabilities of a slate that somebody else made, 0 from the first place on where the rule would never have.
void SlatePropensities(const ServingRule& rule, std::span<const float> logits, std::span<const std::int32_t> slate,
                       std::span<double> propensity);

}  // namespace recforce::core
