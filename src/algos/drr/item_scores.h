// SPDX-License-Identifier: Apache-2.0
// Scores f . e_i of the items that may be recommended, and their gradient, for a few rows on the calling thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recforce/base/matrix_view.h"

namespace recforce::algos {

// What may be recommended to each of R rows: the items listed, or all but these.
struct RowItems {
  std::vector<std::uint8_t> listed;  // [R]
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> items;

  void Clear() {
    listed.clear();
    offsets.assign(1, 0);
    items.clear();
  }
  // Ends a row whose items were appended to `items`.
  void EndRow(bool is_listed) {
    listed.push_back(is_listed ? 1 : 0);
    offsets.push_back(static_cast<std::int64_t>(items.size()));
  }
  [[nodiscard]] std::span<const std::int32_t> row(std::int64_t r) const {
    const auto at = static_cast<std::size_t>(r);
    return std::span(items).subspan(static_cast<std::size_t>(offsets[at]),
                                    static_cast<std::size_t>(offsets[at + 1] - offsets[at]));
  }
};

// A score for each entry: of a listed row its items in their order, of another one all items of the catalogue, with
// -infinity for those that it may not be recommended. T: float or double. Not thread-safe.
template <class T>
class ItemScores {
 public:
  // table: [I, D]; must stay as it is for the other calls. sum: [D] of its rows.
  ItemScores(const T* table, std::int64_t items, std::int64_t dim, const T* sum)
      : table_(table), items_(items), dim_(dim), sum_(sum) {}

  // f: [count, D], its rows `stride` apart, of the rows `first` .. of `allowed`, which must stay for the other calls.
  void Forward(const T* f, std::int64_t stride, std::int64_t first, std::int64_t count, const RowItems& allowed);
  [[nodiscard]] std::span<T> row(std::int64_t r) {
    const auto at = static_cast<std::size_t>(r);
    return {scores_.data() + begins_[at], static_cast<std::size_t>(sizes_[at])};
  }
  // How many of them are finite.
  [[nodiscard]] std::int64_t legal(std::int64_t r) const { return legal_[static_cast<std::size_t>(r)]; }
  // The item of an entry.
  [[nodiscard]] std::int32_t item(std::int64_t r, std::int64_t entry) const {
    return allowed_->listed[static_cast<std::size_t>(first_ + r)] != 0
               ? allowed_->row(first_ + r)[static_cast<std::size_t>(entry)]
               : static_cast<std::int32_t>(entry);
  }
  // d_f += the gradient, where row() has been overwritten with that by the scores, 0 where there is none.
  void Backward(T* d_f, std::int64_t stride) const;
  // to += factor times the mean of the legal items' vectors.
  void AddMean(std::int64_t r, T factor, T* to) const;

 private:
  const T* table_;
  std::int64_t items_, dim_;
  std::int64_t first_ = 0;
  const RowItems* allowed_ = nullptr;
  std::vector<T> scores_;
  std::vector<std::int64_t> begins_, sizes_, legal_;
  const T* sum_;
};

// values := softmax of themselves, -infinity becomes 0. Returns the logarithm of the sum of exponentials.
template <class T>
T SoftmaxInPlace(std::span<T> values);

extern template class ItemScores<float>;
extern template class ItemScores<double>;

}  // namespace recforce::algos
