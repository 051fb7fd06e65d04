// SPDX-License-Identifier: Apache-2.0
// Paired bootstrap and sign-flip permutation over users; see docs/metrics.md for what is computed.
#include "recforce/eval/compare.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include "eval/resample.h"
#include "recforce/base/error.h"

namespace recforce::eval {

Comparison ComparePaired(std::span<const double> a, std::span<const double> b, std::uint64_t seed,
                         std::int64_t replicates) {
  RECFORCE_CHECK(replicates > 0, "a comparison needs replicates");
  if (a.size() != b.size()) {
    throw base::Error(base::ErrorKind::kData, "comparison: different numbers of users: " + std::to_string(a.size()) +
                                                  " and " + std::to_string(b.size()) +
                                                  "; expected the same users under both models");
  }
  if (a.empty()) {
    throw base::Error(base::ErrorKind::kData, "comparison: no users to compare: 0; expected at least one");
  }
  Comparison result;
  result.users = static_cast<std::int64_t>(a.size());
  const auto n = static_cast<double>(a.size());
  std::vector<double> differences(a.size());
  double sum = 0.0;
  for (std::size_t user = 0; user < a.size(); ++user) {
    const double difference = a[user] - b[user];
    differences[user] = difference;
    result.mean_a += a[user];
    result.mean_b += b[user];
    sum += difference;
    result.users_where_a_wins += difference > 0.0 ? 1 : 0;
    result.users_where_b_wins += difference < 0.0 ? 1 : 0;
  }
  result.mean_a /= n;
  result.mean_b /= n;
  result.difference = sum / n;

  const Middle sums = MiddleOf(ResampledSums(differences, 1, seed, replicates));
  result.ci_low = sums.low / n;
  result.ci_high = sums.high / n;
  result.p = SignFlipP(differences, seed, replicates);
  return result;
}

std::vector<double> HolmAdjust(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&p](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double largest = 0.0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, static_cast<double>(order.size() - rank) * p[order[rank]]);
    adjusted[order[rank]] = std::min(1.0, largest);
  }
  return adjusted;
}

}  // namespace recforce::eval
