// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/terms.h"

#include <algorithm>
#include <numeric>

#include "ope/checks.h"

namespace recforce::ope {
namespace {

struct Sums {
  double numerator = 0.0;
  double denominator = 0.0;
  [[nodiscard]] double Quotient() const { return denominator == 0.0 ? 0.0 : numerator / denominator; }
};

Sums SumsOf(const Terms::Ratio& ratio) {
  const auto sum = [](const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); };
  return {sum(ratio.numerator),
          ratio.denominator.empty() ? static_cast<double>(ratio.numerator.size()) : sum(ratio.denominator)};
}

}  // namespace

bool Terms::IsMean() const {
  return std::all_of(ratios.begin(), ratios.end(), [](const Ratio& ratio) { return ratio.denominator.empty(); });
}

double Terms::Value() const {
  double value = 0.0;
  for (const Ratio& ratio : ratios) {
    value += SumsOf(ratio).Quotient();
  }
  return value;
}

std::vector<double> Terms::Linearised() const {
  const auto n = static_cast<double>(rounds());
  std::vector<double> out(rounds(), 0.0);
  for (const Ratio& ratio : ratios) {
    if (ratio.denominator.empty()) {
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] += ratio.numerator[i];
      }
      continue;
    }
    const Sums sums = SumsOf(ratio);
    const double quotient = sums.Quotient();
    const double scale = sums.denominator == 0.0 ? 0.0 : n / sums.denominator;
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] += quotient + scale * (ratio.numerator[i] - quotient * ratio.denominator[i]);
    }
  }
  return out;
}

}  // namespace recforce::ope
