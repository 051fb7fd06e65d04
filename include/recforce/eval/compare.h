// SPDX-License-Identifier: Apache-2.0
// Paired comparison of two recommenders over the same users, from one training run of each.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace recforce::eval {

struct Comparison {
  double mean_a = 0.0;
  double mean_b = 0.0;
  double difference = 0.0;  // mean of a - b
  double ci_low = 0.0;      // paired percentile bootstrap, 95 %
  double ci_high = 0.0;
  double p = 1.0;  // two-sided sign-flip permutation test, (1 + extreme) / (1 + replicates)
  std::int64_t users = 0;
  std::int64_t users_where_a_wins = 0;
  std::int64_t users_where_b_wins = 0;
};

// a[u], b[u]: the metric of user u under either. The same on any number of threads.
// Error(Data) when the lengths differ or are zero.
Comparison ComparePaired(std::span<const double> a, std::span<const double> b, std::uint64_t seed = 1,
                         std::int64_t replicates = 10000);

// Holm's step-down adjustment: with all of m hypotheses true, the chance that any adjusted p is at most alpha is at
// most alpha. In the order of `p`; never below p, at most 1.
std::vector<double> HolmAdjust(std::span<const double> p);

}  // namespace recforce::eval
