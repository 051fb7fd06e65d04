// SPDX-License-Identifier: Apache-2.0
// Numbers that somebody else made for users or items, from .npy files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/npy_file.h"

namespace recforce::algos {

using IdOf = std::function<std::string_view(std::int64_t)>;

// Rows of `matrix`, which the file at `path` holds, in our order: the row of object n is its id read as a number, or n
// where nothing has ids. Error(Data) for an id without a row; `what` is "user" or "item".
std::vector<float> PickNumberedRows(const base::NpyMatrix& matrix, const std::string& path, std::int64_t count,
                                    const IdOf& id_of, const char* what);

// The same from the file: [count, its columns]. Error(Data) when its rows are empty, Error(NotFound) when there is
// none.
base::NpyMatrix ReadNumberedRows(const std::string& path, std::int64_t count, const IdOf& id_of, const char* what);

}  // namespace recforce::algos
