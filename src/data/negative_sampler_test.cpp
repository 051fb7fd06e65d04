// SPDX-License-Identifier: Apache-2.0
#include "data/negative_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace recforce::data {
namespace {

// Weights of very different sizes, many of them 0, at the ends, too.
std::vector<double> Weights(std::size_t count) {
  base::Rng rng(4, base::Stream::kTest, count);
  std::vector<double> weights;
  for (std::size_t item = 0; item < count; ++item) {
    const double size = rng.Uniform();
    weights.push_back(rng.Below(3) == 0 ? 0.0 : 1e-3 / (size * size));
  }
  weights[count / 2] = 1.0;
  return weights;
}

TEST(DrawingWeightsTest, AtIsTheFirstSumBeyondTheShare) {
  for (const std::size_t count : {1, 2, 3, 10, 1000}) {
    const std::vector<double> weights = Weights(count);
    std::vector<double> sums(count);
    std::partial_sum(weights.begin(), weights.end(), sums.begin());
    const DrawingWeights drawing(weights);
    const auto check = [&](double share) {
      const auto wanted = std::upper_bound(sums.begin(), sums.end(), share * sums.back()) - sums.begin();
      ASSERT_EQ(drawing.At(share), static_cast<std::size_t>(wanted)) << count << " items, " << share;
    };
    base::Rng rng(5, base::Stream::kTest, count);
    for (int draw = 0; draw < 2000; ++draw) {
      check(rng.Uniform());
    }
    for (std::size_t item = 0; item < count; ++item) {  // where one item ends and where a part of the guide does
      check(sums[item] / sums.back());
      check((static_cast<double>(item) + 0.5) / static_cast<double>(count));
      check(static_cast<double>(item) / static_cast<double>(count));
    }
  }
}

}  // namespace
}  // namespace recforce::data
