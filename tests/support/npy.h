// SPDX-License-Identifier: Apache-2.0
// .npy files for tests, as numpy.save writes float32 matrices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace recforce::test {

inline std::string NpyFile(std::int64_t rows, std::int64_t cols, const std::vector<float>& values) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                       std::to_string(cols) + "), }";
  header.resize(117, ' ');
  header += '\n';
  std::string bytes = "\x93NUMPY\x01";
  bytes += '\0';
  bytes += static_cast<char>(header.size());
  bytes += '\0';
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return bytes;
}

}  // namespace recforce::test
