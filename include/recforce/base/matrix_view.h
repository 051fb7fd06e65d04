// SPDX-License-Identifier: Apache-2.0
// A row-major matrix that somebody else owns.
#pragma once

#include <cstdint>
#include <span>

namespace recforce::base {

template <class T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;

  [[nodiscard]] std::span<T> row(std::int64_t r) const { return {data + r * cols, static_cast<std::size_t>(cols)}; }
};

}  // namespace recforce::base
