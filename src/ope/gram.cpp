// SPDX-License-Identifier: Apache-2.0
// Tiles of the output stay in registers while the rows pass.
#include "ope/gram.h"

#include <array>

namespace recforce::ope {

void AddGram(std::span<const double> x, std::span<const double> scaled, std::size_t width, std::span<double> out) {
  constexpr std::size_t kRows = 4;
  const std::size_t stride = GramStride(width);
  for (std::size_t row = 0; row < width; row += kRows) {
    for (std::size_t column = 0; column < row + kRows; column += kGramLanes) {
      std::array<std::array<double, kGramLanes>, kRows> tile{};
      for (std::size_t at = 0; at < x.size(); at += stride) {
        for (std::size_t i = 0; i < kRows; ++i) {
          for (std::size_t lane = 0; lane < kGramLanes; ++lane) {
            tile[i][lane] += scaled[at + row + i] * x[at + column + lane];
          }
        }
      }
      for (std::size_t i = 0; i < kRows; ++i) {
        for (std::size_t lane = 0; lane < kGramLanes; ++lane) {
          out[(row + i) * stride + column + lane] += tile[i][lane];
        }
      }
    }
  }
}

}  // namespace recforce::ope
