// SPDX-License-Identifier: Apache-2.0
// The checks of input that the files of this room share. All throw base::Error(Data). Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "recforce/ope/terms.h"

namespace recforce::ope {

// "off-policy evaluation: WHAT: FOUND; expected EXPECTED".
[[noreturn]] void Fail(std::string_view what, const std::string& found, std::string_view expected);

void RequireRounds(std::string_view what, std::size_t rounds, std::size_t least = 1);
// `expected` values; `each`: "one for each round" or the like.
void RequireSize(std::string_view what, std::size_t found, std::size_t expected, std::string_view each);
void RequireFinite(std::string_view what, std::span<const double> values);
void RequireNotNegative(std::string_view what, std::span<const double> values);
// In [0, 1]; `positive`: in (0, 1].
void RequireProbabilities(std::string_view what, std::span<const double> values, bool positive = false);
// Rows of `width` probabilities that sum to 1. Returns how many rows there are, at least one.
std::size_t RequireDistributions(std::string_view what, std::span<const double> values, std::int64_t width);
void RequireIndices(std::string_view what, std::span<const std::int32_t> values, std::int64_t count);
// A level in (0, 1).
void RequireLevel(std::string_view what, double level);

// Products of many ratios can leave the range of double.
Terms RequireFiniteTerms(std::string_view what, Terms terms);

// The mean of at least one value.
double MeanOf(std::span<const double> values);
// Mean square about `center` (1/n).
double SpreadOf(std::span<const double> values, double center);

}  // namespace recforce::ope
