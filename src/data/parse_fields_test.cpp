// SPDX-License-Identifier: Apache-2.0
// Numbers against std::from_chars, dates against the C library's calendar.
#include "data/parse_fields.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <charconv>
#include <cmath>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

namespace recforce::data {
namespace {

std::optional<std::int64_t> Time(std::string_view text) {
  std::int64_t seconds = 0;
  return ParseTime(text, seconds) == FieldFault::kNone ? std::optional(seconds) : std::nullopt;
}

FieldFault TimeFaultOf(std::string_view text) {
  std::int64_t ignored = 0;
  return ParseTime(text, ignored);
}

TEST(ParseTime, NumbersAreSeconds) {
  EXPECT_EQ(Time("978300760"), 978300760);
  EXPECT_EQ(Time("-7"), -7);
  EXPECT_EQ(Time("-1.5"), -2);
  EXPECT_EQ(Time("9.7830076e8"), 978300760);
  EXPECT_EQ(Time("1396864269277"), 1396864269277);  // milliseconds stay what they are
  EXPECT_EQ(Time("20200131"), 20200131);            // digits alone are never a date
  EXPECT_EQ(TimeFaultOf("9223372036854775808"), FieldFault::kOutOfRange);
  EXPECT_EQ(TimeFaultOf("1e19"), FieldFault::kOutOfRange);
}

// By `date -u -d ... +%s`.
TEST(ParseTime, DatesOfIso8601) {
  EXPECT_EQ(Time("1970-01-01"), 0);
  EXPECT_EQ(Time("2020-01-31"), 1580428800);
  EXPECT_EQ(Time("2020/01/31"), 1580428800);
  EXPECT_EQ(Time("2020-01-31 12:34"), 1580474040);
  EXPECT_EQ(Time("2020-01-31 12:34:56"), 1580474096);
  EXPECT_EQ(Time("2020/01/31 12:34:56"), 1580474096);
  EXPECT_EQ(Time("2020-01-31T12:34:56Z"), 1580474096);
  EXPECT_EQ(Time("2020-01-31t12:34:56z"), 1580474096);
  EXPECT_EQ(Time("2020-01-31T12:34:56.789Z"), 1580474096);
  EXPECT_EQ(Time("2020-01-31T12:34:56,7"), 1580474096);
  EXPECT_EQ(Time("2020-01-31T12:34:56+00:00"), 1580474096);
  EXPECT_EQ(Time("2020-01-31T12:34:56+0200"), 1580466896);
  EXPECT_EQ(Time("2020-01-31T12:34:56+02"), 1580466896);
  EXPECT_EQ(Time("2020-01-31T12:34:56-05:30"), 1580493896);
  EXPECT_EQ(Time("2014-04-07T10:51:09.277Z"), 1396867869);
  EXPECT_EQ(Time("2020-01-31 12:34:56 UTC"), 1580474096);
  EXPECT_EQ(Time("2020-01-31 12:34:56.5 GMT"), 1580474096);
  EXPECT_EQ(Time("2020-01-31 12:34UTC"), 1580474040);
  EXPECT_EQ(Time("2020-01-31 12:34:56 Z"), 1580474096);
  EXPECT_EQ(Time("2020-01-31 12:34:56 +0200"), 1580466896);
  EXPECT_EQ(Time("2020-01-31 12:34:56 -05:30"), 1580493896);
  EXPECT_EQ(Time("1969-12-31 23:59:59.9"), -1);
  EXPECT_EQ(Time("0000-01-01"), -62167219200);
  EXPECT_EQ(Time("9999-12-31T23:59:59"), 253402300799);
  EXPECT_EQ(Time("2000-02-29"), 951782400);
}

TEST(ParseTime, RefusesWhatTheCalendarDoesNotHave) {
  for (const char* text : {"2020-02-30", "2021-02-29", "1900-02-29", "2020-13-01", "2020-00-01", "2020-04-31",
                           "2020-01-00", "2020-01-31 24:00:00", "2020-01-31 12:60:00", "2020-01-31 12:00:60",
                           "2020-01-31T12:00:00+24:00", "2020-01-31T12:00:00+02:60"}) {
    EXPECT_EQ(TimeFaultOf(text), FieldFault::kNoSuchDate) << text;
  }
  for (const char* text : {"",
                           "x",
                           "2020-1-31",
                           "2020-01/31",
                           "20-01-2020",
                           "31.01.2020",
                           "2020-01-31 ",
                           "2020-01-31T",
                           "2020-01-31 12",
                           "2020-01-31 12:34:",
                           "2020-01-31 12:34:56.",
                           "2020-01-31T12:34:56+",
                           "2020-01-31T12:34:56+2",
                           "2020-01-31T12:34:56+02:",
                           "2020-01-31T12:34:56ZZ",
                           "2020-01-31Z",
                           " 2020-01-31",
                           "2020-01-31T1a:00",
                           "+5",
                           "nan",
                           "inf",
                           "12 ",
                           "2020-01-311",
                           "2020-01-31T12:34:56 ",
                           "2020-01-31T12:34:56  UTC",
                           "2020-01-31T12:34:56 UTC ",
                           "2020-01-31T12:34:56 utc",
                           "2020-01-31T12:34:56 CET",
                           "2020-01-31 UTC"}) {
    EXPECT_EQ(TimeFaultOf(text), FieldFault::kMalformed) << text;
  }
}

// Oracle: timegm and strftime of the C library.
TEST(ParseTime, AgreesWithTheCalendarOfTheCLibrary) {
  EXPECT_TRUE(rc::check("dates read back", [] {
    const std::time_t time = *rc::gen::inRange<std::int64_t>(-62167219200, 253402300800);
    std::tm parts = {};
    RC_ASSERT(gmtime_r(&time, &parts) != nullptr);
    char text[64];
    const int year = parts.tm_year + 1900;
    const int length = std::snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d", year, parts.tm_mon + 1,
                                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    RC_ASSERT(Time({text, static_cast<std::size_t>(length)}) == time);
  }));
}

// Oracle: std::from_chars.
TEST(ParseDecimal, AgreesWithFromChars) {
  const auto agree = [](const std::string& text) {
    double expected = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), expected);
    const bool whole = error == std::errc() && end == text.data() + text.size() && std::isfinite(expected);
    double found = 0.0;
    const FieldFault fault = ParseDecimal(text, found);
    return (fault == FieldFault::kNone) == whole && (!whole || found == expected);
  };
  for (const char* text : {"", ".", "5.", ".5", "-.5", "0.1", "123456789012345", "1234567890123456", "1.5.", "1..5",
                           "-0.0", "99999999999999.9", "0.000000000000001", "1e5", "1e", "+1", "0x1", "infinity"}) {
    EXPECT_TRUE(agree(text)) << text;
  }
  EXPECT_TRUE(rc::check("plain decimals", [&] {
    const auto text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789012345678.")));
    RC_ASSERT(agree(text));
  }));
  EXPECT_TRUE(rc::check("any decimals", [&] {
    const auto text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789.-+eE")));
    RC_ASSERT(agree(text));
  }));
  double ignored = 0.0;
  EXPECT_EQ(ParseDecimal("1e999", ignored), FieldFault::kOutOfRange);
  EXPECT_EQ(ParseValue("1e39", ignored), FieldFault::kOutOfRange);
  EXPECT_EQ(ParseValue("-3.4e38", ignored), FieldFault::kNone);
}

TEST(ParsePropensity, IsAProbabilityAboveZero) {
  float found = 0.0F;
  EXPECT_EQ(ParsePropensity("0.25", found), FieldFault::kNone);
  EXPECT_EQ(found, 0.25F);
  EXPECT_EQ(ParsePropensity("1", found), FieldFault::kNone);
  EXPECT_EQ(ParsePropensity("0", found), FieldFault::kOutOfRange);
  EXPECT_EQ(ParsePropensity("-0.5", found), FieldFault::kOutOfRange);
  EXPECT_EQ(ParsePropensity("1.0000000001", found), FieldFault::kOutOfRange);
  EXPECT_EQ(ParsePropensity("1e-60", found), FieldFault::kOutOfRange);  // zero as a float
  EXPECT_EQ(ParsePropensity("half", found), FieldFault::kMalformed);
}

TEST(ParsePosition, IsAWholeNumber) {
  std::int32_t found = 0;
  EXPECT_EQ(ParsePosition("3", found), FieldFault::kNone);
  EXPECT_EQ(found, 3);
  EXPECT_EQ(ParsePosition("-1", found), FieldFault::kNone);
  EXPECT_EQ(ParsePosition("2147483648", found), FieldFault::kOutOfRange);
  EXPECT_EQ(ParsePosition("1.0", found), FieldFault::kMalformed);
  EXPECT_EQ(ParsePosition("", found), FieldFault::kMalformed);
}

TEST(ParsePart, IsOneOfFourWords) {
  Part found = Part::kTrain;
  EXPECT_EQ(ParsePart("input", found), FieldFault::kNone);
  EXPECT_EQ(found, Part::kInput);
  EXPECT_EQ(ParsePart("test", found), FieldFault::kNone);
  EXPECT_EQ(found, Part::kTest);
  EXPECT_EQ(ParsePart("validation", found), FieldFault::kNone);
  EXPECT_EQ(found, Part::kValidation);
  EXPECT_EQ(ParsePart("train", found), FieldFault::kNone);
  EXPECT_EQ(found, Part::kTrain);
  EXPECT_EQ(ParsePart("Train", found), FieldFault::kMalformed);
  EXPECT_EQ(ParsePart("", found), FieldFault::kMalformed);
}

TEST(ParseFields, FaultsHaveWords) {
  EXPECT_EQ(PartFault(FieldFault::kMalformed).what, "is no part");
  EXPECT_EQ(ValueFault(FieldFault::kMalformed).what, "is not a number");
  EXPECT_EQ(PropensityFault(FieldFault::kOutOfRange).expected, "a probability above 0 and at most 1");
  EXPECT_EQ(PropensityFault(FieldFault::kMalformed).expected, "a probability like 0.25");
  EXPECT_EQ(PositionFault(FieldFault::kMalformed).what, "is not a whole number");
  EXPECT_EQ(PositionFault(FieldFault::kOutOfRange).expected, "a whole number of 32 bits");
  EXPECT_EQ(TimeFault(FieldFault::kNoSuchDate).what, "is not in the calendar");
}

}  // namespace
}  // namespace recforce::data
