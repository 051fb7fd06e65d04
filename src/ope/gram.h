// SPDX-License-Identifier: Apache-2.0
// Sums of outer products, some rounds at a time. Internal.
#pragma once

#include <cstddef>
#include <span>

namespace recforce::ope {

// Rows are filled up with zeros to a multiple of this.
inline constexpr std::size_t kGramLanes = 8;
inline constexpr std::size_t GramStride(std::size_t width) {
  return (width + kGramLanes - 1) / kGramLanes * kGramLanes;
}

// out(i, j) += sum over k of scaled(k, i) x(k, j) for j <= i < width; some of what lies above the diagonal changes too.
// x, scaled: [count, stride]; out: [stride, stride]; stride = GramStride(width).
void AddGram(std::span<const double> x, std::span<const double> scaled, std::size_t width, std::span<double> out);

}  // namespace recforce::ope
