// SPDX-License-Identifier: Apache-2.0
#include "data/negative_sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace recforce::data {

DrawingWeights::DrawingWeights(std::vector<double> weights) : weights_(std::move(weights)), sums_(weights_.size()) {
  std::partial_sum(weights_.begin(), weights_.end(), sums_.begin());
  drawable_ = std::count_if(weights_.begin(), weights_.end(), [](double weight) { return weight > 0.0; });
  const std::size_t parts = weights_.size();
  for (std::size_t part = 0; parts > 0 && part <= parts; ++part) {
    const double at = static_cast<double>(part) / static_cast<double>(parts) * sums_.back();
    const auto from = sums_.begin() + static_cast<std::ptrdiff_t>(starts_.empty() ? 0 : starts_.back());
    starts_.push_back(static_cast<std::size_t>(std::find_if(from, sums_.end(), [at](double sum) { return sum > at; }) -
                                               sums_.begin()));
  }
}

std::size_t DrawingWeights::At(double share) const {
  const double at = share * sums_.back();
  // One part more on either side makes rounding harmless.
  const auto part = static_cast<std::size_t>(share * static_cast<double>(weights_.size()));
  const std::size_t from = starts_[part > 0 ? part - 1 : 0];
  const std::size_t to = std::min(starts_[std::min(part + 2, weights_.size())], sums_.size());
  const auto begin = sums_.begin();
  return static_cast<std::size_t>(
      std::upper_bound(begin + static_cast<std::ptrdiff_t>(from), begin + static_cast<std::ptrdiff_t>(to), at) - begin);
}

void NegativeSampler::Take(std::int32_t item) {
  const auto index = static_cast<std::size_t>(item);
  if (taken_[index] == 0) {
    taken_[index] = 1;
    touched_.push_back(item);
    drawable_taken_ += weights_.Drawable(index) ? 1 : 0;
  }
}

void NegativeSampler::ReleaseDownTo(std::size_t kept) {
  for (; touched_.size() > kept; touched_.pop_back()) {
    const auto index = static_cast<std::size_t>(touched_.back());
    taken_[index] = 0;
    drawable_taken_ -= weights_.Drawable(index) ? 1 : 0;
  }
}

void NegativeSampler::Draw(std::int64_t count, base::Rng& rng, std::vector<std::int32_t>& out) {
  const std::size_t excluded = touched_.size();
  const std::int64_t left = weights_.drawable() - drawable_taken_;
  count = std::min(count, left);
  std::int64_t drawn = 0;
  // Rejection is quick while little is taken. Where most of what is left is wanted it would not be, and a user who
  // has nearly everything gets the exact way, too.
  const bool rejects = count <= left / 2;
  for (std::int64_t tries = 0; rejects && drawn < count && tries < 16 * count + 64; ++tries) {
    const std::size_t item = weights_.At(rng.Uniform());
    if (item < taken_.size() && weights_.Drawable(item) && taken_[item] == 0) {
      Take(static_cast<std::int32_t>(item));
      out.push_back(static_cast<std::int32_t>(item));
      ++drawn;
    }
  }
  if (drawn < count) {
    DrawExactly(count - drawn, rng, out);
  }
  ReleaseDownTo(excluded);
}

// The order of exponential variates divided by the weights is that of draws one after the other.
void NegativeSampler::DrawExactly(std::int64_t count, base::Rng& rng, std::vector<std::int32_t>& out) {
  std::vector<std::pair<double, std::int32_t>> keys;
  for (std::size_t item = 0; item < weights_.size(); ++item) {
    if (weights_.Drawable(item) && taken_[item] == 0) {
      keys.emplace_back(-std::log(rng.Uniform()) / weights_[item], static_cast<std::int32_t>(item));
    }
  }
  const std::size_t kept = std::min(keys.size(), static_cast<std::size_t>(count));
  std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(kept), keys.end());
  for (std::size_t place = 0; place < kept; ++place) {
    out.push_back(keys[place].second);
  }
}

}  // namespace recforce::data
