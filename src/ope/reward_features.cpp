// SPDX-License-Identifier: Apache-2.0
// Columns of the design matrix.
#include "ope/reward_features.h"

#include <algorithm>
#include <cmath>

namespace recforce::ope {
namespace {

// Spreads the bits of a number: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
std::uint64_t Mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31U);
}

// Sums to means and 1 / deviations. Deviations that are rounding alone count as none.
void Standardise(double weight, std::vector<double>& mean, std::vector<double>& scale) {
  constexpr double kNothing = 1e-12;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    mean[c] /= weight;
    const double variance = scale[c] / weight - mean[c] * mean[c];
    scale[c] = variance > kNothing * (1.0 + mean[c] * mean[c]) ? 1.0 / std::sqrt(variance) : 0.0;
  }
}

}  // namespace

RewardFeatures::RewardFeatures(const RewardRounds& rounds, const RewardModelOptions& options) : rounds_(rounds) {
  StandardiseContext(rounds);
  positions_.assign(rounds.position.begin(), rounds.position.end());
  std::sort(positions_.begin(), positions_.end());
  positions_.erase(std::unique(positions_.begin(), positions_.end()), positions_.end());
  if (positions_.size() < 2) {
    positions_.clear();
  }
  own_size_ = context_size() - 1 <= static_cast<std::size_t>(std::max<std::int64_t>(options.max_interactions, 0))
                  ? context_size()
                  : 1;
  if (rounds.action_context.cols > 0) {
    StandardiseActions(rounds);
    PlaceProducts(static_cast<std::size_t>(std::max<std::int64_t>(options.max_products, 0)));
  }
}

void RewardFeatures::StandardiseContext(const RewardRounds& rounds) {
  mean_.assign(static_cast<std::size_t>(rounds.context.cols), 0.0);
  scale_.assign(mean_.size(), 0.0);
  double weight = 0.0;
  for (std::size_t r = 0; r < rounds.item.size(); ++r) {
    const double w = rounds.weight.empty() ? 1.0 : rounds.weight[r];
    const auto row = rounds.context_row.empty() ? static_cast<std::int64_t>(r) : rounds.context_row[r];
    weight += w;
    for (std::size_t c = 0; c < mean_.size(); ++c) {
      const double value = rounds.context.row(row)[c];
      mean_[c] += w * value;
      scale_[c] += w * value * value;
    }
  }
  Standardise(weight, mean_, scale_);
}

// Every item counts once, whatever was shown.
void RewardFeatures::StandardiseActions(const RewardRounds& rounds) {
  features_ = static_cast<std::size_t>(rounds.action_context.cols);
  std::vector<double> mean(features_, 0.0);
  std::vector<double> scale(features_, 0.0);
  for (std::int64_t item = 0; item < rounds.num_items; ++item) {
    for (std::size_t c = 0; c < features_; ++c) {
      const double value = rounds.action_context.row(item)[c];
      mean[c] += value;
      scale[c] += value * value;
    }
  }
  Standardise(static_cast<double>(rounds.num_items), mean, scale);
  for (std::int64_t item = 0; item < rounds.num_items; ++item) {
    for (std::size_t c = 0; c < features_; ++c) {
      actions_.push_back((rounds.action_context.row(item)[c] - mean[c]) * scale[c]);
    }
  }
}

void RewardFeatures::Context(std::int64_t round, std::span<double> x) const {
  const auto r = static_cast<std::size_t>(round);
  double* out = x.data();
  *out++ = 1.0;
  if (!mean_.empty()) {
    const float* context = rounds_.context.row(rounds_.context_row.empty() ? round : rounds_.context_row[r]).data();
    for (std::size_t c = 0; c < mean_.size(); ++c) {
      out[c] = (context[c] - mean_[c]) * scale_[c];
    }
    out += mean_.size();
  }
  for (const std::int32_t position : positions_) {
    *out++ = rounds_.position[r] == position ? 1.0 : 0.0;
  }
}

void RewardFeatures::Prefetch(std::int64_t round) const {
  constexpr std::size_t kLine = 64 / sizeof(float);
  if (!mean_.empty()) {
    const auto row = rounds_.context_row.empty() ? round : rounds_.context_row[static_cast<std::size_t>(round)];
    const std::span<const float> context = rounds_.context.row(row);
    for (std::size_t c = 0; c < context.size(); c += kLine) {
      __builtin_prefetch(&context[c]);
    }
    __builtin_prefetch(&context.back());
  }
}

void RewardFeatures::PlaceProducts(std::size_t columns) {
  const std::size_t all = (context_size() - 1) * features_;
  products_ = std::min(all, columns);
  for (std::size_t number = 0; products_ > 0 && number < all; ++number) {
    if (products_ == all) {
      product_.push_back({number, 1.0});
    } else {
      const std::uint64_t hash = Mix(number);
      product_.push_back({static_cast<std::size_t>((hash >> 1U) % products_), (hash & 1U) != 0 ? 1.0 : -1.0});
    }
  }
}

void RewardFeatures::Complete(std::int32_t item, std::span<double> common) const {
  if (features_ == 0) {
    return;
  }
  const std::size_t first_feature = context_size();
  const std::size_t first_product = first_feature + features_;
  std::fill(common.begin() + static_cast<std::ptrdiff_t>(first_product), common.end(), 0.0);
  const std::span<const double> action =
      std::span(actions_).subspan(static_cast<std::size_t>(item) * features_, features_);
  for (std::size_t feature = 0; feature < features_; ++feature) {
    common[first_feature + feature] = common[0] * action[feature];
    for (std::size_t context = 0; products_ > 0 && context + 1 < first_feature; ++context) {
      const Product& product = product_[context * features_ + feature];
      common[first_product + product.column] += product.sign * common[context + 1] * action[feature];
    }
  }
}

void RewardFeatures::Collapse(std::int32_t item, std::span<const double> common_coefficients,
                              std::span<double> on_context) const {
  const std::size_t first_feature = context_size();
  const std::size_t first_product = first_feature + features_;
  for (std::size_t feature = 0; feature < features_; ++feature) {
    const double value = actions_[static_cast<std::size_t>(item) * features_ + feature];
    on_context[0] += value * common_coefficients[first_feature + feature];
    for (std::size_t context = 0; products_ > 0 && context + 1 < first_feature; ++context) {
      const Product& product = product_[context * features_ + feature];
      on_context[context + 1] += product.sign * value * common_coefficients[first_product + product.column];
    }
  }
}

}  // namespace recforce::ope
