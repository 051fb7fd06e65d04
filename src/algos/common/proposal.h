// SPDX-License-Identifier: Apache-2.0
// From what law the items of a sampled softmax are drawn, and how often each is expected among them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/negative_sampler.h"
#include "recforce/base/rng.h"

namespace recforce::algos {

class Proposal {
 public:
  // kind: "uniform"; "unigram", in proportion to counts^exponent, where an item without a count has 1; "log_uniform",
  // P = log((k + 2) / (k + 1)) / log(items + 1) for the item that has k items of larger counts before it.
  Proposal(const std::string& kind, const std::vector<double>& counts, double exponent);

  [[nodiscard]] double Probability(std::int32_t item) const {
    return weights_[static_cast<std::size_t>(item)] / total_;
  }
  // Appends `count` items. With `unique` they are distinct, as many as there are at most. Returns the number of draws,
  // which is larger than `count` where some were drawn again.
  std::int64_t Draw(std::int64_t count, bool unique, base::Rng& rng, std::vector<std::int32_t>& out) const;
  // Logarithm of how often `item` is expected among what so many draws gave: draws P, or 1 - (1 - P)^draws of unique.
  [[nodiscard]] double LogExpected(std::int32_t item, std::int64_t draws, bool unique) const;

 private:
  data::DrawingWeights weights_;
  double total_ = 0.0;
};

}  // namespace recforce::algos
