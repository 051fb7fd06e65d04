// SPDX-License-Identifier: Apache-2.0
#include "algos/common/numbered_rows.h"

#include <algorithm>
#include <optional>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::algos {

std::vector<float> PickNumberedRows(const base::NpyMatrix& matrix, const std::string& path, std::int64_t count,
                                    const IdOf& id_of, const char* what) {
  std::vector<float> rows(static_cast<std::size_t>(count * matrix.cols));
  for (std::int64_t n = 0; n < count; ++n) {
    const std::string id = id_of ? std::string(id_of(n)) : std::to_string(n);
    const std::optional<std::int64_t> row = base::ParseInt(id);
    if (!row || *row < 0 || *row >= matrix.rows) {
      throw base::Error(base::ErrorKind::kData, path + ": no row for " + what + " '" + id + "'; expected ids in [0, " +
                                                    std::to_string(matrix.rows - 1) + "], the rows of the file");
    }
    std::copy_n(matrix.values.begin() + *row * matrix.cols, matrix.cols, rows.begin() + n * matrix.cols);
  }
  return rows;
}

base::NpyMatrix ReadNumberedRows(const std::string& path, std::int64_t count, const IdOf& id_of, const char* what) {
  const base::NpyMatrix matrix = base::ReadNpyMatrix(path);
  if (matrix.cols < 1) {
    throw base::Error(base::ErrorKind::kData, path + ": rows of '0' numbers; expected at least 1");
  }
  return {count, matrix.cols, PickNumberedRows(matrix, path, count, id_of, what)};
}

}  // namespace recforce::algos
