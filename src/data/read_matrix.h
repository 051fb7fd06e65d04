// SPDX-License-Identifier: Apache-2.0
// Dense matrices of ratings as Coat has them: a user a line, an item a column, blanks between, 0 where there is none.
#pragma once

#include "data/readers.h"

namespace recforce::data {

struct MatrixShape {
  std::int64_t users = 0;  // lines with words, good or bad
  std::int64_t items = 0;
};

// Users and items are numbered from 1. `propensities`: a matrix of the same shape, of which the entries of rated items
// are used, or null. A line with another number of columns than the first, with text or with a propensity outside
// (0, 1] is bad. Error(Data) when the propensities have fewer or more lines.
MatrixShape ReadMatrix(LineSource& source, LineSource* propensities, RowSink& sink);

}  // namespace recforce::data
