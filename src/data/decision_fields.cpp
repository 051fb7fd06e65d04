// SPDX-License-Identifier: Apache-2.0
// Every message is made in Fail().
#include "data/decision_fields.h"

#include <algorithm>
#include <cmath>

#include "data/decision_sink.h"
#include "data/parse_fields.h"
#include "recforce/base/text.h"

namespace recforce::data {

void Fields::Fail(std::string_view name, const std::string& what, const std::string& expected,
                  const std::optional<std::string>& found) const {
  const auto place = static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
  throw LineFault{FieldMessage(reader_.Where(place), name, what,
                               found ? std::string_view(*found) : reader_.Found(place), expected)};
}

std::string_view Fields::Text(std::string_view name) const {
  const JsonTree* value = Find(name);
  if (value == nullptr || (value->kind == JsonTree::Kind::kText && value->text.empty())) {
    return {};
  }
  return IdOf(name, *value);
}

std::string_view Fields::IdOf(std::string_view name, const JsonTree& value) const {
  const std::optional<std::string_view> id = value.Id();
  if (!id) {
    Fail(name, "is neither text nor a whole number", "an id");
  }
  return *id;
}

std::vector<std::string_view> Fields::Ids(std::string_view name) const {
  std::vector<std::string_view> ids;
  for (const JsonTree& value : Array(name, "an array of ids")) {
    ids.push_back(IdOf(name, value));
  }
  return ids;
}

const std::vector<JsonTree>& Fields::Array(std::string_view name, const std::string& expected) const {
  static const std::vector<JsonTree> nothing;
  const JsonTree* value = Find(name);
  if (value == nullptr) {
    return nothing;
  }
  if (!value->IsArray()) {
    Fail(name, "is no array", expected);
  }
  return value->values;
}

double Fields::NumberOf(std::string_view name, const JsonTree& value) const {
  if (!value.IsNumber()) {
    Fail(name, "is no number", "numbers");
  }
  return value.number;
}

std::vector<float> Fields::Floats(std::string_view name, const std::vector<JsonTree>& values) const {
  std::vector<float> floats;
  for (const JsonTree& value : values) {
    floats.push_back(static_cast<float>(NumberOf(name, value)));
    if (!std::isfinite(floats.back())) {
      Fail(name, "is out of range", "numbers that fit 32-bit floating point");
    }
  }
  return floats;
}

double Fields::PropensityOf(std::string_view name, const JsonTree& value) const {
  const double p = NumberOf(name, value);
  if (!(p > 0.0 && p <= 1.0)) {
    Fail(name, "is out of range", "a probability above 0 and at most 1", base::FormatReal(p));
  }
  return p;
}

double Fields::ProbabilityOf(std::string_view name, const JsonTree& value) const {
  const double p = NumberOf(name, value);
  if (!(p >= 0.0 && p <= 1.0)) {
    Fail(name, "is out of range", "a probability from 0 to 1", base::FormatReal(p));
  }
  return p;
}

double Fields::Share(std::string_view name) const {
  const JsonTree* value = Find(name);
  if (value == nullptr) {
    return 0.0;
  }
  const double share = NumberOf(name, *value);
  if (!(share >= 0.0 && share < 1.0)) {
    Fail(name, "is out of range", "a share of at least 0 and less than 1");
  }
  return share;
}

std::optional<std::int64_t> Fields::Time(std::string_view name) const {
  const JsonTree* time = Find(name);
  if (time == nullptr) {
    return std::nullopt;
  }
  // A number with a fraction has no text of its own.
  const std::string text = time->IsNumber() && time->text.empty() ? base::FormatReal(time->number) : time->text;
  std::int64_t seconds = 0;
  const FieldFault fault = ParseTime(text, seconds);
  if (fault != FieldFault::kNone) {
    Fail(name, std::string(TimeFault(fault).what), std::string(TimeFault(fault).expected));
  }
  return seconds;
}

void Fields::CheckLength(std::string_view name, std::size_t length, std::size_t wanted, const std::string& as) const {
  if (length != wanted) {
    Fail(name, "has " + std::to_string(length) + (length == 1 ? " entry" : " entries"),
         std::to_string(wanted) + ", as " + as);
  }
}

}  // namespace recforce::data
