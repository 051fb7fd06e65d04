// SPDX-License-Identifier: Apache-2.0
// Newton's method on a sum over rounds plus ridges. The Hessian is an arrow: a block A of the common coefficients, a
// block D_a for each item a, and B_a where they meet, so that
//   (A - sum_a B_a^T D_a^-1 B_a) dw = g - sum_a B_a^T D_a^-1 g_a,   du_a = D_a^-1 (g_a - B_a dw).
#include "ope/arrow_regression.h"

#include <algorithm>
#include <cmath>

#include "ope/cholesky.h"
#include "recforce/base/error.h"

namespace recforce::ope {
namespace {

constexpr double kInterceptRidge = 1e-6;  // enough for a minimum to exist when all rewards are equal
constexpr int kMostSteps = 100;
constexpr int kMostHalvings = 40;
constexpr double kTolerance = 1e-12;  // of the decrease that a step promises, against the objective

double Dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

// Lower triangle of m += scale * v v^T.
void AddOuter(std::span<const double> v, double scale, std::span<double> m) {
  for (std::size_t row = 0; row < v.size(); ++row) {
    const double value = scale * v[row];
    if (value == 0.0) {
      continue;  // most columns of categories
    }
    double* out = m.data() + row * v.size();
    for (std::size_t col = 0; col <= row; ++col) {
      out[col] += value * v[col];
    }
  }
}

// log(1 + exp(f)) without overflow.
double SoftPlus(double f) { return std::max(f, 0.0) + std::log1p(std::exp(-std::fabs(f))); }

class ArrowSolver {
 public:
  ArrowSolver(const RewardRounds& rounds, const RewardFeatures& features, const RewardModelOptions& options,
              RewardLaw law, std::span<const std::int64_t> listed)
      : rounds_(rounds),
        features_(features),
        logistic_(law == RewardLaw::kLogistic),
        s_(features.common_size()),
        t_(features.own_size()),
        common_row_(s_),
        common_ridge_(s_, options.common_ridge),
        own_ridge_(t_, options.interaction_ridge) {
    common_ridge_[0] = kInterceptRidge;
    const auto first_feature = common_ridge_.begin() + static_cast<std::ptrdiff_t>(features.context_size());
    const auto first_product = first_feature + static_cast<std::ptrdiff_t>(features.feature_size());
    std::fill(first_feature, first_product, options.action_ridge);
    std::fill(first_product, common_ridge_.end(), options.interaction_ridge);
    own_ridge_[0] = options.action_ridge;
    GroupByItem(listed);
    fit_.common.assign(s_, 0.0);
    fit_.own.assign(fit_.items.size() * t_, 0.0);
    StartAtMean();
  }

  ArrowFit Run() {
    double objective = Objective(fit_);
    for (int step = 0; step < kMostSteps; ++step) {
      FindStep();
      const double promised = promised_;
      if (!(promised > kTolerance * (1.0 + std::fabs(objective)))) {
        break;
      }
      const double before = objective;
      objective = Walk(objective);
      if (!(objective < before)) {
        break;
      }
    }
    return std::move(fit_);
  }

 private:
  void GroupByItem(std::span<const std::int64_t> listed) {
    for (const std::int64_t round : listed) {
      if (WeightOf(round) > 0.0) {
        order_.push_back(round);
      }
    }
    std::stable_sort(order_.begin(), order_.end(),
                     [&](std::int64_t a, std::int64_t b) { return ItemOf(a) < ItemOf(b); });
    for (std::size_t at = 0; at < order_.size(); ++at) {
      if (at == 0 || ItemOf(order_[at]) != fit_.items.back()) {
        fit_.items.push_back(ItemOf(order_[at]));
        begins_.push_back(at);
      }
    }
    begins_.push_back(order_.size());
  }

  // Far from the minimum of a logistic law a step may have to be halved often; the mean reward is near.
  void StartAtMean() {
    double weight = 0.0;
    double sum = 0.0;
    for (const std::int64_t round : order_) {
      weight += WeightOf(round);
      sum += WeightOf(round) * RewardOf(round);
    }
    const double mean = sum / weight;
    const double inside = std::clamp(mean, 0.5 / (weight + 1.0), 1.0 - 0.5 / (weight + 1.0));
    fit_.common[0] = logistic_ ? std::log(inside / (1.0 - inside)) : mean;
  }

  [[nodiscard]] double WeightOf(std::int64_t round) const {
    return rounds_.weight.empty() ? 1.0 : rounds_.weight[static_cast<std::size_t>(round)];
  }
  [[nodiscard]] double RewardOf(std::int64_t round) const { return rounds_.reward[static_cast<std::size_t>(round)]; }
  [[nodiscard]] std::int32_t ItemOf(std::int64_t round) const { return rounds_.item[static_cast<std::size_t>(round)]; }

  // The row of a round; its first t_ columns meet the item's own coefficients.
  std::span<const double> RowOf(std::int64_t round) {
    features_.Context(round, std::span(common_row_).first(features_.context_size()));
    features_.Complete(ItemOf(round), common_row_);
    return common_row_;
  }
  [[nodiscard]] std::span<double> Own(std::vector<double>& own, std::size_t index) const {
    return std::span(own).subspan(index * t_, t_);
  }

  double Objective(ArrowFit& fit) {
    double sum = 0.0;
    for (std::size_t c = 0; c < s_; ++c) {
      sum += 0.5 * common_ridge_[c] * fit.common[c] * fit.common[c];
    }
    for (std::size_t index = 0; index < fit.items.size(); ++index) {
      const std::span<const double> own = Own(fit.own, index);
      for (std::size_t c = 0; c < t_; ++c) {
        sum += 0.5 * own_ridge_[c] * own[c] * own[c];
      }
      for (std::size_t at = begins_[index]; at < begins_[index + 1]; ++at) {
        const std::span<const double> row = RowOf(order_[at]);
        const double f = Dot(row, fit.common) + Dot(row.first(t_), own);
        const double reward = RewardOf(order_[at]);
        const double loss = logistic_ ? SoftPlus(f) - reward * f : 0.5 * (reward - f) * (reward - f);
        sum += WeightOf(order_[at]) * loss;
      }
    }
    return sum;
  }

  // D_a, B_a and g_a of an item at fit_, D_a factored; `with_common`: adds its part to A and g.
  void BuildBlock(std::size_t index, bool with_common) {
    d_.assign(t_ * t_, 0.0);
    b_.assign(s_ * t_, 0.0);
    g_own_.assign(t_, 0.0);
    const std::span<const double> own = Own(fit_.own, index);
    for (std::size_t c = 0; c < t_; ++c) {
      d_[c * t_ + c] = own_ridge_[c];
      g_own_[c] = -own_ridge_[c] * own[c];
    }
    for (std::size_t at = begins_[index]; at < begins_[index + 1]; ++at) {
      const std::span<const double> row = RowOf(order_[at]);
      const double f = Dot(row, fit_.common) + Dot(row.first(t_), own);
      const double mean = logistic_ ? 1.0 / (1.0 + std::exp(-f)) : f;
      const double weight = WeightOf(order_[at]);
      const double curvature = weight * (logistic_ ? mean * (1.0 - mean) : 1.0);
      const double residual = weight * (RewardOf(order_[at]) - mean);
      AddOuter(row.first(t_), curvature, d_);
      for (std::size_t c = 0; c < s_; ++c) {
        const double value = curvature * row[c];
        double* out = b_.data() + c * t_;
        for (std::size_t own_column = 0; own_column < t_; ++own_column) {
          out[own_column] += value * row[own_column];
        }
      }
      for (std::size_t c = 0; c < t_; ++c) {
        g_own_[c] += residual * row[c];
      }
      if (with_common) {
        AddOuter(row, curvature, a_);
        for (std::size_t c = 0; c < s_; ++c) {
          g_[c] += residual * row[c];
        }
      }
    }
    RECFORCE_CHECK(Factor(d_, t_), "a block with its ridge is positive definite");
  }

  // Fills step_ and promised_: half the product of gradient and step.
  void FindStep() {
    a_.assign(s_ * s_, 0.0);
    g_.assign(s_, 0.0);
    for (std::size_t c = 0; c < s_; ++c) {
      a_[c * s_ + c] = common_ridge_[c];
      g_[c] = -common_ridge_[c] * fit_.common[c];
    }
    std::vector<double> schur(s_ * s_, 0.0);
    std::vector<double> reduced(s_, 0.0);
    for (std::size_t index = 0; index < fit_.items.size(); ++index) {
      BuildBlock(index, true);
      SolveLower(d_, t_, g_own_);
      for (std::size_t c = 0; c < s_; ++c) {
        SolveLower(d_, t_, std::span(b_).subspan(c * t_, t_));
      }
      for (std::size_t row = 0; row < s_; ++row) {
        const std::span<const double> b_row = std::span(b_).subspan(row * t_, t_);
        reduced[row] += Dot(b_row, g_own_);
        for (std::size_t col = 0; col <= row; ++col) {
          schur[row * s_ + col] += Dot(b_row, std::span<const double>(b_).subspan(col * t_, t_));
        }
      }
    }
    for (std::size_t i = 0; i < a_.size(); ++i) {
      a_[i] -= schur[i];
    }
    step_.items = fit_.items;
    step_.common.resize(s_);
    for (std::size_t c = 0; c < s_; ++c) {
      step_.common[c] = g_[c] - reduced[c];
    }
    RECFORCE_CHECK(Factor(a_, s_), "the common block with its ridge is positive definite");
    Solve(a_, s_, step_.common);
    promised_ = 0.5 * Dot(g_, step_.common);
    FindOwnSteps();
  }

  void FindOwnSteps() {
    step_.own.resize(fit_.own.size());
    for (std::size_t index = 0; index < fit_.items.size(); ++index) {
      BuildBlock(index, false);
      const std::span<double> own = Own(step_.own, index);
      std::copy(g_own_.begin(), g_own_.end(), own.begin());
      for (std::size_t c = 0; c < s_; ++c) {
        for (std::size_t own_column = 0; own_column < t_; ++own_column) {
          own[own_column] -= b_[c * t_ + own_column] * step_.common[c];
        }
      }
      Solve(d_, t_, own);
      promised_ += 0.5 * Dot(g_own_, own);
    }
  }

  // Takes the step, halved until it leads down. Returns the objective there, or `objective` when no part of it does.
  double Walk(double objective) {
    double length = 1.0;
    for (int halving = 0; halving < kMostHalvings; ++halving, length *= 0.5) {
      ArrowFit next = fit_;
      for (std::size_t i = 0; i < next.common.size(); ++i) {
        next.common[i] += length * step_.common[i];
      }
      for (std::size_t i = 0; i < next.own.size(); ++i) {
        next.own[i] += length * step_.own[i];
      }
      const double there = Objective(next);
      if (there < objective) {
        fit_ = std::move(next);
        return there;
      }
    }
    return objective;
  }

  const RewardRounds& rounds_;
  const RewardFeatures& features_;
  bool logistic_;
  std::size_t s_;  // common coefficients
  std::size_t t_;  // own ones of an item
  std::vector<double> common_row_;
  std::vector<double> common_ridge_;
  std::vector<double> own_ridge_;
  std::vector<std::int64_t> order_;  // rounds by item
  std::vector<std::size_t> begins_;  // of each item in order_, and the end
  ArrowFit fit_;
  ArrowFit step_;
  double promised_ = 0.0;
  std::vector<double> a_;      // [s, s] lower triangle
  std::vector<double> g_;      // [s]
  std::vector<double> d_;      // [t, t] of the item at hand
  std::vector<double> b_;      // [s, t]: B_a transposed
  std::vector<double> g_own_;  // [t]
};

}  // namespace

ArrowFit FitArrow(const RewardRounds& rounds, const RewardFeatures& features, const RewardModelOptions& options,
                  RewardLaw law, std::span<const std::int64_t> listed) {
  return ArrowSolver(rounds, features, options, law, listed).Run();
}

}  // namespace recforce::ope
