// SPDX-License-Identifier: Apache-2.0
// Reading logs: find the columns once, then take the same fields out of every row.
#include "data/readers.h"

#include <algorithm>

#include "data/log_header.h"
#include "data/parse_fields.h"
#include "data/record_reader.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;

// Turns the records of one log into rows or messages.
class LogParser {
 public:
  LogParser(RecordReader& records, const LogColumns& columns) : records_(records), columns_(columns) {}

  // False when the record is bad; message() says why.
  bool Parse(LogRow& row) {
    return CheckSize() && TakeId(columns_.user, row.user) && TakeId(columns_.item, row.item) && TakeTime(row.time) &&
           TakeValue(row.value);
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

  RecordReader& records_;
  const LogColumns& columns_;
  std::string message_;
};

void ReadRows(RecordReader& records, const LogColumns& columns, RowSink& sink) {
  LogParser parser(records, columns);
  sink.Begin({.time = columns.time.has_value(), .value = columns.value.has_value()});
  LogRow row;
  while (true) {
    switch (records.Next()) {
      case RecordReader::Status::kEnd:
        return;
      case RecordReader::Status::kBad:
        sink.AddBad(records.fault());
        break;
      case RecordReader::Status::kRow:
        row.line = records.line_number();
        if (parser.Parse(row)) {
          sink.Add(row);
        } else {
          sink.AddBad(std::move(parser.message()));
        }
        break;
    }
  }
}

// Whether the text begins like a comma file or a tab file is known only from its first line.
std::string CsvSeparator(std::string_view first_line) {
  const std::size_t found = first_line.find_first_of(",\t");
  return found != std::string_view::npos && first_line[found] == '\t' ? "\t" : ",";
}

}  // namespace

void ReadLog(LineSource& source, LogKind kind, const ColumnNames& names, RowSink& sink) {
  if (kind == LogKind::kUData || kind == LogKind::kRatingsDat) {
    RecordReader records(source, {kind == LogKind::kUData ? "\t" : "::"});
    ReadRows(records, MovielensColumns(source.name(), names), sink);
    return;
  }
  const bool csv = kind == LogKind::kCsv;
  const std::optional<std::string_view> first = source.Peek();
  RecordReader records(source, {csv && first ? CsvSeparator(*first) : "\t", csv});
  const std::vector<std::string> header = ReadHeader(records);
  ReadRows(records, csv ? CsvColumns(records, header, names) : InterColumns(records, header, names), sink);
}

std::optional<LogKind> GuessLogKind(std::string_view first_line, const ColumnNames& names) {
  const auto split = [&](const RecordStyle& style) {
    LineSource source = LineSource::FromMemory(first_line, "");
    RecordReader records(source, style);
    std::vector<std::string> fields;
    if (records.Next() == RecordReader::Status::kRow) {
      for (std::size_t i = 0; i < records.size(); ++i) {
        fields.emplace_back(records.field(i));
      }
    }
    return fields;
  };
  const auto numbers = [](const std::vector<std::string>& fields) {
    double ignored = 0.0;
    return fields.size() == 4 && std::all_of(fields.begin() + 2, fields.end(), [&](const std::string& field) {
             return ParseDecimal(field, ignored) == FieldFault::kNone;
           });
  };
  try {
    const std::vector<std::string> by_tab = split({"\t"});
    if (by_tab.size() >= 2 && std::all_of(by_tab.begin(), by_tab.end(), IsTypedName)) {
      return LogKind::kInter;
    }
    if (numbers(split({"::"}))) {
      return LogKind::kRatingsDat;
    }
    if (numbers(by_tab)) {
      return LogKind::kUData;
    }
    if (HasUserAndItem(split({CsvSeparator(first_line), true}), names)) {
      return LogKind::kCsv;
    }
  } catch (const Error&) {
    return std::nullopt;  // an open quote or compressed bytes: no line of a known format
  }
  return std::nullopt;
}

void ReadTitles(LineSource& source, TitleKind kind, const std::function<void(std::string_view, std::string_view)>& add,
                const std::function<void(std::string)>& add_bad) {
  const bool has_header = kind == TitleKind::kItem || kind == TitleKind::kMoviesCsv;
  RecordStyle style{"\t"};
  if (kind == TitleKind::kMoviesCsv) {
    style = {",", true};
  } else if (!has_header) {
    style = {kind == TitleKind::kMoviesDat ? "::" : "|", false, true};
  }
  RecordReader records(source, style);
  TitleColumns columns{0, 1, kind == TitleKind::kMoviesDat ? 3U : 0U};
  if (has_header) {
    const auto found = FindTitleColumns(ReadHeader(records), kind == TitleKind::kItem);
    if (!found) {
      return;
    }
    columns = *found;
  }
  for (auto status = records.Next(); status != RecordReader::Status::kEnd; status = records.Next()) {
    if (status == RecordReader::Status::kBad) {
      add_bad(records.fault());
      continue;
    }
    const std::size_t needed = std::max(columns.id, columns.title) + 1;
    if (columns.count != 0 ? records.size() != columns.count : records.size() < needed) {
      add_bad(records.Where(std::min(records.size(), columns.count != 0 ? columns.count : needed)) + ": row has " +
              std::to_string(records.size()) + (records.size() == 1 ? " column: " : " columns: ") +
              Quoted(records.row()) + "; expected " + (columns.count != 0 ? "" : "at least ") +
              std::to_string(columns.count != 0 ? columns.count : needed) + " separated by " +
              Quoted(records.style().separator));
      continue;
    }
    add(records.field(columns.id), records.field(columns.title));
  }
}

}  // namespace recforce::data
