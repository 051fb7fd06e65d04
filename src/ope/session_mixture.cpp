// SPDX-License-Identifier: Apache-2.0
#include "ope/session_mixture.h"

#include <algorithm>
#include <utility>

#include "recforce/ope/intervals.h"

namespace recforce::ope {
namespace {

constexpr double kAlpha = 0.1;  // of the interval that biases are measured from

// Estimates and how their sessions scatter: [estimates][rounds], means taken away.
struct Estimates {
  std::vector<double> value;
  std::vector<std::vector<double>> scatter;
};

Estimates Cumulative(const Terms& terms) {
  Estimates estimates;
  std::vector<double> sum(terms.rounds(), 0.0);
  double value = 0.0;
  for (const Terms::Ratio& ratio : terms.ratios) {
    Terms one;
    one.ratios.push_back(ratio);
    const double mean = one.Value();
    const std::vector<double> linear = one.Linearised();
    for (std::size_t round = 0; round < sum.size(); ++round) {
      sum[round] += linear[round] - mean;
    }
    value += mean;
    estimates.value.push_back(value);
    estimates.scatter.push_back(sum);
  }
  return estimates;
}

double DistanceFrom(const Interval& interval, double value) {
  return std::max({0.0, interval.low - value, value - interval.high});
}

}  // namespace

std::vector<double> LeastOnSimplex(std::span<const double> matrix, std::size_t n) {
  // From corner to corner, the pair that promises most at a time, each move as far as it is worth it.
  constexpr int kMostMoves = 100000;
  std::vector<double> x(n, 0.0);
  x.back() = 1.0;
  std::vector<double> slope(n);
  for (std::size_t i = 0; i < n; ++i) {
    slope[i] = matrix[i * n + n - 1];
  }
  double largest = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    largest = std::max(largest, matrix[i * n + i]);
  }
  for (int move = 0; move < kMostMoves; ++move) {
    const auto to = static_cast<std::size_t>(std::min_element(slope.begin(), slope.end()) - slope.begin());
    std::size_t from = to;  // the steepest that has something to give
    for (std::size_t i = 0; i < n; ++i) {
      from = x[i] > 0.0 && slope[i] > slope[from] ? i : from;
    }
    const double gain = slope[from] - slope[to];
    if (!(gain > 1e-14 * largest)) {
      break;
    }
    const double curvature = matrix[to * n + to] + matrix[from * n + from] - 2.0 * matrix[to * n + from];
    const double by = curvature * x[from] > gain ? gain / curvature : x[from];
    x[to] += by;
    x[from] = by == x[from] ? 0.0 : x[from] - by;
    for (std::size_t i = 0; i < n; ++i) {
      slope[i] += by * (matrix[i * n + to] - matrix[i * n + from]);
    }
  }
  return x;
}

std::vector<double> LeastError(const Terms& terms) {
  const std::size_t n = terms.ratios.size();
  const Estimates estimates = Cumulative(terms);
  const Interval interval = DeltaInterval(terms, kAlpha);
  const auto rounds = static_cast<double>(terms.rounds());
  std::vector<double> error(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    const double bias_i = DistanceFrom(interval, estimates.value[i]);
    for (std::size_t j = 0; j <= i; ++j) {
      double product = 0.0;
      for (std::size_t round = 0; round < terms.rounds(); ++round) {
        product += estimates.scatter[i][round] * estimates.scatter[j][round];
      }
      error[i * n + j] = product / (rounds * rounds) + bias_i * DistanceFrom(interval, estimates.value[j]);
      error[j * n + i] = error[i * n + j];
    }
  }
  return LeastOnSimplex(error, n);
}

}  // namespace recforce::ope
