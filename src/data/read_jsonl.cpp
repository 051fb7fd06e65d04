// SPDX-License-Identifier: Apache-2.0
// Fields of JSON objects to rows.
#include "data/read_jsonl.h"

#include <algorithm>
#include <array>
#include <set>

#include "data/json_reader.h"
#include "data/log_header.h"
#include "data/parse_fields.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

// Names of the fields that make a row.
struct Fields {
  std::string user;
  std::string item;
  std::optional<std::string> time;
  std::optional<std::string> value;
  std::optional<std::string> type;
  std::optional<std::string> propensity;
  std::optional<std::string> position;
  std::optional<std::string> part;
  std::optional<std::string> context;
  std::vector<std::string> unexpected;  // a row that has one of these is bad: the first object had none
};

// Turns the objects of one log into rows or messages.
class ObjectParser {
 public:
  ObjectParser(LineSource& source, const Fields& fields) : reader_(source, Names(fields)), fields_(fields) {}

  JsonReader::Status Next() { return reader_.Next(); }
  [[nodiscard]] const JsonReader& reader() const { return reader_; }
  [[nodiscard]] std::string& message() { return message_; }
  [[nodiscard]] std::string_view type() const { return reader_.field(kType).text; }

  // False when the object is bad; message() says why.
  bool Parse(LogRow& row) {
    row.line = reader_.line_number();
    return TakeId(kUser, row.user) && TakeId(kItem, row.item) && TakeTime(row.time) && TakeValue(row.value) &&
           TakeType() && TakePropensity(row.propensity) && TakePosition(row.position) && TakePart(row.part) &&
           TakeContext(row.context) && HasNothingElse();
  }

 private:
  enum Place : std::size_t { kUser, kItem, kTime, kValue, kType, kPropensity, kPosition, kPart, kContext, kUnexpected };

  static std::vector<std::string> Names(const Fields& fields) {
    std::vector<std::string> names = {fields.user,
                                      fields.item,
                                      fields.time.value_or(""),
                                      fields.value.value_or(""),
                                      fields.type.value_or(""),
                                      fields.propensity.value_or(""),
                                      fields.position.value_or(""),
                                      fields.part.value_or(""),
                                      fields.context.value_or("")};
    names.insert(names.end(), fields.unexpected.begin(), fields.unexpected.end());
    return names;
  }

  bool Fail(std::size_t place, const FaultText& fault) {
    message_ = reader_.Where(place) + ": " + reader_.field_name(place) + " " + std::string(fault.what) + ": " +
               Quoted(reader_.Found(place)) + "; expected " + std::string(fault.expected);
    return false;
  }

  bool IsThere(std::size_t place, const char* expected) {
    switch (reader_.field(place).kind) {
      case JsonField::Kind::kMissing:
        return Fail(place, {"is missing", expected});
      case JsonField::Kind::kOther:
        return Fail(place, {"is neither text nor a number", expected});
      case JsonField::Kind::kText:
      case JsonField::Kind::kNumber:
        break;
    }
    return true;
  }

  bool TakeId(std::size_t place, std::string_view& id) {
    if (!IsThere(place, "an id")) {
      return false;
    }
    id = reader_.field(place).text;
    if (FindTextFault(id)) {
      return Fail(place, {"holds a NUL byte", "text"});
    }
    return !id.empty() || Fail(place, {"is empty", "an id"});
  }

  bool TakeTime(std::int64_t& time) {
    if (!fields_.time) {
      return true;
    }
    if (!IsThere(kTime, "a time, as in the first object")) {
      return false;
    }
    const FieldFault fault = ParseTime(reader_.field(kTime).text, time);
    return fault == FieldFault::kNone || Fail(kTime, TimeFault(fault));
  }

  bool TakeValue(double& value) {
    if (!fields_.value) {
      return true;
    }
    if (!IsThere(kValue, "a value, as in the first object")) {
      return false;
    }
    const FieldFault fault = ParseValue(reader_.field(kValue).text, value);
    return fault == FieldFault::kNone || Fail(kValue, ValueFault(fault));
  }

  bool TakeType() {
    std::string_view ignored;
    return !fields_.type || TakeId(kType, ignored);
  }

  bool TakePropensity(float& propensity) {
    if (!fields_.propensity) {
      return true;
    }
    if (!IsThere(kPropensity, "a propensity")) {
      return false;
    }
    const FieldFault fault = ParsePropensity(reader_.field(kPropensity).text, propensity);
    return fault == FieldFault::kNone || Fail(kPropensity, PropensityFault(fault));
  }

  bool TakePosition(std::int32_t& position) {
    if (!fields_.position) {
      return true;
    }
    if (!IsThere(kPosition, "a position")) {
      return false;
    }
    const FieldFault fault = ParsePosition(reader_.field(kPosition).text, position);
    return fault == FieldFault::kNone || Fail(kPosition, PositionFault(fault));
  }

  bool TakePart(Part& part) {
    if (!fields_.part) {
      return true;
    }
    if (!IsThere(kPart, "a part")) {
      return false;
    }
    const FieldFault fault = ParsePart(reader_.field(kPart).text, part);
    return fault == FieldFault::kNone || Fail(kPart, PartFault(fault));
  }

  // A context that is missing or null is not known.
  bool TakeContext(std::string_view& context) {
    if (!fields_.context || reader_.field(kContext).kind == JsonField::Kind::kMissing) {
      return true;
    }
    if (!IsThere(kContext, "a context")) {
      return false;
    }
    context = reader_.field(kContext).text;
    return !FindTextFault(context) || Fail(kContext, {"holds a NUL byte", "text"});
  }

  bool HasNothingElse() {
    for (std::size_t i = 0; i < fields_.unexpected.size(); ++i) {
      if (reader_.field(kUnexpected + i).kind != JsonField::Kind::kMissing) {
        return Fail(kUnexpected + i, {"is new", "the fields of the first object"});
      }
    }
    return true;
  }

  JsonReader reader_;
  const Fields& fields_;
  std::string message_;
};

// Calls `take` with each good row and the parser.
void ReadObjects(LineSource& source, const Fields& fields, RowSink& sink,
                 const std::function<void(const LogRow&, ObjectParser&)>& take) {
  sink.Begin({.time = fields.time.has_value(),
              .value = fields.value.has_value(),
              .propensity = fields.propensity.has_value(),
              .position = fields.position.has_value(),
              .part = fields.part.has_value(),
              .context = fields.context.has_value()});
  ObjectParser parser(source, fields);
  while (true) {
    switch (parser.Next()) {
      case JsonReader::Status::kEnd:
        return;
      case JsonReader::Status::kBad:
        sink.AddBad(parser.reader().fault());
        break;
      case JsonReader::Status::kRow: {
        LogRow row;
        if (parser.Parse(row)) {
          take(row, parser);
        } else {
          sink.AddBad(std::move(parser.message()));
        }
        break;
      }
    }
  }
}

std::vector<std::string> NamesOfFirstObject(LineSource& source) {
  const std::optional<std::string_view> first = source.Peek();
  if (!first) {
    throw Error(ErrorKind::kData, source.name() + ": file is empty; expected one JSON object a line");
  }
  return JsonNames(*first, source.name() + ":" + std::to_string(source.line_number()));
}

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void ReadJsonl(LineSource& source, const ColumnNames& names, RowSink& sink) {
  std::vector<std::string> there = NamesOfFirstObject(source);
  // What stands twice in an object is one field.
  std::set<std::string> seen;
  there.erase(std::remove_if(there.begin(), there.end(), [&](const auto& name) { return !seen.insert(name).second; }),
              there.end());
  const std::string line = source.name() + ":" + std::to_string(source.line_number());
  const LogColumns columns = CsvColumns([&](std::size_t) { return line + ":1"; }, there, names, HeaderForm::kObject);
  Fields fields;
  fields.user = there[columns.user];
  fields.item = there[columns.item];
  const auto take = [&](std::optional<std::size_t> column, const std::vector<std::string>& usual) {
    if (column) {
      return std::optional(there[*column]);
    }
    fields.unexpected.insert(fields.unexpected.end(), usual.begin(), usual.end());
    return std::optional<std::string>();
  };
  fields.time = take(columns.time, UsualTimeNames());
  fields.value = take(columns.value, UsualValueNames());
  fields.propensity = take(columns.propensity, {});
  fields.position = take(columns.position, {});
  fields.part = take(columns.part, {});
  fields.context = take(columns.context, {});
  // A usual name may have been given to another role.
  fields.unexpected.erase(
      std::remove_if(fields.unexpected.begin(), fields.unexpected.end(), [&](const auto& n) { return Has(there, n); }),
      fields.unexpected.end());
  ReadObjects(source, fields, sink, [&](const LogRow& row, ObjectParser&) { sink.Add(row); });
}

void ReadGorseFeedback(LineSource& source, const ColumnNames& names, RowSink& sink) {
  RefuseColumnNames(source.name(), names, "FeedbackType, UserId, ItemId, Value, Timestamp");
  const std::vector<std::string> there = NamesOfFirstObject(source);
  Fields fields;
  fields.user = "UserId";
  fields.item = "ItemId";
  fields.type = "FeedbackType";
  const auto take = [&](const char* name) {
    if (Has(there, name)) {
      return std::optional<std::string>(name);
    }
    fields.unexpected.emplace_back(name);
    return std::optional<std::string>();
  };
  fields.time = take("Timestamp");
  fields.value = take("Value");
  const std::vector<std::string>& wanted = names.feedback_types;
  std::set<std::string, std::less<>> types;  // for the message, so not all of a log whose types are none
  std::set<std::string, std::less<>> met;    // of those wanted
  ReadObjects(source, fields, sink, [&](const LogRow& row, ObjectParser& parser) {
    constexpr std::size_t kMostTypes = 100;
    const bool keeps = wanted.empty() || Has(wanted, parser.type());
    if (keeps) {
      sink.Add(row);
    }
    if (!wanted.empty() && keeps && !met.contains(parser.type())) {
      met.emplace(parser.type());
    }
    if (!wanted.empty() && types.size() < kMostTypes && !types.contains(parser.type())) {
      types.emplace(parser.type());
    }
  });
  const std::vector<std::string> there_are(types.begin(), types.end());
  for (const std::string& type : wanted) {
    if (!met.contains(type)) {
      throw Error(ErrorKind::kUsage, source.name() + ": --feedback-types: no feedback of type " + Quoted(type) +
                                         "; the types are " + ListNames(there_are) + base::DidYouMean(type, there_are));
    }
  }
}

void ReadGorseItems(LineSource& source, const std::function<void(std::string_view, std::string_view)>& add,
                    const std::function<void(std::string)>& add_bad) {
  JsonReader reader(source, {"ItemId", "Comment"});
  while (true) {
    const JsonReader::Status status = reader.Next();
    if (status == JsonReader::Status::kEnd) {
      return;
    }
    if (status == JsonReader::Status::kBad) {
      add_bad(reader.fault());
      continue;
    }
    const JsonField& id = reader.field(0);
    const JsonField& comment = reader.field(1);
    if (id.kind == JsonField::Kind::kMissing || id.kind == JsonField::Kind::kOther || id.text.empty()) {
      add_bad(reader.Where(0) + ": ItemId is missing: " + Quoted(reader.Found(0)) + "; expected an id");
    } else if (comment.kind == JsonField::Kind::kText && !FindTextFault(comment.text) && !FindTextFault(id.text)) {
      add(id.text, comment.text);
    }
  }
}

bool IsGorseFeedback(const std::vector<std::string>& names) {
  return Has(names, "FeedbackType") && Has(names, "UserId") && Has(names, "ItemId");
}

}  // namespace recforce::data
