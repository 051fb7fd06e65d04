// SPDX-License-Identifier: Apache-2.0
// Resampling of users, as every interval and test of this room uses it: replicate r draws from a random stream of its
// own, so results do not depend on the number of threads. docs/metrics.md says what is computed. Internal.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace recforce::eval {

// Column sums over as many rows as there are, drawn with replacement: [replicates, width]. Replicate r draws the same
// rows whatever they hold. rows: [n, width], one for each user. REQUIRES: n < 2^32, width > 0.
std::vector<double> ResampledSums(std::span<const double> rows, std::int64_t width, std::uint64_t seed,
                                  std::int64_t replicates);

// Two-sided p of a sum of differences that could as well have had the other sign each: (1 + extreme) / (1 +
// replicates).
double SignFlipP(std::span<const double> differences, std::uint64_t seed, std::int64_t replicates);

// The ends of the middle 95 % of `values`: a fortieth of them is left out at either end. REQUIRES: a value.
struct Middle {
  double low = 0.0;
  double high = 0.0;
};
Middle MiddleOf(std::vector<double> values);

}  // namespace recforce::eval
