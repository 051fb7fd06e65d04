// SPDX-License-Identifier: Apache-2.0
// Newton's method on a sum over rounds plus ridges. The Hessian is an arrow: a block A of the common coefficients, a
// block D_a for each item a, and B_a where they meet, so that
//   (A - sum_a B_a^T D_a^-1 B_a) dw = g - sum_a B_a^T D_a^-1 g_a,   du_a = D_a^-1 (g_a - B_a dw).
// The common row of a round is M_a x, a linear map of its context that is the same for all rounds of an item. So what
// an item adds is gathered over contexts alone, S_a = sum x x^T and r_a = sum x residual, and mapped once: with T the
// first columns of S_a, those that the item has own coefficients for, and D_a = L L^T,
//   A - sum_a B_a^T D_a^-1 B_a = ridges + sum_a M_a (S_a - T D_a^-1 T^T) M_a^T,   D_a^-1 T^T = L^-T Y, Y = L^-1 T^T.
#include "ope/arrow_regression.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ope/cholesky.h"
#include "ope/gram.h"
#include "ope/rounds_by_item.h"
#include "ope/vector_math.h"
#include "recforce/base/error.h"

namespace recforce::ope {
namespace {

constexpr double kInterceptRidge = 1e-6;  // enough for a minimum to exist when all rewards are equal
constexpr int kMostSteps = 100;
constexpr int kMostHalvings = 40;
constexpr std::size_t kAhead = 24;    // rounds of an item lie far apart: their contexts are fetched so long before
constexpr std::size_t kChunk = 64;    // rounds at a time
constexpr double kTolerance = 1e-12;  // of the decrease that a step promises, against the objective

class ArrowSolver {
 public:
  ArrowSolver(const RewardRounds& rounds, const RewardFeatures& features, const RewardModelOptions& options,
              RewardLaw law, std::span<const std::int64_t> listed, std::size_t most_kept)
      : features_(features),
        by_item_(rounds, listed),
        logistic_(law == RewardLaw::kLogistic),
        s_(features.common_size()),
        w_(features.context_size()),
        t_(features.own_size()),
        common_ridge_(s_, options.common_ridge),
        own_ridge_(t_, options.interaction_ridge),
        x_(w_),
        row_(s_),
        on_context_(w_),
        stride_(GramStride(w_)),
        moment_(stride_ * stride_),
        rows_(kChunk * stride_),
        scaled_(kChunk * stride_),
        residual_(w_) {
    common_ridge_[0] = kInterceptRidge;
    const auto first_feature = common_ridge_.begin() + static_cast<std::ptrdiff_t>(w_);
    const auto first_product = first_feature + static_cast<std::ptrdiff_t>(features.feature_size());
    std::fill(first_feature, first_product, options.action_ridge);
    std::fill(first_product, common_ridge_.end(), options.interaction_ridge);
    own_ridge_[0] = options.action_ridge;
    fit_.items = by_item_.items;
    fit_.common.assign(s_, 0.0);
    fit_.own.assign(fit_.items.size() * t_, 0.0);
    keeps_blocks_ = fit_.items.size() * BlockSize() <= most_kept;
    blocks_.resize((keeps_blocks_ ? fit_.items.size() : 1) * BlockSize());
    StartAtMean();
  }

  ArrowFit Run() {
    double objective = Assess(fit_);
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
  // What the step of an item is made of: L, Y and z = L^-1 g_a.
  struct Block {
    std::span<double> factor;    // [t, t]
    std::span<double> solved;    // [t, w]
    std::span<double> gradient;  // [t]
  };
  [[nodiscard]] std::size_t BlockSize() const { return t_ * (t_ + w_ + 1); }
  Block BlockOf(std::size_t index) {
    const std::span<double> all = std::span(blocks_).subspan(keeps_blocks_ ? index * BlockSize() : 0, BlockSize());
    return {all.first(t_ * t_), all.subspan(t_ * t_, t_ * w_), all.last(t_)};
  }

  // Far from the minimum of a logistic law a step may have to be halved often; the mean reward is near.
  void StartAtMean() {
    double weight = 0.0;
    double sum = 0.0;
    for (std::size_t at = 0; at < by_item_.order.size(); ++at) {
      weight += by_item_.WeightAt(at);
      sum += by_item_.WeightAt(at) * by_item_.reward[at];
    }
    const double mean = sum / weight;
    const double inside = std::clamp(mean, 0.5 / (weight + 1.0), 1.0 - 0.5 / (weight + 1.0));
    fit_.common[0] = logistic_ ? std::log(inside / (1.0 - inside)) : mean;
  }

  [[nodiscard]] std::span<double> Own(std::vector<double>& own, std::size_t index) const {
    return std::span(own).subspan(index * t_, t_);
  }
  [[nodiscard]] std::size_t RoundsOf(std::size_t index) const {
    return by_item_.begins[index + 1] - by_item_.begins[index];
  }

  // M_a x, in row_.
  void Expand(std::int32_t item, std::span<const double> x) {
    std::copy(x.begin(), x.end(), row_.begin());
    features_.Complete(item, row_);
  }
  // M_a^T of common coefficients, in on_context_.
  void Collapse(std::int32_t item, std::span<const double> common) {
    std::copy(common.begin(), common.begin() + static_cast<std::ptrdiff_t>(w_), on_context_.begin());
    features_.Collapse(item, common, on_context_);
  }

  // Objective at `fit`, and what FindStep wants of it: the common block less what items take up, and their own blocks.
  double Assess(ArrowFit& fit) {
    a_.assign(s_ * s_, 0.0);
    g_.assign(s_, 0.0);
    taken_.assign(s_, 0.0);
    double objective = 0.0;
    for (std::size_t c = 0; c < s_; ++c) {
      objective += 0.5 * common_ridge_[c] * fit.common[c] * fit.common[c];
      a_[c * s_ + c] = common_ridge_[c];
      g_[c] = -common_ridge_[c] * fit.common[c];
    }
    for (std::size_t index = 0; index < fit.items.size(); ++index) {
      const bool is_mapped = MapsOnce(index);
      objective += AssessItem(fit, index, !is_mapped);
      AddToCommon(index, is_mapped);
    }
    return objective;
  }

  // Whether S_a is gathered over contexts and then mapped, or the rows of all rounds are mapped one by one: whatever
  // takes less. A product in AddGram costs half of one in AddOuter.
  [[nodiscard]] bool MapsOnce(std::size_t index) const {
    const auto vectors = static_cast<double>(RoundsOf(index) + t_);
    const auto s = static_cast<double>(s_);
    const auto w = static_cast<double>(w_);
    const double map = w * static_cast<double>(features_.feature_size());
    const double gram = 0.25 * w * w;
    return (w + s) * map + w * w + vectors * gram < vectors * (map + 0.5 * s * s + (t_ > 1 ? gram : 0.0));
  }

  // Fills moment_, residual_ and the item's block; `with_rows`: adds rounds' rows to a_. Returns the item's share of
  // the objective.
  double AssessItem(ArrowFit& fit, std::size_t index, bool with_rows) {
    const std::span<const double> own = Own(fit.own, index);
    Collapse(fit.items[index], fit.common);
    double objective = 0.0;
    for (std::size_t c = 0; c < t_; ++c) {
      on_context_[c] += own[c];
      objective += 0.5 * own_ridge_[c] * own[c] * own[c];
    }
    std::fill(moment_.begin(), moment_.end(), 0.0);
    std::fill(residual_.begin(), residual_.end(), 0.0);
    const std::size_t end = by_item_.begins[index + 1];
    for (std::size_t at = by_item_.begins[index]; at < end; at += kChunk) {
      objective += AssessChunk(at, std::min(kChunk, end - at), fit.items[index], with_rows);
    }
    FactorBlock(index, own);
    return objective;
  }

  // Rounds of one item whose coefficients are in on_context_: `count` of them from `begin` in their order.
  double AssessChunk(std::size_t begin, std::size_t count, std::int32_t item, bool with_rows) {
    const std::span<const std::int64_t> listed = std::span(by_item_.order).subspan(begin, count);
    std::array<double, kChunk> f;
    for (std::size_t at = 0; at < listed.size(); ++at) {
      const std::span<double> x = std::span(rows_).subspan(at * stride_, w_);
      if (begin + at + kAhead < by_item_.order.size()) {
        features_.Prefetch(by_item_.order[begin + at + kAhead]);
      }
      features_.Context(listed[at], x);
      f[at] = Dot(x, on_context_);
    }
    std::array<double, kChunk> e;
    for (std::size_t at = 0; logistic_ && at < listed.size(); ++at) {
      e[at] = FastExp(-std::fabs(f[at]));
    }
    double objective = 0.0;
    for (std::size_t at = 0; at < listed.size(); ++at) {
      const std::span<const double> x = std::span(rows_).subspan(at * stride_, w_);
      const double reward = by_item_.reward[begin + at];
      const double weight = by_item_.WeightAt(begin + at);
      const Point point = logistic_ ? LogisticPoint(f[at], e[at], reward) : LinearPoint(f[at], reward);
      objective += weight * point.loss;
      AddScaled(x, weight * point.residual, residual_.data());
      const double curvature = weight * point.curvature;
      if (with_rows) {
        Expand(item, x);
        AddOuter(row_, curvature, a_, s_);
      }
      double* scaled = scaled_.data() + at * stride_;
      for (std::size_t c = 0; c < w_; ++c) {
        scaled[c] = curvature * x[c];
      }
    }
    AddMoments(listed.size(), with_rows);
    return objective;
  }

  // Of the rows at hand; where they went to a_ themselves, the first column of moment_ is enough for items that have no
  // other coefficients.
  void AddMoments(std::size_t count, bool with_rows) {
    if (with_rows && t_ == 1) {
      for (std::size_t at = 0; at < count; ++at) {
        for (std::size_t c = 0; c < w_; ++c) {
          moment_[c * stride_] += scaled_[at * stride_ + c] * rows_[at * stride_];
        }
      }
    } else {
      AddGram(std::span(rows_).first(count * stride_), std::span(scaled_).first(count * stride_), w_, moment_);
    }
  }
  [[nodiscard]] double Moment(std::size_t row, std::size_t column) const {
    return moment_[std::max(row, column) * stride_ + std::min(row, column)];
  }

  struct Point {
    double loss;
    double residual;   // minus the slope of the loss
    double curvature;  // of the loss
  };
  static Point LinearPoint(double f, double reward) { return {0.5 * (reward - f) * (reward - f), reward - f, 1.0}; }
  // e = exp(-|f|): nothing overflows on either side.
  static Point LogisticPoint(double f, double e, double reward) {
    const double mean = (f >= 0.0 ? 1.0 : e) / (1.0 + e);
    return {std::max(f, 0.0) + std::log1p(e) - reward * f, reward - mean, mean * (1.0 - mean)};
  }

  void FactorBlock(std::size_t index, std::span<const double> own) {
    const Block block = BlockOf(index);
    for (std::size_t row = 0; row < t_; ++row) {
      for (std::size_t c = 0; c < w_; ++c) {
        block.solved[row * w_ + c] = Moment(row, c);
      }
      std::copy_n(block.solved.begin() + static_cast<std::ptrdiff_t>(row * w_), row + 1,
                  block.factor.begin() + static_cast<std::ptrdiff_t>(row * t_));
      block.factor[row * t_ + row] += own_ridge_[row];
      block.gradient[row] = residual_[row] - own_ridge_[row] * own[row];
    }
    RECFORCE_CHECK(Factor(block.factor, t_), "a block with its ridge is positive definite");
    for (std::size_t row = 0; row < t_; ++row) {
      const std::span<double> solved = block.solved.subspan(row * w_, w_);
      for (std::size_t k = 0; k < row; ++k) {
        AddScaled(block.solved.subspan(k * w_, w_), -block.factor[row * t_ + k], solved.data());
      }
      for (double& value : solved) {
        value /= block.factor[row * t_ + row];
      }
    }
    SolveLower(block.factor, t_, block.gradient);
  }

  // What is in moment_, residual_ and the block, mapped by M_a. `is_mapped`: moment_ itself is still to be added.
  void AddToCommon(std::size_t index, bool is_mapped) {
    const std::int32_t item = fit_.items[index];
    const Block block = BlockOf(index);
    Expand(item, residual_);
    AddScaled(row_, 1.0, g_.data());
    std::fill(residual_.begin(), residual_.end(), 0.0);
    for (std::size_t row = 0; row < t_; ++row) {
      const std::span<const double> solved = block.solved.subspan(row * w_, w_);
      AddScaled(solved, block.gradient[row], residual_.data());
      if (is_mapped) {
        AddOuter(solved, -1.0, moment_, stride_);
      } else {
        Expand(item, solved);
        AddOuter(row_, -1.0, a_, s_);
      }
    }
    Expand(item, residual_);
    AddScaled(row_, 1.0, taken_.data());
    if (is_mapped) {
      AddMapped(item);
    }
  }

  // Lower triangle of a_ += M_a moment_ M_a^T, of which the lower triangle is there.
  void AddMapped(std::int32_t item) {
    if (!features_.has_action_context()) {
      for (std::size_t row = 0; row < s_; ++row) {
        AddScaled(std::span(moment_).subspan(row * stride_, row + 1), 1.0, a_.data() + row * s_);
      }
      return;
    }
    half_.resize(w_ * s_);  // moment_ M_a^T
    for (std::size_t row = 0; row < w_; ++row) {
      for (std::size_t c = 0; c < w_; ++c) {
        x_[c] = Moment(row, c);
      }
      Expand(item, x_);
      std::copy(row_.begin(), row_.end(), half_.begin() + static_cast<std::ptrdiff_t>(row * s_));
    }
    for (std::size_t row = 0; row < s_; ++row) {
      for (std::size_t c = 0; c < w_; ++c) {
        x_[c] = half_[c * s_ + row];
      }
      Expand(item, x_);
      AddScaled(std::span(row_).first(row + 1), 1.0, a_.data() + row * s_);
    }
  }

  // Fills step_ and promised_, half the product of gradient and step, from what Assess left of fit_.
  void FindStep() {
    step_.items = fit_.items;
    step_.common.resize(s_);
    for (std::size_t c = 0; c < s_; ++c) {
      step_.common[c] = g_[c] - taken_[c];
    }
    RECFORCE_CHECK(Factor(a_, s_), "the common block with its ridge is positive definite");
    Solve(a_, s_, step_.common);
    promised_ = 0.5 * Dot(g_, step_.common);
    step_.own.resize(fit_.own.size());
    for (std::size_t index = 0; index < fit_.items.size(); ++index) {
      if (!keeps_blocks_) {
        (void)AssessItem(fit_, index, false);
      }
      const Block block = BlockOf(index);
      const std::span<double> own = Own(step_.own, index);
      Collapse(fit_.items[index], step_.common);
      for (std::size_t row = 0; row < t_; ++row) {
        own[row] = block.gradient[row] - Dot(block.solved.subspan(row * w_, w_), on_context_);
      }
      promised_ += 0.5 * Dot(block.gradient, own);
      SolveUpper(block.factor, t_, own);
    }
  }

  // Takes the step, halved until it leads down. Returns the objective there, or `objective` when no part of it does.
  double Walk(double objective) {
    double length = 1.0;
    for (int halving = 0; halving < kMostHalvings; ++halving, length *= 0.5) {
      ArrowFit next = fit_;
      AddScaled(step_.common, length, next.common.data());
      AddScaled(step_.own, length, next.own.data());
      const double there = Assess(next);
      if (there < objective) {
        fit_ = std::move(next);
        return there;
      }
    }
    return objective;
  }

  const RewardFeatures& features_;
  RoundsByItem by_item_;
  bool logistic_;
  std::size_t s_;  // common coefficients
  std::size_t w_;  // columns of x
  std::size_t t_;  // own coefficients of an item: 1 or w
  std::vector<double> common_ridge_;
  std::vector<double> own_ridge_;
  ArrowFit fit_;
  ArrowFit step_;
  double promised_ = 0.0;
  std::vector<double> a_;      // [s, s] lower triangle: A - sum_a B_a^T D_a^-1 B_a
  std::vector<double> g_;      // [s]
  std::vector<double> taken_;  // [s]: sum_a B_a^T D_a^-1 g_a
  bool keeps_blocks_ = false;
  std::vector<double> blocks_;      // of all items, or of one
  std::vector<double> x_;           // [w]
  std::vector<double> row_;         // [s]
  std::vector<double> on_context_;  // [w]
  std::size_t stride_;              // of the next three
  std::vector<double> moment_;      // [w, w] lower triangle
  std::vector<double> rows_;        // [kChunk, w] of rounds
  std::vector<double> scaled_;      // [kChunk, w] times their curvature
  std::vector<double> residual_;    // [w]
  std::vector<double> half_;        // [w, s]
};

}  // namespace

ArrowFit FitArrow(const RewardRounds& rounds, const RewardFeatures& features, const RewardModelOptions& options,
                  RewardLaw law, std::span<const std::int64_t> listed, std::size_t most_kept) {
  return ArrowSolver(rounds, features, options, law, listed, most_kept).Run();
}

}  // namespace recforce::ope
