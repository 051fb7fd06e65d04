// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/intervals.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "eval/resample.h"
#include "ope/checks.h"
#include "ope/quantile.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"

namespace recforce::ope {
namespace {

constexpr std::size_t kLeastRounds = 2;  // a spread needs two

// Columns that are resampled: numerators, each followed by its denominator if it has one.
std::vector<std::span<const double>> ColumnsOf(std::span<const Terms> estimates) {
  std::vector<std::span<const double>> columns;
  for (const Terms& terms : estimates) {
    for (const Terms::Ratio& ratio : terms.ratios) {
      columns.emplace_back(ratio.numerator);
      if (!ratio.denominator.empty()) {
        columns.emplace_back(ratio.denominator);
      }
    }
  }
  return columns;
}

// [n] the unit that each round belongs to: rounds in random order, cut into `units` of n / units rounds.
std::vector<std::uint32_t> UnitOfRounds(std::size_t n, std::size_t units, std::uint64_t seed) {
  std::vector<std::uint32_t> unit(n);
  for (std::size_t i = 0; i < n; ++i) {
    unit[i] = static_cast<std::uint32_t>(i * units / n);
  }
  base::Rng rng(seed, base::Stream::kBootstrap, 0, 1);
  rng.Shuffle(std::span(unit));
  return unit;
}

// What is resampled, [units, columns + 1]: sums of the columns, and last how many rounds they are of.
std::vector<double> UnitsOf(const std::vector<std::span<const double>>& columns, std::size_t n,
                            const BootstrapOptions& options) {
  const std::size_t width = columns.size() + 1;
  const std::size_t units = std::min(n, static_cast<std::size_t>(options.most_units));
  std::vector<double> rows(units * width, 0.0);
  const std::vector<std::uint32_t> unit =
      units < n ? UnitOfRounds(n, units, options.seed) : std::vector<std::uint32_t>();
  for (std::size_t i = 0; i < n; ++i) {
    double* row = rows.data() + (unit.empty() ? i : unit[i]) * width;
    for (std::size_t column = 0; column < columns.size(); ++column) {
      row[column] += columns[column][i];
    }
    row[columns.size()] += 1.0;
  }
  return rows;
}

// Moves `sums` on behind the columns of `terms`.
double TakeValue(const Terms& terms, std::span<const double>& sums, double rounds) {
  const auto take = [&sums] {
    const double value = sums.front();
    sums = sums.subspan(1);
    return value;
  };
  double value = 0.0;
  for (const Terms::Ratio& ratio : terms.ratios) {
    const double numerator = take();
    const double denominator = ratio.denominator.empty() ? rounds : take();
    value += denominator == 0.0 ? 0.0 : numerator / denominator;
  }
  return value;
}

double RootMean(double spread, std::size_t rounds) { return std::sqrt(spread / static_cast<double>(rounds)); }

void RequireBounded(std::span<const double> values, double max) {
  RequireRounds("rounds of a lower bound", values.size(), kLeastRounds);
  RequireNotNegative("terms of a lower bound", values);
  if (!std::isfinite(max) || *std::max_element(values.begin(), values.end()) > max) {
    Fail("terms of a lower bound", base::FormatReal(*std::max_element(values.begin(), values.end())),
         "numbers up to " + base::FormatReal(max));
  }
}

}  // namespace

std::vector<Interval> BootstrapIntervals(std::span<const Terms> estimates, const BootstrapOptions& options) {
  if (estimates.empty()) {
    return {};
  }
  const std::size_t n = estimates.front().rounds();
  RequireRounds("rounds of an interval", n, kLeastRounds);
  for (const Terms& terms : estimates) {
    RequireSize("rounds of an interval", terms.rounds(), n, "as many as those of the first estimate");
  }
  RequireLevel("alpha of an interval", options.alpha);
  RequireRounds("replicates of a bootstrap", options.replicates > 0 ? static_cast<std::size_t>(options.replicates) : 0);
  RequireRounds("units of a bootstrap", options.most_units > 0 ? static_cast<std::size_t>(options.most_units) : 0,
                kLeastRounds);
  const std::vector<std::span<const double>> columns = ColumnsOf(estimates);
  const std::size_t width = columns.size() + 1;
  const std::vector<double> sums = eval::ResampledSums(UnitsOf(columns, n, options), static_cast<std::int64_t>(width),
                                                       options.seed, options.replicates);
  std::vector<std::vector<double>> values(estimates.size());
  for (std::size_t r = 0; r < static_cast<std::size_t>(options.replicates); ++r) {
    std::span<const double> left = std::span(sums).subspan(r * width, width);
    const double rounds = left.back();
    for (std::size_t at = 0; at < estimates.size(); ++at) {
      values[at].push_back(TakeValue(estimates[at], left, rounds));
    }
  }
  // As eval::MiddleOf for any level; the addend keeps a share such as .05 / 2 * 10,000 from rounding down by one.
  const auto left_out = static_cast<std::size_t>(0.5 * options.alpha * static_cast<double>(options.replicates) + 1e-9);
  std::vector<Interval> intervals;
  for (std::vector<double>& of_one : values) {
    std::sort(of_one.begin(), of_one.end());
    intervals.push_back({of_one[left_out], of_one[of_one.size() - 1 - left_out]});
  }
  return intervals;
}

Interval BootstrapInterval(const Terms& terms, const BootstrapOptions& options) {
  return BootstrapIntervals({&terms, 1}, options).front();
}

double StandardError(const Terms& terms) {
  RequireRounds("rounds of an interval", terms.rounds(), kLeastRounds);
  const std::vector<double> linearised = terms.Linearised();
  return RootMean(SpreadOf(linearised, MeanOf(linearised)), linearised.size());
}

Interval DeltaInterval(const Terms& terms, double alpha) {
  RequireLevel("alpha of an interval", alpha);
  const double reach = NormalQuantile(1.0 - 0.5 * alpha) * StandardError(terms);
  return {terms.Value() - reach, terms.Value() + reach};
}

Interval StudentInterval(const Terms& terms, double alpha) {
  RequireLevel("alpha of an interval", alpha);
  const std::vector<double> linearised = terms.Linearised();
  const double low = StudentLowerBound(linearised, 0.5 * alpha);
  const double reach = MeanOf(linearised) - low;
  return {terms.Value() - reach, terms.Value() + reach};
}

double StudentLowerBound(std::span<const double> values, double delta) {
  RequireRounds("rounds of a lower bound", values.size(), kLeastRounds);
  RequireFinite("terms of a lower bound", values);
  RequireLevel("delta of a lower bound", delta);
  const double mean = MeanOf(values);
  const std::size_t degrees = values.size() - 1;
  return mean - StudentQuantile(1.0 - delta, static_cast<double>(degrees)) * RootMean(SpreadOf(values, mean), degrees);
}

double HoeffdingLowerBound(std::span<const double> values, double max, double delta) {
  RequireBounded(values, max);
  RequireLevel("delta of a lower bound", delta);
  return MeanOf(values) - max * RootMean(0.5 * std::log(1.0 / delta), values.size());
}

double BernsteinLowerBound(std::span<const double> values, double max, double delta) {
  RequireBounded(values, max);
  RequireLevel("delta of a lower bound", delta);
  const double mean = MeanOf(values);
  const std::size_t degrees = values.size() - 1;
  const double log_term = std::log(2.0 / delta);
  return mean - 7.0 * max * log_term / (3.0 * static_cast<double>(degrees)) -
         RootMean(2.0 * log_term * SpreadOf(values, mean), degrees);
}

}  // namespace recforce::ope
