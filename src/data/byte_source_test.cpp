// SPDX-License-Identifier: Apache-2.0
// zstd frames: whole, cut at every byte, damaged, after each other, with frames to skip and windows of every size.
// Gzip has the same tests in line_source_test.cpp.
#include "data/byte_source.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <zstd.h>

#include <functional>

#include "recforce/base/error.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;
using test::TempDir;

// With a checksum of the content, as `zstd` writes it.
std::string Zstd(std::string_view text) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size());
  EXPECT_FALSE(ZSTD_isError(size));
  ZSTD_freeCCtx(context);
  out.resize(size);
  return out;
}

// A frame by hand: no checksum, a window of 2^log bytes, one stored block "a\n".
std::string FrameWithWindow(int log) {
  return std::string("\x28\xb5\x2f\xfd\x00", 5) + static_cast<char>((log - 10) << 3) + std::string("\x11\x00\x00", 3) +
         "a\n";
}

const std::string& Skippable() {
  static const std::string frame("\x5a\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
  return frame;
}

// Read in pieces of `piece` bytes.
std::string All(std::string_view bytes, std::size_t piece = 100000) {
  const auto source = MemoryBytes(bytes, "input");
  std::string all;
  std::string buffer(piece, '\0');
  while (const std::size_t got = source->Read(buffer.data(), buffer.size())) {
    all.append(buffer, 0, got);
  }
  EXPECT_EQ(source->Read(buffer.data(), buffer.size()), 0U);
  return all;
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

std::string LongText() {
  std::string text;
  for (int i = 0; i < 200000; ++i) {
    text += std::to_string(i * 7919 % 1000003) + '\n';
  }
  return text;
}

TEST(ByteSource, PlainBytesStayAsTheyAre) {
  EXPECT_EQ(All(""), "");
  EXPECT_EQ(All("a"), "a");
  EXPECT_EQ(All("user,item\n1,2\n", 1), "user,item\n1,2\n");
}

TEST(ByteSource, ZstdOfAnySizeAndPiece) {
  const std::string text = LongText();
  const std::string packed = Zstd(text);
  EXPECT_LT(packed.size(), text.size());
  EXPECT_EQ(All(packed), text);
  EXPECT_EQ(All(packed, 7), text);
  EXPECT_EQ(All(Zstd("")), "");
}

TEST(ByteSource, ZstdFramesFollowEachOther) {
  EXPECT_EQ(All(Zstd("a\n") + Zstd("") + Zstd("b\n"), 1), "a\nb\n");
  EXPECT_EQ(All(Skippable() + Zstd("a\n") + Skippable() + Zstd("b\n") + Skippable()), "a\nb\n");
  EXPECT_EQ(All(Skippable()), "");
  EXPECT_TRUE(rc::check("frames equal their text", [] {
    const auto text = *rc::gen::container<std::string>(rc::gen::inRange<char>('a', 'd'));
    const auto cut = static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(text.size()) + 1));
    const auto piece = static_cast<std::size_t>(*rc::gen::inRange<int>(1, 9));
    RC_ASSERT(All(Zstd(text.substr(0, cut)) + Zstd(text.substr(cut)), piece) == text);
  }));
}

TEST(ByteSource, EveryTruncationOfZstdIsAnError) {
  const std::string whole = Zstd("user,item\n1,2\n3,4\n");
  for (std::size_t size = 4; size < whole.size(); ++size) {
    EXPECT_EQ(MessageOf([&] { (void)All(whole.substr(0, size)); }, ErrorKind::kData).substr(0, 33),
              "input: zstd data ends early after");
    EXPECT_EQ(MessageOf([&] { (void)All(whole + whole.substr(0, size)); }, ErrorKind::kData).substr(0, 33),
              "input: zstd data ends early after");
  }
  EXPECT_EQ(MessageOf([&] { (void)All(Skippable().substr(0, 9)); }, ErrorKind::kData).substr(0, 33),
            "input: zstd data ends early after");
}

TEST(ByteSource, CorruptZstdIsAnError) {
  std::string wrong_checksum = Zstd("1,2\n");
  wrong_checksum.back() ^= 1;
  EXPECT_EQ(MessageOf([&] { (void)All(wrong_checksum); }, ErrorKind::kData),
            "input: zstd data is corrupt: Restored data doesn't match checksum; fetch the file again");
  EXPECT_EQ(MessageOf([&] { (void)All(Zstd("1,2\n") + "garbage"); }, ErrorKind::kData),
            "input: zstd data is corrupt: Unknown frame descriptor; fetch the file again");
}

TEST(ByteSource, ZstdWindowsHaveALimit) {
  EXPECT_EQ(All(FrameWithWindow(27)), "a\n");
  EXPECT_EQ(MessageOf([] { (void)All(FrameWithWindow(28)); }, ErrorKind::kData),
            "input: zstd data needs too large a window; expected at most 134,217,728 bytes. compress it again without "
            "--long or --ultra");
}

TEST(ByteSource, FilesAreToldApartByContent) {
  const TempDir dir;
  const auto hidden = OpenBytes(dir.Write("a.csv", Zstd("x\n")));
  char text[2];
  EXPECT_EQ(hidden->Read(text, 2), 2U);
  EXPECT_EQ(std::string(text, 2), "x\n");
  const auto fake = dir.Write("b.csv.zst", "x\n");
  EXPECT_EQ(MessageOf([&] { (void)OpenBytes(fake); }, ErrorKind::kData),
            fake.string() + ": is not zstd data in spite of its name; expected it to begin with the bytes 28 b5 2f fd");
  const auto swapped = dir.Write("c.csv.gz", Zstd("x\n"));
  EXPECT_EQ(MessageOf([&] { (void)OpenBytes(swapped); }, ErrorKind::kData),
            swapped.string() + ": is not gzip data in spite of its name; expected it to begin with the bytes 1f 8b");
}

TEST(ByteSource, OtherFormsAreRefusedWithAWayOut) {
  const auto message = [](std::string_view bytes) { return MessageOf([&] { (void)All(bytes); }, ErrorKind::kData); };
  const std::string utf16 = "input: is UTF-16 text; expected UTF-8: convert it with iconv -f UTF-16 -t UTF-8";
  EXPECT_EQ(message(std::string_view("\xff\xfeu\0", 4)), utf16);
  EXPECT_EQ(message(std::string_view("\xfe\xff\0u", 4)), utf16);
  EXPECT_EQ(message(Zstd(std::string("\xff\xfeu\0", 4))), utf16);
  const std::string expected = "; expected text, gzip or zstd: unpack it first, with ";
  EXPECT_EQ(message("PK\x03\x04\x14"), "input: is a zip archive" + expected + "unzip");
  EXPECT_EQ(message("BZh91AY&SY"), "input: is bzip2 data" + expected + "bunzip2");
  EXPECT_EQ(message(std::string_view("\xfd\x37zXZ\0", 6)), "input: is xz data" + expected + "unxz");
  EXPECT_EQ(All("PK,BZh9\n"), "PK,BZh9\n");
  EXPECT_EQ(All("BZh9,item\n"), "BZh9,item\n");
}

TEST(ByteSource, NamesThatCannotBeAreTheUsersAffair) {
  const TempDir dir;
  const std::filesystem::path long_name = dir / std::string(300, 'x');
  EXPECT_EQ(MessageOf([&] { (void)OpenBytes(long_name); }, ErrorKind::kUsage),
            long_name.string() + ": cannot be opened: File name too long");
  std::filesystem::create_symlink(dir / "loop", dir / "loop");
  EXPECT_EQ(MessageOf([&] { (void)OpenBytes(dir / "loop"); }, ErrorKind::kUsage),
            (dir / "loop").string() + ": cannot be opened: Too many levels of symbolic links");
}

}  // namespace
}  // namespace recforce::data
