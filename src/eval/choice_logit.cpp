// SPDX-License-Identifier: Apache-2.0
#include "eval/choice_logit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "recforce/base/threads.h"

namespace recforce::eval {
namespace {

constexpr int kMostSteps = 100;
constexpr int kMostConjugateSteps = 200;
constexpr int kMostHalvings = 40;
constexpr double kEnoughDescent = 1e-4;  // of what the gradient promises (Armijo)
constexpr double kSmallGradient = 1e-6;
// Losses closer than this share are equal. Near the minimum rounding hides what a step gains, and the step is right.
constexpr double kRelativeRounding = 1e-12;
constexpr std::int64_t kDisplaysPerChunk = 256;

// Whether a step gained a share of what was promised of it, as far as rounding lets one see.
bool IsEnough(double before, double after, double promised) {
  return after <= before + kEnoughDescent * promised + kRelativeRounding * before;
}

// Tries the lengths 1, 1/2, 1/4, ... of a step until one gains enough; false where none does.
template <class Gains>
bool ShortenUntil(const Gains& gains) {
  double length = 1.0;
  for (int halving = 0; halving < kMostHalvings; ++halving, length *= 0.5) {
    if (gains(length)) {
      return true;
    }
  }
  return false;
}

// The loss of two coefficients, its gradient and Hessian.
struct TwoByTwo {
  double loss = 0.0;
  std::array<double, 2> gradient{};
  std::array<double, 3> hessian{};  // beta beta, beta none, none none
};

// One display: no-click is a choice whose feature is 0.
void AddDisplay(std::span<const double> features, std::int32_t choice, bool no_clicks, const FeatureLogit& at,
                TwoByTwo& sums) {
  double top = no_clicks ? at.no_click : at.beta * features[0];
  for (const double feature : features) {
    top = std::max(top, at.beta * feature);
  }
  const double none = no_clicks ? std::exp(at.no_click - top) : 0.0;
  double total = none;
  double first = 0.0;
  double second = 0.0;
  for (const double feature : features) {
    const double weight = std::exp(at.beta * feature - top);
    total += weight;
    first += weight * feature;
    second += weight * feature * feature;
  }
  const double mean = first / total;
  const double p_none = none / total;
  const double chosen_feature = choice < 0 ? 0.0 : features[static_cast<std::size_t>(choice)];
  const double chosen_utility = choice < 0 ? at.no_click : at.beta * chosen_feature;
  sums.loss += std::log(total) + (top - chosen_utility);
  sums.gradient[0] += mean - chosen_feature;
  sums.gradient[1] += p_none - (choice < 0 ? 1.0 : 0.0);
  sums.hessian[0] += second / total - mean * mean;
  sums.hessian[1] -= p_none * mean;
  sums.hessian[2] += p_none * (1.0 - p_none);
}

TwoByTwo EvaluateFeatures(const data::DisplaySet& set, std::span<const double> features, bool no_clicks,
                          const FeatureLogit& at) {
  TwoByTwo sums{0.5 * (at.beta * at.beta + at.no_click * at.no_click), {at.beta, at.no_click}, {1.0, 0.0, 1.0}};
  for (std::int64_t d = 0; d < set.size(); ++d) {
    const auto place = static_cast<std::size_t>(d);
    AddDisplay(features.subspan(static_cast<std::size_t>(set.offsets[place]), set.shown(d).size()), set.choice[place],
               no_clicks, at, sums);
  }
  return sums;
}

double Dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

double LargestEntry(std::span<const double> values) {
  double largest = 0.0;
  for (const double value : values) {
    largest = std::max(largest, std::abs(value));
  }
  return largest;
}

// The direction that Newton's step takes: Hessian times it is -gradient, as nearly as is worth while (the residual may
// be min(1/2, sqrt |g|) |g|: Nocedal and Wright, algorithm 7.1), by conjugate gradients scaled by the diagonal.
std::vector<double> NewtonDirection(const ItemLogitLoss& loss, double l2, std::span<const double> gradient) {
  const std::size_t n = gradient.size();
  const std::vector<double> diagonal = loss.Diagonal(l2);
  const double size = std::sqrt(Dot(gradient, gradient));
  const double enough = std::min(0.5, std::sqrt(size)) * size;
  std::vector<double> direction(n, 0.0);
  std::vector<double> residual(n);
  std::vector<double> scaled(n);
  for (std::size_t i = 0; i < n; ++i) {
    residual[i] = -gradient[i];
    scaled[i] = residual[i] / diagonal[i];
  }
  std::vector<double> search = scaled;
  std::vector<double> curved(n);
  double rho = Dot(residual, scaled);
  for (int step = 0; step < kMostConjugateSteps && std::sqrt(Dot(residual, residual)) > enough; ++step) {
    loss.Curvature(search, l2, curved);
    const double alpha = rho / Dot(search, curved);
    for (std::size_t i = 0; i < n; ++i) {
      direction[i] += alpha * search[i];
      residual[i] -= alpha * curved[i];
      scaled[i] = residual[i] / diagonal[i];
    }
    const double next = Dot(residual, scaled);
    for (std::size_t i = 0; i < n; ++i) {
      search[i] = scaled[i] + next / rho * search[i];
    }
    rho = next;
  }
  return direction;
}

}  // namespace

FeatureLogit FitFeatureLogit(const data::DisplaySet& set, std::span<const double> features) {
  const bool no_clicks = set.has_no_clicks();
  FeatureLogit at;
  TwoByTwo here = EvaluateFeatures(set, features, no_clicks, at);
  for (int step = 0; step < kMostSteps && LargestEntry(here.gradient) > kSmallGradient; ++step) {
    const auto& [bb, bn, nn] = here.hessian;
    const double determinant = bb * nn - bn * bn;
    const double beta = (bn * here.gradient[1] - nn * here.gradient[0]) / determinant;
    const double none = (bn * here.gradient[0] - bb * here.gradient[1]) / determinant;
    const double promised = here.gradient[0] * beta + here.gradient[1] * none;
    FeatureLogit there;
    TwoByTwo tried;
    const bool gains = ShortenUntil([&](double length) {
      there = {at.beta + length * beta, at.no_click + length * none};
      tried = EvaluateFeatures(set, features, no_clicks, there);
      return IsEnough(here.loss, tried.loss, length * promised);
    });
    if (!gains) {
      break;
    }
    at = there;
    here = tried;
  }
  return at;
}

double ItemLogitLoss::Evaluate(std::span<const double> utilities, double l2, std::vector<double>* gradient) {
  std::vector<double> losses(static_cast<std::size_t>(set_.size()));
  if (gradient != nullptr) {
    probability_.resize(set_.items.size());
    none_.assign(losses.size(), 0.0);
  }
  const double no_click = utilities.back();
  base::ParallelFor(0, set_.size(), kDisplaysPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t d = begin; d < end; ++d) {
      const auto at = static_cast<std::size_t>(d);
      const auto first = static_cast<std::size_t>(set_.offsets[at]);
      const std::span<const std::int32_t> shown = set_.shown(d);
      const auto utility = [&](std::size_t n) { return utilities[static_cast<std::size_t>(shown[n])]; };
      double top = no_clicks_ ? no_click : utility(0);
      for (std::size_t n = 0; n < shown.size(); ++n) {
        top = std::max(top, utility(n));
      }
      const double none = no_clicks_ ? std::exp(no_click - top) : 0.0;
      double total = none;
      for (std::size_t n = 0; n < shown.size(); ++n) {
        const double weight = std::exp(utility(n) - top);
        total += weight;
        if (gradient != nullptr) {
          probability_[first + n] = weight;
        }
      }
      const std::int32_t choice = set_.choice[at];
      losses[at] = std::log(total) + (top - (choice < 0 ? no_click : utility(static_cast<std::size_t>(choice))));
      if (gradient != nullptr) {
        none_[at] = none / total;
        for (std::size_t n = 0; n < shown.size(); ++n) {
          probability_[first + n] /= total;
        }
      }
    }
  });
  double loss = 0.5 * l2 * Dot(utilities, utilities);
  for (const double of_display : losses) {
    loss += of_display;
  }
  if (gradient != nullptr) {
    Scatter(probability_, none_, *gradient);
    for (std::size_t i = 0; i < size_; ++i) {
      (*gradient)[i] += l2 * utilities[i];
    }
    for (std::int64_t d = 0; d < set_.size(); ++d) {
      const std::int32_t item = set_.chosen(d);
      (*gradient)[item < 0 ? size_ - 1 : static_cast<std::size_t>(item)] -= 1.0;
    }
  }
  return loss;
}

void ItemLogitLoss::Scatter(std::span<const double> items, std::span<const double> none,
                            std::vector<double>& out) const {
  out.assign(size_, 0.0);
  for (std::size_t at = 0; at < items.size(); ++at) {
    out[static_cast<std::size_t>(set_.items[at])] += items[at];
  }
  for (const double value : none) {
    out.back() += value;
  }
}

// A display's Hessian is diag(p) - p p', no-click among the p.
void ItemLogitLoss::Curvature(std::span<const double> direction, double l2, std::vector<double>& out) const {
  std::vector<double> items(probability_.size());
  std::vector<double> none(none_.size());
  base::ParallelFor(0, set_.size(), kDisplaysPerChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t d = begin; d < end; ++d) {
      const auto first = static_cast<std::size_t>(set_.offsets[static_cast<std::size_t>(d)]);
      const std::span<const std::int32_t> shown = set_.shown(d);
      const double p_none = none_[static_cast<std::size_t>(d)];
      double mean = p_none * direction.back();
      for (std::size_t n = 0; n < shown.size(); ++n) {
        mean += probability_[first + n] * direction[static_cast<std::size_t>(shown[n])];
      }
      for (std::size_t n = 0; n < shown.size(); ++n) {
        items[first + n] = probability_[first + n] * (direction[static_cast<std::size_t>(shown[n])] - mean);
      }
      none[static_cast<std::size_t>(d)] = p_none * (direction.back() - mean);
    }
  });
  Scatter(items, none, out);
  for (std::size_t i = 0; i < size_; ++i) {
    out[i] += l2 * direction[i];
  }
}

std::vector<double> ItemLogitLoss::Diagonal(double l2) const {
  std::vector<double> diagonal(size_, l2);
  for (std::size_t at = 0; at < probability_.size(); ++at) {
    diagonal[static_cast<std::size_t>(set_.items[at])] += probability_[at] * (1.0 - probability_[at]);
  }
  for (const double p : none_) {
    diagonal.back() += p * (1.0 - p);
  }
  return diagonal;
}

std::vector<double> MinimizeItemLogit(ItemLogitLoss& loss, double l2, std::vector<double> start,
                                      const base::StopFlag* stop) {
  std::vector<double> at = std::move(start);
  std::vector<double> there(at.size());
  std::vector<double> gradient;
  double value = loss.Evaluate(at, l2, &gradient);
  for (int step = 0; step < kMostSteps && LargestEntry(gradient) > kSmallGradient; ++step) {
    if (stop != nullptr) {
      stop->ThrowIfSet();
    }
    const std::vector<double> direction = NewtonDirection(loss, l2, gradient);
    const double promised = Dot(gradient, direction);
    const bool gains = ShortenUntil([&](double length) {
      for (std::size_t i = 0; i < at.size(); ++i) {
        there[i] = at[i] + length * direction[i];
      }
      return IsEnough(value, loss.Evaluate(there, l2, nullptr), length * promised);
    });
    if (!gains) {
      break;
    }
    at = there;
    value = loss.Evaluate(at, l2, &gradient);
  }
  return at;
}

}  // namespace recforce::eval
