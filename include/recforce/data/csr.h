// SPDX-License-Identifier: Apache-2.0
// Sparse rows: which items each user has, and nothing dense.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace recforce::data {

// Rows of item indices that somebody else owns. Row r is items[offsets[r] .. offsets[r + 1]).
struct CsrView {
  std::span<const std::int64_t> offsets;  // [rows + 1], offsets[0] may be > 0
  std::span<const std::int32_t> items;    // indexed by offsets

  [[nodiscard]] std::int64_t rows() const {
    return offsets.empty() ? 0 : static_cast<std::int64_t>(offsets.size()) - 1;
  }
  [[nodiscard]] std::int64_t nnz() const { return offsets.empty() ? 0 : offsets.back() - offsets.front(); }
  [[nodiscard]] std::span<const std::int32_t> row(std::int64_t r) const {
    const auto i = static_cast<std::size_t>(r);
    return items.subspan(static_cast<std::size_t>(offsets[i]), static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
  }
  // Rows [begin, end), sharing memory.
  [[nodiscard]] CsrView Slice(std::int64_t begin, std::int64_t end) const {
    return {offsets.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin + 1)), items};
  }
};

// Owns its rows. Items of a row are distinct and in time order, oldest first.
struct Csr {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> items;

  void AddRow(std::span<const std::int32_t> row) {
    items.insert(items.end(), row.begin(), row.end());
    offsets.push_back(static_cast<std::int64_t>(items.size()));
  }
  [[nodiscard]] CsrView view() const { return {offsets, items}; }
  [[nodiscard]] std::int64_t rows() const { return view().rows(); }
  [[nodiscard]] std::int64_t nnz() const { return static_cast<std::int64_t>(items.size()); }
  [[nodiscard]] std::span<const std::int32_t> row(std::int64_t r) const { return view().row(r); }
};

}  // namespace recforce::data
