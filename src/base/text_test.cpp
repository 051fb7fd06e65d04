// SPDX-License-Identifier: Apache-2.0
// Tests of numbers as text, nearest names, UTF-8 and the hasher.
#include "recforce/base/text.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

namespace recforce::base {
namespace {

using Words = std::vector<std::string>;

TEST(TextTest, ParseIntTakesWholeNumbersOnly) {
  EXPECT_EQ(ParseInt("42"), 42);
  EXPECT_EQ(ParseInt("-7"), -7);
  EXPECT_EQ(ParseInt("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(ParseInt("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const char* bad : {"", " 1", "1 ", "+1", "1.0", "0x10", "9223372036854775808", "one", "-", "1e3"}) {
    EXPECT_EQ(ParseInt(bad), std::nullopt) << bad;
  }
}

TEST(TextTest, ParseRealTakesFiniteDecimalsOnly) {
  EXPECT_EQ(ParseReal("4.5"), 4.5);
  EXPECT_EQ(ParseReal("-.5"), -0.5);
  EXPECT_EQ(ParseReal("1e-3"), 0.001);
  EXPECT_EQ(ParseReal("5"), 5.0);
  for (const char* bad : {"", "nan", "inf", "-inf", "1e999", "+1", "1,5", "0x1p3", "4.5 ", "five", "."}) {
    EXPECT_EQ(ParseReal(bad), std::nullopt) << bad;
  }
}

TEST(TextTest, NumbersSurviveTheRoundTrip) {
  EXPECT_TRUE(rc::check("ParseReal(FormatReal(x)) == x", [](double value) {
    RC_PRE(std::isfinite(value));
    RC_ASSERT(ParseReal(FormatReal(value)) == value);
  }));
  EXPECT_TRUE(rc::check("ParseInt(to_string(x)) == x",
                        [](std::int64_t value) { RC_ASSERT(ParseInt(std::to_string(value)) == value); }));
  EXPECT_EQ(FormatReal(0.1), "0.1");
  EXPECT_EQ(FormatReal(2.0), "2");
}

TEST(TextTest, FormatFixedRounds) {
  EXPECT_EQ(FormatFixed(0.41234, 4), "0.4123");
  EXPECT_EQ(FormatFixed(-1.25, 1), "-1.2");  // exactly half way goes to the even digit
  EXPECT_EQ(FormatFixed(2.5, 0), "2");
  EXPECT_EQ(FormatFixed(1e22, 2), "10000000000000000000000.00");
  EXPECT_EQ(FormatFixed(std::numeric_limits<double>::max(), 0).size(), 309);
}

TEST(TextTest, FormatCountGroupsDigits) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
  EXPECT_EQ(FormatCount(-999), "-999");
  EXPECT_EQ(FormatCount(-123456), "-123,456");
}

TEST(TextTest, NearestFindsSlips) {
  const Words names = {"learning_rate", "hidden", "epochs", "ease"};
  EXPECT_EQ(Nearest("learning_rat", names), "learning_rate");
  EXPECT_EQ(Nearest("epohcs", names), "epochs");  // a swap is one slip
  EXPECT_EQ(Nearest("EASE", names), "ease");
  EXPECT_EQ(Nearest("dropout", names), std::nullopt);
  EXPECT_EQ(Nearest("", names), std::nullopt);
  EXPECT_EQ(Nearest("x", Words{"y"}), std::nullopt);  // nothing of the word is left
  EXPECT_EQ(Nearest(std::string(100000, 'e'), names), std::nullopt);
  EXPECT_EQ(DidYouMean("hiden", names), "; did you mean 'hidden'?");
  EXPECT_EQ(DidYouMean("quux", names), "");
}

TEST(TextTest, NearestPrefersTheSmallestDistanceThenTheFirst) {
  EXPECT_EQ(Nearest("abcdef", Words{"abcxyf", "abcdxf"}), "abcdxf");
  EXPECT_EQ(Nearest("abcdef", Words{"abcdeg", "abcdeh"}), "abcdeg");
}

TEST(TextTest, Join) {
  EXPECT_EQ(Join(Words{}, ", "), "");
  EXPECT_EQ(Join(Words{"a"}, ", "), "a");
  EXPECT_EQ(Join(Words{"", "b", ""}, ", "), ", b, ");
}

// Appends the UTF-8 form of a code point, by the bit patterns of RFC 3629.
void AppendUtf8(std::string& text, std::uint32_t code) {
  const auto tail = [](std::uint32_t bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += {static_cast<char>(0xC0 | code >> 6), tail(code)};
  } else if (code < 0x10000) {
    text += {static_cast<char>(0xE0 | code >> 12), tail(code >> 6), tail(code)};
  } else {
    text += {static_cast<char>(0xF0 | code >> 18), tail(code >> 12), tail(code >> 6), tail(code)};
  }
}

TEST(TextTest, EveryCodePointButSurrogatesIsUtf8) {
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    std::string text;
    AppendUtf8(text, code);
    const bool is_character = code < 0xD800 || code > 0xDFFF;
    ASSERT_EQ(IsUtf8(text), is_character) << code;
    ASSERT_EQ(Utf8Bytes(text + "\x80"), is_character ? text.size() : 0) << code;
  }
}

TEST(TextTest, BrokenUtf8IsRefusedWhereverItStands) {
  const std::string broken[] = {"\x80",
                                "\xC0\xAF",
                                "\xC1\xBF",
                                "\xC3",
                                "\xE0\x80\xAF",
                                "\xED\xA0\x80",
                                "\xE2\x82",
                                "\xF0\x80\x80\xAF",
                                "\xF4\x90\x80\x80",
                                "\xF5\x80\x80\x80",
                                "\xFF",
                                "\xE2\x28\xA1"};
  for (const std::string& bytes : broken) {
    for (std::size_t before = 0; before < 18; ++before) {
      EXPECT_FALSE(IsUtf8(std::string(before, 'a') + bytes));
      EXPECT_FALSE(IsUtf8(std::string(before, 'a') + bytes + "tail of the text"));
    }
  }
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("plain text of more than eight bytes"));
  EXPECT_TRUE(IsUtf8("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"));
}

TEST(HasherTest, PublishedValueAndPieces) {
  EXPECT_EQ(Hasher().Hex(), "99aa06d3014798d86001c324468d497f");  // XXH3-128 of nothing
  EXPECT_TRUE(rc::check("pieces hash like the whole", [](const std::string& first, const std::string& second) {
    Hasher pieces;
    pieces.Add(first);
    pieces.Add(second);
    Hasher whole;
    whole.Add(first + second);
    RC_ASSERT(pieces.Hex() == whole.Hex());
    RC_ASSERT(pieces.Hex().size() == 32u);
  }));
  Hasher other;
  other.Add("a");
  EXPECT_NE(other.Hex(), Hasher().Hex());
}

}  // namespace
}  // namespace recforce::base
