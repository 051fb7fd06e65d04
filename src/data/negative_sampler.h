// SPDX-License-Identifier: Apache-2.0
// Draws of distinct items by weight: negatives of split.candidates=sampled, and of displays that are made of
// popularity. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "recforce/base/rng.h"

namespace recforce::data {

// The weight of each item, ready to be drawn from. Items of weight 0 are never drawn. Shared by samplers of several
// threads.
class DrawingWeights {
 public:
  explicit DrawingWeights(std::vector<double> weights);
  [[nodiscard]] std::size_t size() const { return weights_.size(); }
  [[nodiscard]] bool Drawable(std::size_t item) const { return weights_[item] > 0.0; }
  [[nodiscard]] double operator[](std::size_t item) const { return weights_[item]; }
  [[nodiscard]] std::int64_t drawable() const { return drawable_; }  // items of positive weight
  // The item whose stretch of the summed weights holds `share`, a number in (0, 1); size() where rounding misses all.
  [[nodiscard]] std::size_t At(double share) const;

 private:
  std::vector<double> weights_;
  std::vector<double> sums_;
  std::vector<std::size_t> starts_;  // [items + 1] what At gives for the nth of so many equal steps from 0 to 1
  std::int64_t drawable_ = 0;
};

// Draws distinct items one after the other, each with probability proportional to its weight among those left.
class NegativeSampler {
 public:
  explicit NegativeSampler(const DrawingWeights& weights) : weights_(weights), taken_(weights.size(), 0) {}

  void Exclude(std::int32_t item) { Take(item); }
  // Forgets what was excluded.
  void IncludeAll() { ReleaseDownTo(0); }
  // Appends up to `count` items to `out`, fewer where no more are left. What was drawn may be drawn again by the next
  // call; what was excluded stays so.
  void Draw(std::int64_t count, base::Rng& rng, std::vector<std::int32_t>& out);

 private:
  void Take(std::int32_t item);
  void ReleaseDownTo(std::size_t kept);
  void DrawExactly(std::int64_t count, base::Rng& rng, std::vector<std::int32_t>& out);

  const DrawingWeights& weights_;
  std::vector<char> taken_;            // [items]
  std::vector<std::int32_t> touched_;  // the items taken, each once
  std::int64_t drawable_taken_ = 0;    // of positive weight among them
};

}  // namespace recforce::data
