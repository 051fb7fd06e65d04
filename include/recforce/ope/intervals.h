// SPDX-License-Identifier: Apache-2.0
// How far an estimate may be from the truth, from its terms. Intervals are two-sided at level 1 - alpha, lower bounds
// one-sided at level 1 - delta. Error(Data): fewer than two rounds, levels outside (0, 1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recforce/ope/terms.h"

namespace recforce::ope {

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

struct BootstrapOptions {
  double alpha = 0.05;
  std::int64_t replicates = 10000;
  std::uint64_t seed = 1;
  // What is drawn is a round, or where there are more rounds than this, one of so many groups of rounds of equal size
  // that were put together at random. Sums over equal groups vary as sums over rounds do, and an interval of 16,384 of
  // them is as wide within a percent, far below the noise of some thousand replicates.
  std::int64_t most_units = std::int64_t{1} << 14;
};

// Percentile bootstrap over rounds. Numerators and denominators are drawn together and every ratio is formed anew, so
// that the interval is that of the ratio and not of its numerator. The same on any number of threads. Costs
// replicates x min(rounds, most_units) draws. Error(Data): replicates < 1, most_units < 2.
Interval BootstrapInterval(const Terms& terms, const BootstrapOptions& options = {});
// One for each of several estimates over the same rounds, from one set of draws: equal to one by one, but for the cost.
std::vector<Interval> BootstrapIntervals(std::span<const Terms> estimates, const BootstrapOptions& options = {});

// Standard error by the delta method: sqrt(sum_i (linearised_i - value)^2) / n, which is
// sqrt(sum w^2 (r - V)^2) / sum w for a ratio sum w r / sum w.
double StandardError(const Terms& terms);
// Value -+ z StandardError, z the normal quantile.
Interval DeltaInterval(const Terms& terms, double alpha = 0.05);
// Value -+ t sqrt(var / (n - 1)) of the linearised terms (var with 1/n), t the quantile of n - 1 degrees of freedom.
Interval StudentInterval(const Terms& terms, double alpha = 0.05);

// mean - t_{1-delta, n-1} sqrt(var / (n - 1)), var with 1/n. values: finite.
double StudentLowerBound(std::span<const double> values, double delta = 0.05);
// mean - max sqrt(ln(1/delta) / (2 n)). values: in [0, max]. A promise for finite n only where `max` was known before
// the data were seen (largest weight or clip, times largest reward); the largest value seen is a rough guess of it.
double HoeffdingLowerBound(std::span<const double> values, double max, double delta = 0.05);
// mean - 7 max ln(2/delta) / (3 (n - 1)) - sqrt(2 ln(2/delta) var / (n - 1)), var with 1/n (Maurer & Pontil, COLT
// 2009). values and `max` as above.
double BernsteinLowerBound(std::span<const double> values, double max, double delta = 0.05);

}  // namespace recforce::ope
