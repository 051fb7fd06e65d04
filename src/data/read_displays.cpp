// SPDX-License-Identifier: Apache-2.0
// Rows of displays, gathered until the session or the time changes.
#include "data/read_displays.h"

#include <algorithm>

#include "data/id_table.h"
#include "data/log_header.h"
#include "data/parse_fields.h"
#include "data/record_reader.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

struct DisplayTable {
  std::vector<std::string> names;
  std::size_t user = 0;
  std::size_t time = 0;
  std::size_t item = 0;
  std::size_t click = 0;
  std::optional<std::size_t> part;
};

std::size_t NamedColumn(const HeaderPlace& place, const std::vector<std::string>& header, const std::string& given,
                        const std::string& own) {
  if (!given.empty() && std::find(header.begin(), header.end(), given) == header.end()) {
    throw Error(ErrorKind::kUsage, place(0) + ": no column " + Quoted(given) + "; the columns are " +
                                       ListNames(header) + base::DidYouMean(given, header));
  }
  return FixedColumn(place, header, given.empty() ? own : given);
}

DisplayTable FindColumns(RecordReader& records, const ColumnNames& names) {
  if (!names.value.empty()) {
    throw Error(ErrorKind::kUsage, records.name() + ": displays have clicks and no values: " + Quoted(names.value) +
                                       "; leave out --value-col");
  }
  for (const std::string* name : {&names.propensity, &names.position, &names.part, &names.context}) {
    if (!name->empty()) {
      throw Error(ErrorKind::kUsage, records.name() + ": displays have no such column to name: " + Quoted(*name) +
                                         "; leave out --propensity-col, --position-col, --part-col and --context-col");
    }
  }
  DisplayTable table;
  table.names = ReadHeader(records);
  const HeaderPlace place = [&](std::size_t column) { return records.Where(column); };
  table.user = NamedColumn(place, table.names, names.user, "SessionId");
  table.time = NamedColumn(place, table.names, names.time, "Time");
  table.item = NamedColumn(place, table.names, names.item, "ItemId");
  table.click = FixedColumn(place, table.names, "is_click");
  if (std::find(table.names.begin(), table.names.end(), "tr_val_tst") != table.names.end()) {
    table.part = FixedColumn(place, table.names, "tr_val_tst");
  }
  return table;
}

// One row of the table.
struct Shown {
  std::string_view user;
  std::int64_t time = 0;
  std::string_view item;
  bool clicked = false;
  Part part = Part::kTrain;
};

// Turns records into rows of displays or messages.
class ShownParser {
 public:
  ShownParser(const RecordReader& records, const DisplayTable& table) : records_(records), table_(table) {}

  // False when the record is bad; message() says why.
  bool Parse(Shown& shown) {
    return CheckSize() && TakeId(table_.user, shown.user) && TakeTime(shown.time) && TakeId(table_.item, shown.item) &&
           TakeClick(shown.clicked) && TakePart(shown.part);
  }
  bool Fail(std::size_t column, const std::string& what, const std::string& expected) {
    message_ = records_.Where(column) + ": " + table_.names[column] + " " + what + ": " +
               Quoted(records_.field(column)) + "; expected " + expected;
    return false;
  }
  [[nodiscard]] std::string& message() { return message_; }

 private:
  bool CheckSize() {
    const std::size_t expected = table_.names.size();
    if (records_.size() == expected) {
      return true;
    }
    message_ = records_.Where(std::min(records_.size(), expected)) + ": row has " + std::to_string(records_.size()) +
               (records_.size() == 1 ? " column: " : " columns: ") + Quoted(records_.row()) + "; expected " +
               std::to_string(expected) + " separated by '\\t'";
    return false;
  }
  bool TakeId(std::size_t column, std::string_view& id) {
    id = records_.field(column);
    return !id.empty() || Fail(column, "is empty", "an id");
  }
  bool TakeTime(std::int64_t& time) {
    const FieldFault fault = ParseTime(records_.field(table_.time), time);
    return fault == FieldFault::kNone ||
           Fail(table_.time, std::string(TimeFault(fault).what), std::string(TimeFault(fault).expected));
  }
  bool TakeClick(bool& clicked) {
    const std::string_view text = records_.field(table_.click);
    clicked = text == "1";
    return clicked || text == "0" || Fail(table_.click, "is neither 0 nor 1", "1 for a clicked item, 0 for another");
  }
  bool TakePart(Part& part) {
    if (!table_.part) {
      return true;
    }
    const std::string_view text = records_.field(*table_.part);
    if (text.size() != 1 || text[0] < '0' || text[0] > '2') {
      return Fail(*table_.part, "is no part", "0 for training, 1 for validation, 2 for test");
    }
    part = static_cast<Part>(text[0] - '0');
    return true;
  }

  const RecordReader& records_;
  const DisplayTable& table_;
  std::string message_;
};

// The display that is being read.
class Gatherer {
 public:
  Gatherer(bool has_parts, RowSink& sink) : sink_(sink) { sink_.Begin({.time = true, .part = has_parts}); }

  // Whether the row belongs to the display at hand; another one begins otherwise.
  [[nodiscard]] bool Continues(const Shown& shown) const {
    return items_.size() > 0 && user_ == shown.user && time_ == shown.time;
  }
  [[nodiscard]] Part part() const { return part_; }

  void Add(const Shown& shown, std::int64_t line) {
    if (!Continues(shown)) {
      Finish();
      user_ = shown.user;
      time_ = shown.time;
      part_ = shown.part;
      lines_.clear();
      clicked_.clear();
    }
    const auto place = static_cast<std::size_t>(items_.Add(shown.item));
    if (place == clicked_.size()) {
      clicked_.push_back(0);
      lines_.push_back(line);
    }
    if (shown.clicked) {
      clicked_[place] = 1;
      lines_[place] = line;
    }
  }

  void Finish() {
    std::vector<std::string_view> items;
    for (std::int32_t i = 0; i < items_.size(); ++i) {
      items.push_back(items_[i]);
    }
    if (items.empty()) {
      return;
    }
    sink_.AddDisplay({user_, time_, items, clicked_, lines_.front(), part_});
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (clicked_[i] != 0) {
        LogRow row;
        row.user = user_;
        row.item = items[i];
        row.time = time_;
        row.line = lines_[i];
        row.part = part_;
        sink_.Add(row);
      }
    }
    items_ = IdTable();
  }

 private:
  RowSink& sink_;
  std::string user_;
  std::int64_t time_ = 0;
  Part part_ = Part::kTrain;
  IdTable items_;                      // in the order shown
  std::vector<std::uint8_t> clicked_;  // parallel to items_
  std::vector<std::int64_t> lines_;    // of the click, or of the first row of the item
};

}  // namespace

void ReadDisplays(LineSource& source, const ColumnNames& names, RowSink& sink) {
  RecordReader records(source, {"\t"});
  const DisplayTable table = FindColumns(records, names);
  ShownParser parser(records, table);
  Gatherer display(table.part.has_value(), sink);
  while (true) {
    const RecordReader::Status status = records.Next();
    if (status == RecordReader::Status::kEnd) {
      break;
    }
    if (status == RecordReader::Status::kBad) {
      sink.AddBad(records.fault());
      continue;
    }
    Shown shown;
    bool good = parser.Parse(shown);
    if (good && display.Continues(shown) && shown.part != display.part()) {
      good = parser.Fail(*table.part, "differs inside a display", "one part for all rows of a session and time");
    }
    if (good) {
      display.Add(shown, records.line_number());
    } else {
      sink.AddBad(std::move(parser.message()));
    }
  }
  display.Finish();
}

}  // namespace recforce::data
