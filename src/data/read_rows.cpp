// SPDX-License-Identifier: Apache-2.0
// Two ways through the same rows. A window of whole lines is cut into blocks, and these are parsed by several threads;
// their rows are handed on in order. Where a block holds a quote, or a line is not plain, the exact reader takes over
// at that very byte. A quoted field may end beyond its block: the rest of the window is then looked at anew.
#include "data/read_rows.h"

#include <algorithm>
#include <string>
#include <vector>

#include "data/block_parser.h"
#include "data/parse_fields.h"
#include "recforce/base/threads.h"

namespace recforce::data {
namespace {

// Turns the records of one log into rows or messages.
class LogParser {
 public:
  LogParser(RecordReader& records, const LogColumns& columns) : records_(records), columns_(columns) {}

  // False when the record is bad; message() says why.
  bool Parse(LogRow& row) {
    return CheckSize() && TakeUser(row.user) && TakeId(columns_.item, row.item) && TakeTime(row.time) &&
           TakeValue(row.value) && TakePropensity(row.propensity) && TakePosition(row.position) && TakePart(row.part) &&
           TakeContext(row.context);
  }
  [[nodiscard]] std::string& message() { return message_; }

 private:
  bool CheckSize() {
    const std::size_t expected = columns_.names.size();
    if (records_.size() == expected) {
      return true;
    }
    message_ = records_.Where(std::min(records_.size(), expected)) + ": row has " + std::to_string(records_.size()) +
               (records_.size() == 1 ? " column: " : " columns: ") + Quoted(records_.row()) + "; expected " +
               std::to_string(expected) + " separated by " + Quoted(records_.style().separator);
    return false;
  }

  bool Fail(std::size_t column, const FaultText& fault) {
    message_ = records_.Where(column) + ": " + columns_.names[column] + " " + std::string(fault.what) + ": " +
               Quoted(records_.field(column)) + "; expected " + std::string(fault.expected);
    return false;
  }

  bool TakeId(std::size_t column, std::string_view& id) {
    id = records_.field(column);
    return !id.empty() || Fail(column, {"is empty", "an id"});
  }

  bool TakeUser(std::string_view& id) {
    if (columns_.user_features.size() < 2) {
      return TakeId(columns_.user_features.empty() ? columns_.user : columns_.user_features.front(), id);
    }
    joined_.clear();
    for (const std::size_t column : columns_.user_features) {
      joined_.append(joined_.empty() ? "" : "|").append(records_.field(column));
    }
    id = joined_;
    return true;
  }

  bool TakeTime(std::int64_t& time) {
    if (!columns_.time) {
      return true;
    }
    const FieldFault fault = ParseTime(records_.field(*columns_.time), time);
    return fault == FieldFault::kNone || Fail(*columns_.time, TimeFault(fault));
  }

  bool TakeValue(double& value) {
    if (!columns_.value) {
      return true;
    }
    const FieldFault fault = ParseValue(records_.field(*columns_.value), value);
    return fault == FieldFault::kNone || Fail(*columns_.value, ValueFault(fault));
  }

  bool TakePropensity(float& propensity) {
    if (!columns_.propensity) {
      return true;
    }
    const FieldFault fault = ParsePropensity(records_.field(*columns_.propensity), propensity);
    return fault == FieldFault::kNone || Fail(*columns_.propensity, PropensityFault(fault));
  }

  bool TakePosition(std::int32_t& position) {
    if (!columns_.position) {
      return true;
    }
    const FieldFault fault = ParsePosition(records_.field(*columns_.position), position);
    return fault == FieldFault::kNone || Fail(*columns_.position, PositionFault(fault));
  }

  bool TakePart(Part& part) {
    if (!columns_.part) {
      return true;
    }
    const FieldFault fault = ParsePart(records_.field(*columns_.part), part);
    return fault == FieldFault::kNone || Fail(*columns_.part, PartFault(fault));
  }

  bool TakeContext(std::string_view& context) {
    if (columns_.context) {
      context = records_.field(*columns_.context);
    }
    return true;
  }

  RecordReader& records_;
  const LogColumns& columns_;
  std::string joined_;  // the user out of several columns
  std::string message_;
};

class RowsReader {
 public:
  RowsReader(LineSource& source, RecordReader& records, const LogColumns& columns, RowSink& sink,
             const BlockSizes& sizes)
      : source_(source),
        records_(records),
        parser_(records, columns),
        sink_(sink),
        sizes_(sizes),
        plan_(PlanFields(records.style(), columns)) {}

  void ReadAll() {
    while (ReadWindow() || ReadRecord()) {
    }
  }

 private:
  // One record, exactly; false at the end.
  bool ReadRecord() {
    LogRow row;
    switch (records_.Next()) {
      case RecordReader::Status::kEnd:
        return false;
      case RecordReader::Status::kBad:
        sink_.AddBad(records_.fault());
        break;
      case RecordReader::Status::kRow:
        row.line = records_.line_number();
        if (parser_.Parse(row)) {
          sink_.Add(row);
        } else {
          sink_.AddBad(std::move(parser_.message()));
        }
        break;
    }
    return true;
  }

  // False when the next line has to be read exactly, or there is none.
  bool ReadWindow() {
    if (!plan_ || sizes_.window == 0) {
      return false;
    }
    const std::string_view window = source_.PeekLines(sizes_.window);
    if (window.empty()) {
      return false;
    }
    const std::size_t count = Cut(window);
    base::ParallelFor(0, static_cast<std::int64_t>(count), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        ParseBlock(*plan_, blocks_[static_cast<std::size_t>(i)]);
      }
    });
    for (std::size_t i = 0; i < count; ++i) {
      const ParsedBlock& block = blocks_[i];
      const std::int64_t end = source_.consumed() + static_cast<std::int64_t>(block.text.size());
      if (block.exact) {
        while (source_.consumed() < end && ReadRecord()) {
        }
        if (source_.consumed() != end) {
          break;  // a record went on in the next block; `window` may be gone
        }
      } else {
        HandOn(block);
      }
    }
    return true;
  }

  // Cuts at ends of lines; returns how many blocks there are.
  std::size_t Cut(std::string_view window) {
    std::size_t count = 0;
    while (!window.empty()) {
      const std::size_t newline = window.find('\n', std::min(sizes_.block, window.size()) - 1);
      const std::size_t size = newline == std::string_view::npos ? window.size() : newline + 1;
      if (count == blocks_.size()) {
        blocks_.emplace_back();
      }
      blocks_[count++].text = window.substr(0, size);
      window.remove_prefix(size);
    }
    return count;
  }

  // The block's rows, with its irregular lines read exactly between them.
  void HandOn(const ParsedBlock& block) {
    const std::int64_t first_line = source_.line_number() + 1;
    const std::int64_t begin = source_.consumed();
    std::size_t rows = 0;
    for (const IrregularLine& line : block.irregular) {
      AddRows(block, rows, line.rows_before, first_line);
      rows = line.rows_before;
      const auto passed = static_cast<std::size_t>(source_.consumed() - begin);
      source_.Skip(line.offset - passed, first_line + line.lines - source_.line_number() - 1);
      ReadRecord();
    }
    AddRows(block, rows, block.user.size(), first_line);
    const auto passed = static_cast<std::size_t>(source_.consumed() - begin);
    source_.Skip(block.text.size() - passed, first_line + block.lines - source_.line_number() - 1);
  }

  void AddRows(const ParsedBlock& block, std::size_t begin, std::size_t end, std::int64_t first_line) {
    if (begin < end) {
      const auto part = [&](const auto& column) {
        return column.empty() ? std::span(column) : std::span(column).subspan(begin, end - begin);
      };
      sink_.AddRows(
          {part(block.user), part(block.item), part(block.time), part(block.value), part(block.line), first_line});
    }
  }

  LineSource& source_;
  RecordReader& records_;
  LogParser parser_;
  RowSink& sink_;
  BlockSizes sizes_;
  std::optional<FieldPlan> plan_;
  std::vector<ParsedBlock> blocks_;
};

}  // namespace

void ReadRows(LineSource& source, RecordReader& records, const LogColumns& columns, RowSink& sink,
              const BlockSizes& sizes) {
  sink.Begin({.time = columns.time.has_value(),
              .value = columns.value.has_value(),
              .propensity = columns.propensity.has_value(),
              .position = columns.position.has_value(),
              .part = columns.part.has_value(),
              .context = columns.context.has_value()});
  RowsReader(source, records, columns, sink, sizes).ReadAll();
}

}  // namespace recforce::data
