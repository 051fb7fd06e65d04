// SPDX-License-Identifier: Apache-2.0
// Blocks of whole lines to rows, many bytes at a time. What is not plain, a row that is malformed or not text, is left
// for the exact reader (read_rows.cpp), which finds the words for it. Blocks are independent of each other, so that
// several threads parse several blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/log_header.h"
#include "data/record_reader.h"

namespace recforce::data {

// Where the fields of a row lie.
struct FieldPlan {
  std::string separator;
  bool quotes = false;
  std::size_t columns = 0;
  std::size_t user = 0;
  std::size_t item = 0;
  std::optional<std::size_t> time;
  std::optional<std::size_t> value;
};

// Nothing for rows that only the exact reader can take apart: of too many columns, in latin-1, or with members that
// LogRows does not have.
std::optional<FieldPlan> PlanFields(const RecordStyle& style, const LogColumns& columns);

// A line that the exact reader has to look at.
struct IrregularLine {
  std::size_t offset;       // of its first byte in the block
  std::uint32_t lines;      // before it in the block, blank ones too
  std::size_t rows_before;  // rows of the block that come first
};

struct ParsedBlock {
  std::string_view text;  // whole lines; the last one may lack its end
  bool exact = false;     // holds a quote: nothing was parsed
  std::uint32_t lines = 0;
  std::vector<std::string_view> user;  // views into text
  std::vector<std::string_view> item;
  std::vector<std::int64_t> time;
  std::vector<double> value;
  std::vector<std::uint32_t> line;  // 0 for the first of the block
  std::vector<IrregularLine> irregular;
};

// Fills `block` from its text. Vectors keep their capacity from block to block.
void ParseBlock(const FieldPlan& plan, ParsedBlock& block);

}  // namespace recforce::data
