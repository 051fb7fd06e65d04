// SPDX-License-Identifier: Apache-2.0
#include "ope/row_products.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace recforce::ope {
namespace {

constexpr std::size_t kVectors = 4;  // at once: their sums and a column of a tile fill the registers

// Four lanes, by the vector extension of GCC and clang: left to themselves they spill the sums.
using Double4 = double __attribute__((vector_size(32)));

Double4 Load(const double* from) {
  Double4 lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

struct Tile {
  Double4 low = {};
  Double4 high = {};
};

template <std::size_t kCount>
void MultiplyTile(const double* const* xs, std::size_t columns, const double* tile, Tile* out) {
  std::array<Tile, kCount> sums{};
  for (std::size_t column = 0; column < columns; ++column, tile += 8) {
    const Double4 low = Load(tile);
    const Double4 high = Load(tile + 4);
    for (std::size_t v = 0; v < kCount; ++v) {
      sums[v].low += xs[v][column] * low;
      sums[v].high += xs[v][column] * high;
    }
  }
  std::copy(sums.begin(), sums.end(), out);
}

void MultiplySome(std::span<const double* const> xs, std::size_t columns, const double* tile, Tile* out) {
  switch (xs.size()) {
    case 1:
      return MultiplyTile<1>(xs.data(), columns, tile, out);
    case 2:
      return MultiplyTile<2>(xs.data(), columns, tile, out);
    case 3:
      return MultiplyTile<3>(xs.data(), columns, tile, out);
    default:
      return MultiplyTile<kVectors>(xs.data(), columns, tile, out);
  }
}

}  // namespace

RowProducts::RowProducts(std::span<const double> values, std::size_t columns)
    : rows_(values.size() / columns), columns_(columns), tiles_((rows_ + kTile - 1) / kTile * kTile * columns) {
  for (std::size_t row = 0; row < rows_; ++row) {
    double* tile = tiles_.data() + row / kTile * kTile * columns_ + row % kTile;
    for (std::size_t column = 0; column < columns_; ++column) {
      tile[column * kTile] = values[row * columns_ + column];
    }
  }
}

void RowProducts::Multiply(std::span<const double* const> xs, std::span<double* const> out) const {
  static_assert(sizeof(Tile) == kTile * sizeof(double));
  std::array<Tile, kVectors> sums;
  for (std::size_t first = 0; first < rows_; first += kTile) {
    const std::size_t count = std::min(kTile, rows_ - first);
    for (std::size_t vector = 0; vector < xs.size(); vector += kVectors) {
      const std::span<const double* const> some = xs.subspan(vector, std::min(kVectors, xs.size() - vector));
      MultiplySome(some, columns_, tiles_.data() + first * columns_, sums.data());
      for (std::size_t v = 0; v < some.size(); ++v) {
        double* to = out[vector + v] + first;
        if (count == kTile) {
          std::memcpy(to, &sums[v], sizeof(Tile));  // of known size: two stores
        } else {
          std::memcpy(to, &sums[v], count * sizeof(double));
        }
      }
    }
  }
}

void RowProducts::Multiply(std::span<const double> x, std::span<double> out) const {
  const double* vector = x.data();
  double* products = out.data();
  Multiply({&vector, 1}, {&products, 1});
}

double RowProducts::MultiplyOne(std::span<const double> x, std::size_t row) const {
  Tile sums;
  const double* vector = x.data();
  MultiplyTile<1>(&vector, columns_, tiles_.data() + row / kTile * kTile * columns_, &sums);
  std::array<double, kTile> lanes;
  std::memcpy(lanes.data(), &sums, sizeof(Tile));
  return lanes[row % kTile];
}

}  // namespace recforce::ope
