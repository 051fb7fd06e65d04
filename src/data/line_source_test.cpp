// SPDX-License-Identifier: Apache-2.0
// Lines, gzip and text faults, against slow correct twins.
#include "data/line_source.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <functional>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "support/packed_text.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;
using test::Gzip;
using test::TempDir;

std::vector<std::string> Lines(std::string_view bytes) {
  LineSource source = LineSource::FromMemory(bytes, "input");
  std::vector<std::string> lines;
  while (const auto line = source.Next()) {
    lines.emplace_back(*line);
    EXPECT_EQ(source.line_number(), static_cast<std::int64_t>(lines.size()));
  }
  return lines;
}

std::string MessageOf(const std::function<void()>& action, ErrorKind kind) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

using Strings = std::vector<std::string>;

TEST(LineSource, KnowsEveryEndOfALine) {
  EXPECT_EQ(Lines(""), Strings{});
  EXPECT_EQ(Lines("a"), Strings{"a"});
  EXPECT_EQ(Lines("a\n"), Strings{"a"});
  EXPECT_EQ(Lines("a\r\nb\r\n"), (Strings{"a", "b"}));
  EXPECT_EQ(Lines("a\n\n"), (Strings{"a", ""}));
  EXPECT_EQ(Lines("\xef\xbb\xbf"
                  "a\n\xef\xbb\xbf"
                  "b"),
            (Strings{"a",
                     "\xef\xbb\xbf"
                     "b"}));
  EXPECT_EQ(Lines("a\rb"), Strings{"a\rb"});
  EXPECT_EQ(Lines(std::string_view("a\0b\nc", 5)), (Strings{std::string("a\0b", 3), "c"}));
}

TEST(LineSource, PeekLeavesTheLine) {
  LineSource source = LineSource::FromMemory("\n \t\na\nb\n", "input");
  EXPECT_EQ(source.Peek(), "a");
  EXPECT_EQ(source.Peek(), "a");
  EXPECT_EQ(source.line_number(), 3);
  EXPECT_EQ(source.Next(), "a");
  EXPECT_EQ(source.Next(), "b");
  EXPECT_EQ(source.Peek(), std::nullopt);
  EXPECT_EQ(source.Next(), std::nullopt);
}

TEST(LineSource, LinesCanBeTakenTogether) {
  LineSource source = LineSource::FromMemory(
      "\xef\xbb\xbf"
      "a\nb\n\nlonger line\nc",
      "input");
  EXPECT_EQ(source.PeekLines(100), "");  // the first line may carry a byte order mark
  EXPECT_EQ(source.Next(), "a");
  EXPECT_EQ(source.consumed(), 5);
  EXPECT_EQ(source.PeekLines(1000), "b\n\nlonger line\nc");
  source.Skip(3, 2);
  EXPECT_EQ(source.line_number(), 3);
  EXPECT_EQ(source.Next(), "longer line");
  EXPECT_EQ(source.line_number(), 4);
  EXPECT_EQ(source.consumed(), 20);
  EXPECT_EQ(source.Peek(), "c");
  EXPECT_EQ(source.PeekLines(10), "");
  EXPECT_EQ(source.Next(), "c");
  EXPECT_EQ(source.PeekLines(10), "");
  EXPECT_EQ(source.Next(), std::nullopt);
}

// Oracle: split at '\n' by hand, plain and through gzip, cut into two members.
TEST(LineSource, AgreesWithASplitOfTheWholeText) {
  EXPECT_TRUE(rc::check("lines equal a split", [] {
    const auto lines = *rc::gen::container<Strings>(rc::gen::container<std::string>(rc::gen::inRange<char>('a', 'z')));
    std::string text;
    for (const std::string& line : lines) {
      text += line + '\n';
    }
    RC_ASSERT(Lines(text) == lines);
    const auto cut = static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(text.size()) + 1));
    RC_ASSERT(Lines(Gzip(text.substr(0, cut)) + Gzip(text.substr(cut))) == lines);
  }));
}

TEST(LineSource, LinesCrossItsBuffer) {
  Strings lines;
  std::string text;
  for (std::size_t i = 0; i < 40; ++i) {
    lines.push_back(std::string(i * 1237, static_cast<char>('a' + i % 26)));
    text += lines.back() + "\r\n";
  }
  EXPECT_EQ(Lines(text), lines);
  EXPECT_EQ(Lines(Gzip(text)), lines);
}

TEST(LineSource, StatesItsLimit) {
  const std::string longest(kMaxLineBytes, 'x');
  EXPECT_EQ(Lines("\xef\xbb\xbf" + longest + "\r\nb"), (Strings{longest, "b"}));
  EXPECT_EQ(MessageOf([&] { (void)Lines("a\n" + longest + "x"); }, ErrorKind::kData),
            "input:2:1: line is too long: '" + std::string(60, 'x') + "...'; expected at most 1,048,576 bytes a line");
  EXPECT_EQ(MessageOf([&] { (void)Lines(longest + longest); }, ErrorKind::kData),
            "input:1:1: line is too long: '" + std::string(60, 'x') + "...'; expected at most 1,048,576 bytes a line");
}

TEST(LineSource, EveryTruncationOfGzipIsAnError) {
  const std::string whole = Gzip("user,item\n1,2\n3,4\n");
  for (std::size_t size = 2; size < whole.size(); ++size) {
    const std::string message =
        MessageOf([&] { (void)Lines(std::string_view(whole).substr(0, size)); }, ErrorKind::kData);
    EXPECT_EQ(message.substr(0, 33), "input: gzip data ends early after");
  }
  EXPECT_EQ(Lines(whole + std::string(5, '\0')).size(), 3U);  // padding of tapes
}

TEST(LineSource, CorruptGzipIsAnError) {
  std::string wrong_crc = Gzip("1,2\n");
  wrong_crc[wrong_crc.size() - 8] ^= 1;
  EXPECT_EQ(MessageOf([&] { (void)Lines(wrong_crc); }, ErrorKind::kData),
            "input: gzip data is corrupt: incorrect data check; fetch the file again");
  std::string wrong_length = Gzip("1,2\n");
  wrong_length[wrong_length.size() - 4] ^= 1;
  EXPECT_EQ(MessageOf([&] { (void)Lines(wrong_length); }, ErrorKind::kData),
            "input: gzip data is corrupt: incorrect length check; fetch the file again");
  EXPECT_EQ(MessageOf([&] { (void)Lines(Gzip("1,2\n") + "garbage"); }, ErrorKind::kData),
            "input: gzip data is corrupt: incorrect header check; fetch the file again");
}

TEST(LineSource, FilesAreToldApartByContent) {
  const TempDir dir;
  LineSource hidden = LineSource::Open(dir.Write("a.csv", Gzip("x\n")));
  EXPECT_EQ(hidden.Next(), "x");
  const auto fake = dir.Write("b.csv.gz", "x\n");
  EXPECT_EQ(MessageOf([&] { (void)LineSource::Open(fake); }, ErrorKind::kData),
            fake.string() + ": is not gzip data in spite of its name; expected it to begin with the bytes 1f 8b");
  EXPECT_EQ(MessageOf([&] { (void)LineSource::Open(dir / "none"); }, ErrorKind::kUsage),
            (dir / "none").string() + ": cannot be opened: No such file or directory");
  EXPECT_EQ(MessageOf([&] { (void)LineSource::Open(dir.path()); }, ErrorKind::kUsage),
            dir.path().string() + ": is a folder; expected a file");
}

// Oracle: the first prefix that is not text; base::IsUtf8 judges whole texts.
TEST(TextFault, IsTheFirstBadByte) {
  EXPECT_TRUE(rc::check("agrees with IsUtf8", [] {
    std::string text = *rc::gen::container<std::string>(rc::gen::oneOf(
        rc::gen::inRange<char>('a', 'z'),
        rc::gen::elementOf(std::string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\xff")), rc::gen::arbitrary<char>()));
    const bool has_nul = text.find('\0') != std::string::npos;
    const auto fault = FindTextFault(text);
    RC_ASSERT(!fault.has_value() == (base::IsUtf8(text) && !has_nul));
    if (fault) {
      RC_ASSERT(base::IsUtf8(text.substr(0, fault->offset)));
      RC_ASSERT(fault->is_nul == (text[fault->offset] == '\0'));
      RC_ASSERT(base::IsUtf8(Quoted(text)));
    }
    RC_ASSERT(base::IsUtf8(Latin1ToUtf8(text)));
  }));
  EXPECT_EQ(FindTextFault("abcdefgh\xe9")->offset, 8U);
  EXPECT_EQ(FindTextFault(std::string_view("abcdefghijk\0", 12))->offset, 11U);
}

TEST(Quoted, ShowsWhatCannotBePrinted) {
  EXPECT_EQ(Quoted("a\tb"), "'a\\tb'");
  EXPECT_EQ(Quoted(std::string_view("\0\x1b\xff", 3)), "'\\x00\\x1b\\xff'");
  EXPECT_EQ(Quoted("Am\xc3\xa9lie"), "'Am\xc3\xa9lie'");
  EXPECT_EQ(Latin1ToUtf8("Am\xe9lie"), "Am\xc3\xa9lie");
}

}  // namespace
}  // namespace recforce::data
