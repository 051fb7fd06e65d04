// SPDX-License-Identifier: Apache-2.0
// The CSV of the Open Bandit Dataset as a log of single actions: the three places of a page are three rounds.
#include <algorithm>
#include <limits>

#include "data/context_columns.h"
#include "data/decision_builder.h"
#include "data/decision_sink.h"
#include "data/log_header.h"
#include "data/parse_fields.h"
#include "data/record_reader.h"
#include "recforce/base/error.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

struct Columns {
  std::vector<std::string> names;
  std::size_t time = 0;
  std::size_t item = 0;
  std::size_t position = 0;
  std::size_t click = 0;
  std::size_t propensity = 0;
  std::vector<std::size_t> features;    // of the user: categories
  std::vector<std::size_t> affinities;  // numbers
};

Columns FindColumns(RecordReader& records, bool affinity) {
  Columns columns;
  columns.names = TrimmedNames(ReadHeader(records));
  const auto& names = columns.names;
  const HeaderPlace place = [&](std::size_t column) { return records.Where(column); };
  columns.time = FixedColumn(place, names, "timestamp");
  columns.item = FixedColumn(place, names, "item_id");
  columns.position = FixedColumn(place, names, "position");
  columns.click = FixedColumn(place, names, "click");
  const auto has = [&](const char* name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  const bool is_pipeline = !has("propensity_score") && has("action_prob");
  columns.propensity = FixedColumn(place, names, is_pipeline ? "action_prob" : "propensity_score");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].starts_with("user_feature_")) {
      columns.features.push_back(i);
    } else if (affinity && names[i].starts_with("user-item_affinity_")) {
      columns.affinities.push_back(i);
    }
  }
  return columns;
}

// "" or what is wrong with the width of a row.
std::string WidthFault(const RecordReader& records, std::size_t expected) {
  if (records.size() == expected) {
    return "";
  }
  return records.Where(std::min(records.size(), expected)) + ": row has " + std::to_string(records.size()) +
         (records.size() == 1 ? " column: " : " columns: ") + Quoted(records.row()) + "; expected " +
         std::to_string(expected) + " separated by ','";
}

class RoundsReader {
 public:
  RoundsReader(LineSource& source, const DecisionReadOptions& options, DecisionReport& report)
      : records_(source, {",", true}),
        bad_(options.max_bad_rows, report),
        report_(report),
        affinity_(options.affinity) {}

  // The items of the log, and their features.
  void ReadItems(LineSource& source);

  DecisionLog Read() {
    columns_ = FindColumns(records_, affinity_);
    for (auto status = records_.Next(); status != RecordReader::Status::kEnd; status = records_.Next()) {
      ++report_.rows_read;
      ParsedDecision round;
      if (status == RecordReader::Status::kBad) {
        bad_.Add(records_.fault());
      } else if (!Parse(round)) {
        context_.DropRow();
        bad_.Add(message_);
      } else {
        builder_.Add(round);
        context_.EndRow();
      }
    }
    DecisionLog log = builder_.Finish();
    ContextColumns::Dense context = context_.Finish(kEveryColumn);
    log.context_names = std::move(context.names);
    log.context = std::move(context.values);
    log.action_context_names = std::move(items_.names);
    log.action_context = std::move(items_.values);
    return log;
  }

 private:
  static constexpr std::int64_t kEveryColumn = std::numeric_limits<std::int64_t>::max();

  bool Fail(std::size_t column, const FaultText& fault) {
    message_ = FieldMessage(records_.Where(column), columns_.names[column], std::string(fault.what),
                            records_.field(column), std::string(fault.expected));
    return false;
  }

  bool Parse(ParsedDecision& round) {
    message_ = WidthFault(records_, columns_.names.size());
    if (!message_.empty()) {
      return false;
    }
    const std::string_view item = records_.field(columns_.item);
    if (item.empty()) {
      return Fail(columns_.item, {"is empty", "an id"});
    }
    round.slate = {item};
    if (has_items_ && !builder_.FindItem(item)) {
      return Fail(columns_.item, {"has no features", "an item of item_context.csv"});
    }
    return TakeTime(round) && TakePosition(round) && TakeClick(round) && TakePropensity(round) && TakeContext();
  }

  bool TakeTime(ParsedDecision& round) {
    std::int64_t seconds = 0;
    const FieldFault fault = ParseTime(records_.field(columns_.time), seconds);
    round.time = seconds;
    return fault == FieldFault::kNone || Fail(columns_.time, TimeFault(fault));
  }
  bool TakePosition(ParsedDecision& round) {
    std::int32_t position = 0;
    const FieldFault fault = ParsePosition(records_.field(columns_.position), position);
    round.position = position;
    return fault == FieldFault::kNone || Fail(columns_.position, PositionFault(fault));
  }
  bool TakeClick(ParsedDecision& round) {
    double click = 0.0;
    const FieldFault fault = ParseValue(records_.field(columns_.click), click);
    round.reward = {click};
    return fault == FieldFault::kNone || Fail(columns_.click, ValueFault(fault));
  }
  bool TakePropensity(ParsedDecision& round) {
    double propensity = 0.0;
    FieldFault fault = ParseDecimal(records_.field(columns_.propensity), propensity);
    if (fault == FieldFault::kNone && !(propensity > 0.0 && propensity <= 1.0)) {
      fault = FieldFault::kOutOfRange;
    }
    round.propensity = {propensity};
    return fault == FieldFault::kNone || Fail(columns_.propensity, PropensityFault(fault));
  }
  bool TakeContext() {
    for (const std::size_t column : columns_.features) {
      context_.AddCategory(columns_.names[column], records_.field(column));
    }
    for (const std::size_t column : columns_.affinities) {
      double value = 0.0;
      const FieldFault fault = ParseValue(records_.field(column), value);
      if (fault != FieldFault::kNone) {
        return Fail(column, ValueFault(fault));
      }
      context_.AddNumber(columns_.names[column], static_cast<float>(value));
    }
    return true;
  }

  RecordReader records_;
  BadDecisions bad_;
  DecisionReport& report_;
  bool affinity_;
  Columns columns_;
  DecisionBuilder builder_;
  ContextColumns context_;
  bool has_items_ = false;  // known before the log
  ContextColumns::Dense items_;
  std::string message_;
};

void RoundsReader::ReadItems(LineSource& source) {
  has_items_ = true;
  RecordReader records(source, {",", true});
  const std::vector<std::string> names = TrimmedNames(ReadHeader(records));
  const std::size_t id = FixedColumn([&](std::size_t column) { return records.Where(column); }, names, "item_id");
  std::vector<std::vector<std::string>> rows;
  std::vector<bool> is_number(names.size(), true);
  for (auto status = records.Next(); status != RecordReader::Status::kEnd; status = records.Next()) {
    const std::string fault =
        status == RecordReader::Status::kBad ? records.fault() : WidthFault(records, names.size());
    if (!fault.empty()) {
      throw Error(ErrorKind::kData, fault);  // features of an item cannot be done without
    }
    if (records.field(id).empty() || !builder_.AddItem(records.field(id))) {
      throw Error(ErrorKind::kData, FieldMessage(records.Where(id), names[id], "is empty or stands twice",
                                                 records.field(id), "one row for each item"));
    }
    std::vector<std::string>& row = rows.emplace_back();
    for (std::size_t column = 0; column < names.size(); ++column) {
      row.emplace_back(records.field(column));
      double ignored = 0.0;
      is_number[column] = is_number[column] && ParseValue(row.back(), ignored) == FieldFault::kNone;
    }
  }
  ContextColumns features;
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t column = 0; column < names.size(); ++column) {
      double value = 0.0;
      if (!names[column].starts_with("item_feature_")) {
        continue;
      }
      if (is_number[column]) {
        (void)ParseValue(row[column], value);
        features.AddNumber(names[column], static_cast<float>(value));
      } else {
        features.AddCategory(names[column], row[column]);
      }
    }
    features.EndRow();
  }
  items_ = features.Finish(kEveryColumn);
}

}  // namespace

DecisionLog ReadOpenBandit(LineSource& source, LineSource* item_context, const DecisionReadOptions& options,
                           DecisionReport& report) {
  RoundsReader reader(source, options, report);
  if (item_context != nullptr) {
    reader.ReadItems(*item_context);
  }
  return reader.Read();
}

}  // namespace recforce::data
