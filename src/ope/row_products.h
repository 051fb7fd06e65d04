// SPDX-License-Identifier: Apache-2.0
// One table of rows, multiplied with vectors as they come: scores of all items for some rounds. Internal.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace recforce::ope {

// Immutable, thread-safe. Rows lie in tiles of kTile, column by column, so that a product needs no sum across lanes:
// every row is summed in the order of its columns, however many vectors there are.
class RowProducts {
 public:
  RowProducts() = default;
  // values: [rows, columns] row-major.
  RowProducts(std::span<const double> values, std::size_t columns);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  // Fills out[v][row] with the product of the row and xs[v], for vectors of [columns].
  void Multiply(std::span<const double* const> xs, std::span<double* const> out) const;
  // The same for one vector; and for one vector and one row.
  void Multiply(std::span<const double> x, std::span<double> out) const;
  [[nodiscard]] double MultiplyOne(std::span<const double> x, std::size_t row) const;

 private:
  static constexpr std::size_t kTile = 8;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::vector<double> tiles_;  // [tiles, columns, kTile], the last one filled up with zeros
};

}  // namespace recforce::ope
