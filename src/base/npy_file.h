// SPDX-License-Identifier: Apache-2.0
// Matrices that NumPy saved (.npy, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace recforce::base {

// An array as it lies in the file: its type as NumPy writes it ("<f8"), its shape, its bytes. [] is a single number.
struct NpyView {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;
};

// The array of a .npy file of format 1, 2 or 3, of any type; the length of its data is for the caller to check.
// Error(Data) that begins with `where` when there is none.
NpyView ParseNpyView(std::span<const std::byte> bytes, const std::string& where);

// How many numbers an array of this shape has; nothing when they are too many to count.
std::optional<std::int64_t> NpyCount(const NpyView& array);

// Row-major. A one-dimensional array is one column.
struct NpyMatrix {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<float> values;
};

// Reads format 1, 2 or 3, little-endian float32 or float64, C order, one or two dimensions, every value finite in
// float32. Error(Data) that begins with `where` for anything else.
NpyMatrix ParseNpyMatrix(std::span<const std::byte> bytes, const std::string& where);

// The same from a file. Error(NotFound) when there is none.
NpyMatrix ReadNpyMatrix(const std::filesystem::path& path);

}  // namespace recforce::base
