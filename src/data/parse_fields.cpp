// SPDX-License-Identifier: Apache-2.0
// Parsing fields. The usual forms, a few digits and perhaps a point, are read here; std::from_chars reads the rest.
// Dates are turned into days by counting leap years of the proleptic Gregorian calendar.
#include "data/parse_fields.h"

#include <array>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <limits>

namespace recforce::data {
namespace {

bool IsDigit(char character) { return character >= '0' && character <= '9'; }

// Up to 15 digits with at most one point among them: the digits are exact in a double, so is the power of ten, and
// one division rounds correctly. False for every other text.
bool ParsePlainDecimal(std::string_view text, double& value) {
  constexpr std::array<double, 16> kPowers = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  if (text.empty() || text.size() > kPowers.size()) {
    return false;
  }
  std::int64_t digits = 0;
  std::size_t point = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (IsDigit(text[i])) {
      digits = 10 * digits + (text[i] - '0');
    } else if (text[i] == '.' && point == text.size()) {
      point = i;
    } else {
      return false;
    }
  }
  const std::size_t decimals = point == text.size() ? 0 : text.size() - point - 1;
  const std::size_t count = point == text.size() ? text.size() : text.size() - 1;
  if (count == 0 || count == kPowers.size()) {
    return false;
  }
  value = static_cast<double>(digits) / kPowers[decimals];
  return true;
}

// Up to 18 digits and nothing else.
bool ParsePlainInteger(std::string_view text, std::int64_t& number) {
  constexpr std::size_t kMostDigits = 18;
  if (text.empty() || text.size() > kMostDigits) {
    return false;
  }
  std::int64_t digits = 0;
  for (const char character : text) {
    if (!IsDigit(character)) {
      return false;
    }
    digits = 10 * digits + (character - '0');
  }
  number = digits;
  return true;
}

// Takes digits, separators and signs off the front of a date.
class DateCursor {
 public:
  explicit DateCursor(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool AtEnd() const { return rest_.empty(); }
  [[nodiscard]] char Front() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool Take(char character) {
    if (Front() != character || rest_.empty()) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (!rest_.starts_with(word)) {
      return false;
    }
    rest_.remove_prefix(word.size());
    return true;
  }
  // Exactly `count` digits.
  bool TakeDigits(std::size_t count, int& number) {
    if (rest_.size() < count) {
      return false;
    }
    number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!IsDigit(rest_[i])) {
        return false;
      }
      number = 10 * number + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return true;
  }
  // One digit or more, not kept.
  bool SkipDigits() {
    std::size_t count = 0;
    while (count < rest_.size() && IsDigit(rest_[count])) {
      ++count;
    }
    rest_.remove_prefix(count);
    return count > 0;
  }

 private:
  std::string_view rest_;
};

struct DateTime {
  int year = 0;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int offset_hours = 0;
  int offset_minutes = 0;
  int offset_sign = 1;
};

bool IsLeap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysInMonth(int year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

// From 1970-01-01 to the first of January; year in [0, 9999].
std::int64_t DaysToYear(int year) {
  constexpr int kDaysTo1970 = 719528;                                              // from 0000-01-01
  const int leap_years = (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;  // in [0, year)
  return 365 * static_cast<std::int64_t>(year) + leap_years - kDaysTo1970;
}

std::int64_t Seconds(const DateTime& t) {
  std::int64_t days = DaysToYear(t.year) + t.day - 1;
  for (int month = 1; month < t.month; ++month) {
    days += DaysInMonth(t.year, month);
  }
  const std::int64_t local = ((24 * days + t.hour) * 60 + t.minute) * 60 + t.second;
  const std::int64_t offset = (std::int64_t{60} * t.offset_hours + t.offset_minutes) * 60;
  return local - t.offset_sign * offset;
}

bool Exists(const DateTime& t) {
  return t.month >= 1 && t.month <= 12 && t.day >= 1 && t.day <= DaysInMonth(t.year, t.month) && t.hour <= 23 &&
         t.minute <= 59 && t.second <= 59 && t.offset_hours <= 23 && t.offset_minutes <= 59;
}

// "Z", "UTC", "GMT", "+02", "+02:00", "+0200", perhaps after a blank, or nothing.
bool TakeOffset(DateCursor& cursor, DateTime& t) {
  if (cursor.AtEnd()) {
    return true;
  }
  cursor.Take(' ');
  if (cursor.Take('Z') || cursor.Take('z') || cursor.TakeWord("UTC") || cursor.TakeWord("GMT")) {
    return true;
  }
  if (!cursor.Take('+')) {
    if (!cursor.Take('-')) {
      return false;
    }
    t.offset_sign = -1;
  }
  if (!cursor.TakeDigits(2, t.offset_hours)) {
    return false;
  }
  const bool colon = cursor.Take(':');
  return (!colon && cursor.AtEnd()) || cursor.TakeDigits(2, t.offset_minutes);
}

// "12:34", "12:34:56", "12:34:56.789" and an offset.
bool TakeTimeOfDay(DateCursor& cursor, DateTime& t) {
  if (!cursor.TakeDigits(2, t.hour) || !cursor.Take(':') || !cursor.TakeDigits(2, t.minute)) {
    return false;
  }
  if (cursor.Take(':')) {
    if (!cursor.TakeDigits(2, t.second)) {
      return false;
    }
    if ((cursor.Take('.') || cursor.Take(',')) && !cursor.SkipDigits()) {
      return false;
    }
  }
  return TakeOffset(cursor, t);
}

FieldFault ParseDate(std::string_view text, std::int64_t& seconds) {
  DateCursor cursor(text);
  DateTime t;
  if (!cursor.TakeDigits(4, t.year)) {
    return FieldFault::kMalformed;
  }
  const char separator = cursor.Front();
  if ((separator != '-' && separator != '/') || !cursor.Take(separator) || !cursor.TakeDigits(2, t.month) ||
      !cursor.Take(separator) || !cursor.TakeDigits(2, t.day)) {
    return FieldFault::kMalformed;
  }
  if (!cursor.AtEnd()) {
    const bool separated = cursor.Take('T') || cursor.Take('t') || cursor.Take(' ');
    if (!separated || !TakeTimeOfDay(cursor, t) || !cursor.AtEnd()) {
      return FieldFault::kMalformed;
    }
  }
  if (!Exists(t)) {
    return FieldFault::kNoSuchDate;
  }
  seconds = Seconds(t);
  return FieldFault::kNone;
}

bool BeginsLikeDate(std::string_view text) {
  return text.size() >= 8 && (text[4] == '-' || text[4] == '/') && IsDigit(text[0]);
}

}  // namespace

FieldFault ParseDecimal(std::string_view text, double& value) {
  if (ParsePlainDecimal(text, value)) {
    return FieldFault::kNone;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return FieldFault::kMalformed;
  }
  if (error == std::errc::result_out_of_range) {
    return FieldFault::kOutOfRange;
  }
  return std::isfinite(value) ? FieldFault::kNone : FieldFault::kMalformed;
}

FieldFault ParseValue(std::string_view text, double& value) {
  const FieldFault fault = ParseDecimal(text, value);
  return fault == FieldFault::kNone && std::abs(value) > FLT_MAX ? FieldFault::kOutOfRange : fault;
}

FaultText ValueFault(FieldFault fault) {
  return fault == FieldFault::kOutOfRange ? FaultText{"is out of range", "a decimal that fits 32-bit floating point"}
                                          : FaultText{"is not a number", "a decimal like 4.5"};
}

FieldFault ParsePropensity(std::string_view text, float& propensity) {
  double value = 0.0;
  const FieldFault fault = ParseDecimal(text, value);
  if (fault != FieldFault::kNone) {
    return fault;
  }
  propensity = static_cast<float>(value);
  return propensity > 0.0F && value <= 1.0 ? FieldFault::kNone : FieldFault::kOutOfRange;
}

FaultText PropensityFault(FieldFault fault) {
  return fault == FieldFault::kOutOfRange ? FaultText{"is out of range", "a probability above 0 and at most 1"}
                                          : FaultText{"is not a number", "a probability like 0.25"};
}

FieldFault ParsePosition(std::string_view text, std::int32_t& position) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return FieldFault::kMalformed;
  }
  return error == std::errc() ? FieldFault::kNone : FieldFault::kOutOfRange;
}

FaultText PositionFault(FieldFault fault) {
  return fault == FieldFault::kOutOfRange ? FaultText{"is out of range", "a whole number of 32 bits"}
                                          : FaultText{"is not a whole number", "a place in the slate like 3"};
}

FieldFault ParsePart(std::string_view text, Part& part) {
  constexpr std::array<std::string_view, 4> kNames = {"train", "validation", "test", "input"};  // in Part's order
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (text == kNames.at(i)) {
      part = static_cast<Part>(i);
      return FieldFault::kNone;
    }
  }
  return FieldFault::kMalformed;
}

FaultText PartFault(FieldFault /*fault*/) { return {"is no part", "train, validation, test or input"}; }

FieldFault ParseTime(std::string_view text, std::int64_t& seconds) {
  if (ParsePlainInteger(text, seconds)) {
    return FieldFault::kNone;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (end == text.data() + text.size() && error != std::errc::invalid_argument) {
    return error == std::errc() ? FieldFault::kNone : FieldFault::kOutOfRange;
  }
  if (BeginsLikeDate(text)) {
    return ParseDate(text, seconds);
  }
  constexpr double kLimit = 9.2e18;  // below 2^63
  double decimal = 0.0;
  const FieldFault fault = ParseDecimal(text, decimal);
  if (fault == FieldFault::kNone) {
    if (std::abs(decimal) > kLimit) {
      return FieldFault::kOutOfRange;
    }
    seconds = static_cast<std::int64_t>(std::floor(decimal));
  }
  return fault;
}

FaultText TimeFault(FieldFault fault) {
  switch (fault) {
    case FieldFault::kOutOfRange:
      return {"is out of range", "seconds since 1970 in 64 bits"};
    case FieldFault::kNoSuchDate:
      return {"is not in the calendar", "a month up to 12, a day that the month has, a time up to 23:59:59"};
    case FieldFault::kNone:
    case FieldFault::kMalformed:
      break;
  }
  return {"is not a time", "seconds since 1970 like 978300760, or a date like 2020-01-31 or 2020-01-31T12:34:56Z"};
}

}  // namespace recforce::data
