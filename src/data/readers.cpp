// SPDX-License-Identifier: Apache-2.0
// Reading logs: find the columns once, then take the same fields out of every row.
#include "data/readers.h"

#include <algorithm>

#include "data/decision_sink.h"
#include "data/json_reader.h"
#include "data/log_header.h"
#include "data/parse_fields.h"
#include "data/read_displays.h"
#include "data/read_jsonl.h"
#include "data/read_lists.h"
#include "data/read_matrix.h"
#include "data/read_rows.h"
#include "data/record_reader.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;

// Whether commas, tabs or semicolons separate the columns is known only from the first line: by the first of them that
// stands outside quotes.
std::string CsvSeparator(std::string_view first_line) {
  bool quoted = false;
  for (const char character : first_line) {
    quoted = quoted != (character == '"');
    if (!quoted && (character == ',' || character == '\t' || character == ';')) {
      return {character};
    }
  }
  return ",";
}

void ReadTable(LineSource& source, LogKind kind, const ColumnNames& names, RowSink& sink) {
  if (kind == LogKind::kUData || kind == LogKind::kRatingsDat) {
    RecordReader records(source, {kind == LogKind::kUData ? "\t" : "::"});
    ReadRows(source, records, MovielensColumns(source.name(), names), sink);
    return;
  }
  const bool quotes = kind != LogKind::kInter;
  const std::optional<std::string_view> first = source.Peek();
  if (first) {
    RefuseLoneReturns(source, *first);
  }
  RecordReader records(source, {quotes && first ? CsvSeparator(*first) : "\t", quotes});
  const std::vector<std::string> header = ReadHeader(records);
  const HeaderPlace place = [&](std::size_t column) { return records.Where(column); };
  ReadRows(source, records,
           kind == LogKind::kInter ? InterColumns(records, header, names)
           : kind == LogKind::kCsv ? CsvColumns(place, header, names)
                                   : OpenBanditColumns(place, header, names),
           sink);
}

// What stands where the lines of a log have no header, for messages.
std::string ColumnsOf(LogKind kind) {
  switch (kind) {
    case LogKind::kAdjacency:
      return "a user and its items";
    case LogKind::kPairs:
      return "user, item";
    case LogKind::kNegatives:
      return "(user,item) and items";
    case LogKind::kMatrix:
      return "items, its lines users";
    default:
      return "the items of a session";
  }
}

}  // namespace

void ReadLog(LineSource& source, LogKind kind, const ColumnNames& names, RowSink& sink) {
  switch (kind) {
    case LogKind::kUData:
    case LogKind::kRatingsDat:
    case LogKind::kInter:
    case LogKind::kCsv:
    case LogKind::kOpenBandit:
      return ReadTable(source, kind, names, sink);
    case LogKind::kDecisions:
      RefuseColumnNames(source.name(), names, "those of docs/formats/decision_log.md");
      return ReadDecisionRows(source, sink);
    case LogKind::kDisplays:
      return ReadDisplays(source, names, sink);
    case LogKind::kJsonl:
      return ReadJsonl(source, names, sink);
    case LogKind::kGorse:
      return ReadGorseFeedback(source, names, sink);
    default:
      break;
  }
  RefuseColumnNames(source.name(), names, ColumnsOf(kind));
  switch (kind) {
    case LogKind::kAdjacency:
      return ReadAdjacency(source, sink);
    case LogKind::kSessions:
      return ReadSessions(source, sink);
    case LogKind::kTestCases:
      return ReadTestCases(source, sink);
    case LogKind::kPairs:
      return ReadPairs(source, sink);
    case LogKind::kNegatives:
      return ReadNegatives(source, sink);
    case LogKind::kMatrix:
      (void)ReadMatrix(source, nullptr, sink);
      return;
    default:
      RECFORCE_CHECK(false, "every kind of log has a reader");
  }
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
    if (IsDisplayHeader(by_tab)) {
      return LogKind::kDisplays;
    }
    if (!first_line.empty() && first_line.front() == '{') {
      const std::vector<std::string> fields = JsonNames(first_line, "");
      return IsDecisionHeader(first_line, fields) ? LogKind::kDecisions
             : IsGorseFeedback(fields)            ? LogKind::kGorse
                                                  : LogKind::kJsonl;
    }
    if (numbers(split({"::"}))) {
      return LogKind::kRatingsDat;
    }
    if (numbers(by_tab)) {
      return LogKind::kUData;
    }
    const std::vector<std::string> header = TrimmedNames(split({CsvSeparator(first_line), true}));
    if (IsOpenBanditHeader(header)) {
      return LogKind::kOpenBandit;
    }
    if (HasUserAndItem(header, names)) {
      return LogKind::kCsv;
    }
  } catch (const Error&) {
    return std::nullopt;  // an open quote or compressed bytes: no line of a known format
  }
  return std::nullopt;
}

void ReadTitles(LineSource& source, TitleKind kind, const std::function<void(std::string_view, std::string_view)>& add,
                const std::function<void(std::string)>& add_bad) {
  if (kind == TitleKind::kGorse) {
    ReadGorseItems(source, add, add_bad);
    return;
  }
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
