// SPDX-License-Identifier: Apache-2.0
// All laws are exact: softmax after subtracting the largest utility, sparsemax and 1.5-entmax by sorting (Peters et
// al. 2019, algorithm 2). The utility of choosing nothing takes part as one more item.
#include "recforce/core/choice.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "recforce/base/error.h"

namespace recforce::core {
namespace {

// Utilities as doubles, that of choosing nothing last; kept from call to call.
struct Scratch {
  std::vector<double> u;
  std::vector<double> sorted;
  std::vector<double> p;
};

template <class T>
Scratch& Fill(const ChoiceRule& rule, std::span<const T> utilities) {
  thread_local Scratch scratch;
  scratch.u.assign(utilities.begin(), utilities.end());
  if (rule.no_click) {
    scratch.u.push_back(static_cast<double>(*rule.no_click));
  }
  scratch.p.resize(scratch.u.size());
  return scratch;
}

void Softmax(Scratch& s, double top) {
  double sum = 0.0;
  for (std::size_t i = 0; i < s.u.size(); ++i) {
    s.p[i] = std::exp(s.u[i] - top);
    sum += s.p[i];
  }
  for (double& p : s.p) {
    p /= sum;
  }
}

// The threshold tau of sum (z_i - tau)_+ = 1, z sorted downwards.
double SparsemaxThreshold(const std::vector<double>& z) {
  double sum = 0.0;
  double tau = 0.0;
  for (std::size_t k = 0; k < z.size() && std::isfinite(z[k]); ++k) {
    sum += z[k];
    const double candidate = (sum - 1.0) / static_cast<double>(k + 1);
    if (z[k] <= candidate) {
      break;
    }
    tau = candidate;
  }
  return tau;
}

// The threshold tau of sum (z_i - tau)_+^2 = 1, z sorted downwards and already halved.
double EntmaxThreshold(const std::vector<double>& z) {
  double mean = 0.0;
  double square = 0.0;
  double tau = 0.0;
  for (std::size_t k = 0; k < z.size() && std::isfinite(z[k]); ++k) {
    const auto n = static_cast<double>(k + 1);
    const double step = z[k] - mean;
    mean += step / n;
    square += step * (z[k] - mean);  // Welford: n times the variance
    const double inside = (1.0 - square) / n;
    if (inside < 0.0) {
      break;
    }
    const double candidate = mean - std::sqrt(inside);
    if (z[k] < candidate) {
      break;
    }
    tau = candidate;
  }
  return tau;
}

// p from u.
void Solve(ChoiceLaw law, Scratch& s) {
  const double top = *std::max_element(s.u.begin(), s.u.end());
  RECFORCE_CHECK(std::isfinite(top), "a choice needs something to choose");
  if (law == ChoiceLaw::kSoftmax) {
    Softmax(s, top);
    return;
  }
  const double scale = law == ChoiceLaw::kEntmax15 ? 0.5 : 1.0;
  s.sorted.clear();
  for (const double u : s.u) {
    s.sorted.push_back(scale * (u - top));
  }
  std::sort(s.sorted.begin(), s.sorted.end(), std::greater<>());
  const double tau = law == ChoiceLaw::kSparsemax ? SparsemaxThreshold(s.sorted) : EntmaxThreshold(s.sorted);
  for (std::size_t i = 0; i < s.u.size(); ++i) {
    const double over = std::max(0.0, scale * (s.u[i] - top) - tau);
    s.p[i] = law == ChoiceLaw::kSparsemax ? over : over * over;
  }
}

// The regulariser minus its value at certainty, where p is the distribution.
double Regulariser(ChoiceLaw law, std::span<const double> p) {
  double sum = 0.0;
  for (const double x : p) {
    switch (law) {
      case ChoiceLaw::kSoftmax:
        sum += x > 0.0 ? x * std::log(x) : 0.0;
        break;
      case ChoiceLaw::kSparsemax:
        sum += 0.5 * x * x;
        break;
      case ChoiceLaw::kEntmax15:
        sum += x * std::sqrt(x) / 0.75;  // Tsallis: (sum p^a - 1) / (a (a - 1)), a = 1.5
        break;
    }
  }
  switch (law) {
    case ChoiceLaw::kSparsemax:
      return sum - 0.5;
    case ChoiceLaw::kEntmax15:
      return sum - 1.0 / 0.75;
    default:
      return sum;
  }
}

double Probabilities(const ChoiceRule& rule, Scratch& scratch, std::span<double> out) {
  Solve(rule.law, scratch);
  std::copy_n(scratch.p.begin(), out.size(), out.begin());
  return rule.no_click ? scratch.p.back() : 0.0;
}

double Loss(const ChoiceRule& rule, Scratch& scratch, std::int32_t choice) {
  const double chosen = choice < 0 ? scratch.u.back() : scratch.u[static_cast<std::size_t>(choice)];
  const double top = *std::max_element(scratch.u.begin(), scratch.u.end());
  if (rule.law == ChoiceLaw::kSoftmax) {
    double sum = 0.0;
    for (const double u : scratch.u) {
      sum += std::exp(u - top);
    }
    return std::log(sum) + (top - chosen);
  }
  Solve(rule.law, scratch);
  double gap = 0.0;  // <p, u> - chosen, relative to the top so that large utilities do not cancel
  for (std::size_t i = 0; i < scratch.u.size(); ++i) {
    gap += scratch.p[i] > 0.0 ? scratch.p[i] * (scratch.u[i] - top) : 0.0;
  }
  return std::max(0.0, gap + (top - chosen) - Regulariser(rule.law, scratch.p));
}

}  // namespace

ChoiceLaw ParseChoiceLaw(std::string_view name) {
  if (name == "shannon") {
    return ChoiceLaw::kSoftmax;
  }
  if (name == "l2") {
    return ChoiceLaw::kSparsemax;
  }
  if (name == "entmax15") {
    return ChoiceLaw::kEntmax15;
  }
  throw base::Error(base::ErrorKind::kUsage,
                    "unknown law of choice: '" + std::string(name) + "'; expected shannon, l2 or entmax15");
}

double ChoiceProbabilities(const ChoiceRule& rule, std::span<const float> utilities, std::span<double> out) {
  return Probabilities(rule, Fill(rule, utilities), out);
}

double ChoiceProbabilities(const ChoiceRule& rule, std::span<const double> utilities, std::span<double> out) {
  return Probabilities(rule, Fill(rule, utilities), out);
}

std::int32_t Choose(const ChoiceRule& rule, std::span<const float> utilities, double uniform) {
  Scratch& scratch = Fill(rule, utilities);
  Solve(rule.law, scratch);
  double left = uniform;
  std::int32_t last = -1;
  for (std::size_t i = 0; i < utilities.size(); ++i) {
    if (scratch.p[i] > 0.0) {
      last = static_cast<std::int32_t>(i);
      left -= scratch.p[i];
      if (left < 0.0) {
        return last;
      }
    }
  }
  // Where rounding leaves a rest, something is still chosen.
  return rule.no_click && scratch.p.back() > 0.0 ? -1 : last;
}

double ChoiceLoss(const ChoiceRule& rule, std::span<const float> utilities, std::int32_t choice) {
  return Loss(rule, Fill(rule, utilities), choice);
}

double ChoiceLoss(const ChoiceRule& rule, std::span<const double> utilities, std::int32_t choice) {
  return Loss(rule, Fill(rule, utilities), choice);
}

}  // namespace recforce::core
