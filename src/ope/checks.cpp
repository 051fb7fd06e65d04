// SPDX-License-Identifier: Apache-2.0
#include "ope/checks.h"

#include <cmath>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::ope {
namespace {

// Softmax in float over a large catalogue sums to 1 within this.
constexpr double kRowSumTolerance = 1e-4;
// A probability may exceed 1 by its rounding.
constexpr double kRounding = 1e-6;

template <class Ok>
void RequireAll(std::string_view what, std::span<const double> values, std::string_view expected, const Ok& ok) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || !ok(values[i])) {
      Fail(what, base::FormatReal(values[i]) + " at index " + std::to_string(i), expected);
    }
  }
}

}  // namespace

void Fail(std::string_view what, const std::string& found, std::string_view expected) {
  throw base::Error(base::ErrorKind::kData, "off-policy evaluation: " + std::string(what) + ": " + found +
                                                "; expected " + std::string(expected));
}

void RequireRounds(std::string_view what, std::size_t rounds, std::size_t least) {
  if (rounds < least) {
    Fail(what, std::to_string(rounds), "at least " + std::to_string(least));
  }
}

void RequireSize(std::string_view what, std::size_t found, std::size_t expected, std::string_view each) {
  if (found != expected) {
    Fail(what, std::to_string(found) + " values", std::to_string(expected) + ", " + std::string(each));
  }
}

void RequireFinite(std::string_view what, std::span<const double> values) {
  RequireAll(what, values, "finite numbers", [](double) { return true; });
}

void RequireNotNegative(std::string_view what, std::span<const double> values) {
  RequireAll(what, values, "finite numbers from 0 on", [](double value) { return value >= 0.0; });
}

void RequireProbabilities(std::string_view what, std::span<const double> values, bool positive) {
  if (positive) {
    RequireAll(what, values, "numbers above 0 and up to 1",
               [](double value) { return value > 0.0 && value <= 1.0 + kRounding; });
  } else {
    RequireAll(what, values, "numbers from 0 to 1",
               [](double value) { return value >= 0.0 && value <= 1.0 + kRounding; });
  }
}

std::size_t RequireDistributions(std::string_view what, std::span<const double> values, std::int64_t width) {
  if (width < 1 || values.empty() || values.size() % static_cast<std::size_t>(width) != 0) {
    Fail(what, std::to_string(values.size()) + " values", "rows of " + std::to_string(width) + ", at least one");
  }
  RequireProbabilities(what, values);
  const auto columns = static_cast<std::size_t>(width);
  for (std::size_t row = 0; row < values.size() / columns; ++row) {
    double sum = 0.0;
    for (const double value : values.subspan(row * columns, columns)) {
      sum += value;
    }
    if (std::abs(sum - 1.0) > kRowSumTolerance) {
      Fail(what, "row " + std::to_string(row) + " sums to " + base::FormatReal(sum), "rows that sum to 1");
    }
  }
  return values.size() / columns;
}

void RequireIndices(std::string_view what, std::span<const std::int32_t> values, std::int64_t count) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= count) {
      Fail(what, std::to_string(values[i]) + " at index " + std::to_string(i),
           "numbers from 0 to " + std::to_string(count - 1));
    }
  }
}

void RequireLevel(std::string_view what, double level) {
  if (!(level > 0.0 && level < 1.0)) {
    Fail(what, base::FormatReal(level), "a number between 0 and 1");
  }
}

Terms RequireFiniteTerms(std::string_view what, Terms terms) {
  for (const Terms::Ratio& ratio : terms.ratios) {
    RequireFinite(what, ratio.numerator);
    RequireFinite(what, ratio.denominator);
  }
  return terms;
}

double MeanOf(std::span<const double> values) {
  double sum = 0.0;
  for (const double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

double SpreadOf(std::span<const double> values, double center) {
  double sum = 0.0;
  for (const double value : values) {
    sum += (value - center) * (value - center);
  }
  return sum / static_cast<double>(values.size());
}

}  // namespace recforce::ope
