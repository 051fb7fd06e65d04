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
#include "recforce/base/text.h"

namespace recforce::ope {
namespace {

constexpr std::size_t kLeastRounds = 2;  // a spread needs two

// [n, width] numerators, each followed by its denominator if it has one.
std::vector<double> RowsOf(const Terms& terms, std::size_t& width) {
  width = terms.ratios.size();
  for (const Terms::Ratio& ratio : terms.ratios) {
    width += ratio.denominator.empty() ? 0 : 1;
  }
  std::vector<double> rows(terms.rounds() * width);
  std::size_t column = 0;
  const auto put = [&](const std::vector<double>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      rows[i * width + column] = values[i];
    }
    ++column;
  };
  for (const Terms::Ratio& ratio : terms.ratios) {
    put(ratio.numerator);
    if (!ratio.denominator.empty()) {
      put(ratio.denominator);
    }
  }
  return rows;
}

double ValueOfSums(const Terms& terms, std::span<const double> sums) {
  double value = 0.0;
  std::size_t column = 0;
  for (const Terms::Ratio& ratio : terms.ratios) {
    const double numerator = sums[column++];
    const double denominator = ratio.denominator.empty() ? static_cast<double>(terms.rounds()) : sums[column++];
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

Interval BootstrapInterval(const Terms& terms, const BootstrapOptions& options) {
  RequireRounds("rounds of an interval", terms.rounds(), kLeastRounds);
  RequireLevel("alpha of an interval", options.alpha);
  RequireRounds("replicates of a bootstrap", options.replicates > 0 ? static_cast<std::size_t>(options.replicates) : 0);
  std::size_t width = 0;
  const std::vector<double> rows = RowsOf(terms, width);
  const std::vector<double> sums =
      eval::ResampledSums(rows, static_cast<std::int64_t>(width), options.seed, options.replicates);
  std::vector<double> values(static_cast<std::size_t>(options.replicates));
  for (std::size_t r = 0; r < values.size(); ++r) {
    values[r] = ValueOfSums(terms, std::span(sums).subspan(r * width, width));
  }
  std::sort(values.begin(), values.end());
  // As eval::MiddleOf for any level; the addend keeps a share such as .05 / 2 * 10,000 from rounding down by one.
  const auto left_out = static_cast<std::size_t>(0.5 * options.alpha * static_cast<double>(options.replicates) + 1e-9);
  return {values[left_out], values[values.size() - 1 - left_out]};
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
