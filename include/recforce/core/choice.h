// SPDX-License-Identifier: Apache-2.0
// How a user chooses from what is shown: the distribution that maximises expected utility minus a convex regulariser
// (Chen et al., ICML 2019, section 3). Utilities carry their scale: the paper's eta is multiplied in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace recforce::core {

enum class ChoiceLaw : std::uint8_t {
  kSoftmax,    // regulariser: Shannon's negative entropy
  kSparsemax,  // half the squared norm ("L2"; Martins and Astudillo, ICML 2016)
  kEntmax15,   // Tsallis' negative entropy with alpha = 1.5 (Peters et al., ACL 2019)
};

struct ChoiceRule {
  ChoiceLaw law = ChoiceLaw::kSoftmax;
  std::optional<float> no_click = std::nullopt;  // utility of choosing nothing; empty: something is always chosen
};

// "shannon", "l2" or "entmax15"; Error(Usage) for another name.
ChoiceLaw ParseChoiceLaw(std::string_view name);

// out[i] := probability of choosing item i. Returns the probability of choosing nothing. -infinity utilities are never
// chosen; any finite size is fine. REQUIRES: a finite utility, or no_click; out.size() == utilities.size().
double ChoiceProbabilities(const ChoiceRule& rule, std::span<const float> utilities, std::span<double> out);
double ChoiceProbabilities(const ChoiceRule& rule, std::span<const double> utilities, std::span<double> out);

// The choice that a uniform number in (0, 1) stands for: an index, or -1 for nothing. REQUIRES: as above.
std::int32_t Choose(const ChoiceRule& rule, std::span<const float> utilities, double uniform);

// The Fenchel-Young loss of a choice: max over distributions p of <p, u> - R(p), minus u of the choice and plus R of
// certainty, so that it is >= 0 and 0 exactly when the choice has probability 1. With Shannon's R it is the negative
// log-likelihood. `choice`: an index, or -1 for nothing (REQUIRES: no_click).
double ChoiceLoss(const ChoiceRule& rule, std::span<const float> utilities, std::int32_t choice);
double ChoiceLoss(const ChoiceRule& rule, std::span<const double> utilities, std::int32_t choice);

}  // namespace recforce::core
