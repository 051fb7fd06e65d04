// SPDX-License-Identifier: Apache-2.0
// The rows of a log whose columns are known: record by record, exactly, and where lines are plain in blocks that the
// threads of the pool parse side by side. Which of both reads a row cannot be told from what the sink gets.
#pragma once

#include <cstddef>

#include "data/line_source.h"
#include "data/log_header.h"
#include "data/readers.h"
#include "data/record_reader.h"

namespace recforce::data {

// How much text is parsed at once. Memory: a window, and about twice as much for its rows.
struct BlockSizes {
  std::size_t window = std::size_t{4} << 20;  // 0: every record is read exactly
  std::size_t block = std::size_t{1} << 18;   // what one thread takes
};

// `records` reads from `source` and has passed the header. Calls sink.Begin() first.
void ReadRows(LineSource& source, RecordReader& records, const LogColumns& columns, RowSink& sink,
              const BlockSizes& sizes = {});

}  // namespace recforce::data
