// SPDX-License-Identifier: Apache-2.0
// Paired bootstrap and sign-flip permutation over users. Every replicate has a random stream of its own, so
// the result is the same on any number of threads; see docs/metrics.md for what is computed.
#include "recforce/eval/compare.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::eval {
namespace {

constexpr std::int64_t kReplicatesPerChunk = 64;

// Sums over many users are only as good as their rounding: two sums closer than this share of sum |d| are equal.
constexpr double kRelativeRounding = 1e-12;

// Sum of n draws with replacement. An index is (32 random bits * n) >> 32: its bias is below n / 2^32, far under
// the Monte Carlo error, and it costs no division. REQUIRES: n < 2^32.
double ResampledSum(std::span<const double> differences, base::Rng rng) {
  const auto n = static_cast<std::uint64_t>(differences.size());
  double sum = 0.0;
  for (std::uint64_t draw = 0; draw < n; ++draw) {
    sum += differences[static_cast<std::size_t>((rng.Next() * n) >> 32U)];
  }
  return sum;
}

// Sum with every sign kept or flipped by one random bit, 32 users a random number.
double FlippedSum(std::span<const double> differences, base::Rng rng) {
  double sum = 0.0;
  for (std::size_t first = 0; first < differences.size(); first += 32) {
    const std::uint32_t bits = rng.Next();
    const std::span<const double> part =
        differences.subspan(first, std::min<std::size_t>(32, differences.size() - first));
    double flipped = 0.0;
    double total = 0.0;
    for (std::size_t lane = 0; lane < part.size(); ++lane) {
      flipped += static_cast<double>((bits >> lane) & 1U) * part[lane];
      total += part[lane];
    }
    sum += total - 2.0 * flipped;
  }
  return sum;
}

}  // namespace

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
  double magnitude = 0.0;
  for (std::size_t user = 0; user < a.size(); ++user) {
    const double difference = a[user] - b[user];
    differences[user] = difference;
    result.mean_a += a[user];
    result.mean_b += b[user];
    sum += difference;
    magnitude += std::abs(difference);
    result.users_where_a_wins += difference > 0.0 ? 1 : 0;
    result.users_where_b_wins += difference < 0.0 ? 1 : 0;
  }
  result.mean_a /= n;
  result.mean_b /= n;
  result.difference = sum / n;

  const auto count = static_cast<std::size_t>(replicates);
  const double threshold = std::abs(sum) - kRelativeRounding * magnitude;
  std::vector<double> sums(count);
  std::vector<std::uint8_t> extreme(count);
  base::ParallelFor(0, replicates, kReplicatesPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const auto at = static_cast<std::size_t>(r);
      const auto stream = static_cast<std::uint64_t>(r);
      sums[at] = ResampledSum(differences, base::Rng(seed, base::Stream::kBootstrap, stream));
      const base::Rng signs(seed, base::Stream::kBootstrap, static_cast<std::uint64_t>(replicates) + stream);
      extreme[at] = std::abs(FlippedSum(differences, signs)) >= threshold ? 1 : 0;
    }
  });

  // A fortieth of the replicates is left out at either end: 2.5 % each.
  std::sort(sums.begin(), sums.end());
  const std::size_t left_out = count / 40;
  result.ci_low = sums[left_out] / n;
  result.ci_high = sums[count - 1 - left_out] / n;
  const auto extremes = std::count(extreme.begin(), extreme.end(), 1);
  result.p = (1.0 + static_cast<double>(extremes)) / (1.0 + static_cast<double>(replicates));
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
