// SPDX-License-Identifier: Apache-2.0
// Tests of the tensor file: round trips, layout, every complaint of the parser, and bytes that mean no good.
#include "recforce/base/tensor_file.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstring>
#include <map>
#include <numeric>

#include "recforce/base/rng.h"
#include "recforce/base/text.h"
#include "support/faulty_file_system.h"
#include "support/temp_dir.h"

namespace recforce::base {
namespace {

using test::TempDir;

// A file by hand: length, header, data.
std::string FileBytes(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + header + data;
}

std::span<const std::byte> AsBytes(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string ParseError(const std::string& bytes) {
  try {
    ParseTensorFile(AsBytes(bytes), "x");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kData);
    return error.what();
  }
  return "no error";
}

std::string HeaderError(const std::string& header, const std::string& data = "") {
  return ParseError(FileBytes(header, data));
}

template <class T>
std::vector<T> Values(const TensorSet& set, const std::string& name) {
  const std::span<const T> values = set.Get(name).As<T>();
  return {values.begin(), values.end()};
}

TensorSet Sample() {
  TensorSet set;
  set.AddOwned<float>("weight", {1, 2, 3, 4, 5, 6}, {2, 3});
  set.AddOwned<std::uint8_t>("bytes", {7, 8, 9});
  set.AddOwned<std::int64_t>("offsets", {-1, 1LL << 40});
  set.AddOwned<double>("alpha", {0.25}, {1});
  set.AddOwned<std::int32_t>("ids", {});
  set.SetMeta("kind", "sample");
  return set;
}

TEST(TensorFileTest, RoundTrip) {
  const TempDir folder;
  const auto path = folder / "a.safetensors";
  WriteTensorFile(RealFileSystem(), path, Sample());
  const TensorSet set = ReadTensorFile(path);
  EXPECT_EQ(set.where(), path.string());
  EXPECT_EQ(set.tensors().size(), 5);
  EXPECT_EQ(Values<float>(set, "weight"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(set.Get("weight").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(Values<std::uint8_t>(set, "bytes"), (std::vector<std::uint8_t>{7, 8, 9}));
  EXPECT_EQ(Values<std::int64_t>(set, "offsets"), (std::vector<std::int64_t>{-1, 1LL << 40}));
  EXPECT_EQ(Values<double>(set, "alpha"), std::vector<double>{0.25});
  EXPECT_EQ(set.Get("ids").shape, std::vector<std::int64_t>{0});
  EXPECT_EQ(set.Meta("kind"), "sample");
  EXPECT_EQ(set.Meta("checksum").size(), 32);
}

TEST(TensorFileTest, LayoutIsAlignedWithoutHolesAndDeterministic) {
  const TempDir folder;
  WriteTensorFile(RealFileSystem(), folder / "a", Sample());
  WriteTensorFile(RealFileSystem(), folder / "b", ReadTensorFile(folder / "a"));
  const std::string bytes = ReadTextFile(folder / "a");
  EXPECT_EQ(bytes, ReadTextFile(folder / "b"));
  // 8-byte elements by name (alpha 8, offsets 16), 4-byte ones (ids 0, weight 24), then bytes (3).
  const std::string header = R"({"__metadata__":{"checksum":")" + ReadTensorFile(folder / "a").Meta("checksum") +
                             R"(","kind":"sample"},)" +
                             R"("alpha":{"data_offsets":[0,8],"dtype":"F64","shape":[1]},)"
                             R"("bytes":{"data_offsets":[48,51],"dtype":"U8","shape":[3]},)"
                             R"("ids":{"data_offsets":[24,24],"dtype":"I32","shape":[0]},)"
                             R"("offsets":{"data_offsets":[8,24],"dtype":"I64","shape":[2]},)"
                             R"("weight":{"data_offsets":[24,48],"dtype":"F32","shape":[2,3]}})";
  const std::size_t padded = (header.size() + 7) / 8 * 8;
  EXPECT_EQ(bytes.substr(8, padded), header + std::string(padded - header.size(), ' '));
  EXPECT_EQ(bytes.size(), 8 + padded + 51);
}

TEST(TensorFileTest, ChecksumIsTheHashOfTheDataInFileOrder) {
  const TempDir folder;
  TensorSet set;
  set.AddOwned<std::uint8_t>("a", {'t', 'w', 'o'});
  set.AddOwned<std::uint8_t>("b", {' ', 'p', 'a', 'r', 't', 's'});
  WriteTensorFile(RealFileSystem(), folder / "a", set);
  Hasher hasher;
  hasher.Add("two parts");
  EXPECT_EQ(ReadTensorFile(folder / "a").Meta("checksum"), hasher.Hex());
}

TEST(TensorFileTest, StreamedTensorsGiveTheBytesOfOwnedOnes) {
  const TempDir folder;
  const std::vector<std::int64_t> longs = {1, -2, 3};
  const std::vector<float> floats = {0.5F, 1.5F, 2.5F, 3.5F, 4.5F};
  TensorSet whole;
  whole.AddOwned("b", std::vector<std::int32_t>{7, 8});
  whole.SetMeta("key", "value");
  TensorSet rest = whole;
  whole.AddOwned("a", longs);
  whole.AddOwned("c", floats, {1, 5});
  int passes = 0;
  const StreamedTensors streamed = {
      {"a", {DType::kI64, {3}, [&](const TakeBytes& take) { take(std::as_bytes(std::span(longs))); }}},
      {"c", {DType::kF32, {1, 5}, [&](const TakeBytes& take) {
               ++passes;
               take(std::as_bytes(std::span(floats).first(2)));
               take({});
               take(std::as_bytes(std::span(floats).subspan(2)));
             }}}};
  WriteTensorFile(RealFileSystem(), folder / "whole", whole);
  WriteTensorFile(RealFileSystem(), folder / "streamed", rest, streamed);
  EXPECT_EQ(ReadTextFile(folder / "streamed"), ReadTextFile(folder / "whole"));
  EXPECT_EQ(passes, 2);
  const StreamedTensors short_one = {
      {"a", {DType::kI64, {4}, [&](const TakeBytes& take) { take(std::as_bytes(std::span(longs))); }}}};
  EXPECT_THROW(WriteTensorFile(RealFileSystem(), folder / "short", rest, short_one), Error);
  EXPECT_THROW(WriteTensorFile(RealFileSystem(), folder / "twice", whole, streamed), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "short"));
}

TEST(TensorFileTest, AnySetSurvivesTheRoundTrip) {
  const TempDir folder;
  EXPECT_TRUE(
      rc::check("read(write(set)) == set", [&](const std::map<std::uint16_t, std::vector<std::int32_t>>& ints,
                                               const std::map<std::uint16_t, std::vector<std::uint8_t>>& bytes) {
        TensorSet set;
        for (const auto& [name, values] : ints) {
          set.AddOwned("i \"\\\n" + std::to_string(name), values);
        }
        for (const auto& [name, values] : bytes) {
          set.AddOwned("b\xC3\xA9" + std::to_string(name), values);
        }
        WriteTensorFile(RealFileSystem(), folder / "a", set);
        const TensorSet back = ReadTensorFile(folder / "a");
        RC_ASSERT(back.tensors().size() == ints.size() + bytes.size());
        for (const auto& [name, values] : ints) {
          RC_ASSERT(Values<std::int32_t>(back, "i \"\\\n" + std::to_string(name)) == values);
        }
        for (const auto& [name, values] : bytes) {
          RC_ASSERT(Values<std::uint8_t>(back, "b\xC3\xA9" + std::to_string(name)) == values);
        }
      }));
}

TEST(TensorFileTest, TakesFilesOfOtherWriters) {
  // Unsorted, no metadata, a scalar, and a header whose length leaves the floats unaligned.
  std::string data = std::string("\x05", 1) + std::string("\x00\x00\x80\x3f\x00\x00\x00\x40", 8) +
                     std::string("\x01\x00\x00\x00\x00\x00\x00\x00", 8);
  const std::string header =
      R"({"z":{"dtype":"U8","shape":[1,1],"data_offsets":[0,1]},"a":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},)"
      R"("s":{"shape":[],"dtype":"I64","data_offsets":[9,17]}})";
  const std::string bytes = FileBytes(header, data);
  const TensorSet set = ParseTensorFile(AsBytes(bytes), "x");
  EXPECT_EQ(Values<std::uint8_t>(set, "z"), std::vector<std::uint8_t>{5});
  EXPECT_EQ(Values<float>(set, "a"), (std::vector<float>{1, 2}));
  EXPECT_EQ(Values<std::int64_t>(set, "s"), std::vector<std::int64_t>{1});
  EXPECT_EQ(set.Get("s").NumElements(), 1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(set.Get("a").data) % 4, 0);
  EXPECT_TRUE(ParseTensorFile(AsBytes(FileBytes("{}", "")), "x").tensors().empty());
}

TEST(TensorFileTest, MissingNamesAndWrongTypes) {
  const TensorSet set = Sample();
  const auto text = [](const auto& action) -> std::string {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kData);
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(text([&] { (void)set.Get("weigth"); }), "tensors: has no tensor 'weigth'");
  EXPECT_EQ(text([&] { (void)set.Meta("king"); }), "tensors: has no metadata 'king'");
  EXPECT_EQ(text([&] { (void)set.Get("weight").As<double>(); }), "tensor holds F32; expected F64");
  const TempDir folder;
  const auto missing = folder / "none";
  try {
    ReadTensorFile(missing);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kNotFound);
    EXPECT_EQ(error.what(), missing.string() + ": no such file");
  }
}

TEST(TensorFileTest, WritingRefusesTextThatIsNotUtf8) {
  const TempDir folder;
  TensorSet set;
  set.SetMeta("kind", "\xFF");
  try {
    WriteTensorFile(RealFileSystem(), folder / "a", set);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), (folder / "a").string() + ": a tensor name or a metadata value is not valid UTF-8");
  }
}

TEST(TensorFileTest, BadFrames) {
  EXPECT_EQ(ParseError(""), "x: not a tensor file: 0 bytes; expected at least 8");
  EXPECT_EQ(ParseError("1234567"), "x: not a tensor file: 7 bytes; expected at least 8");
  EXPECT_EQ(ParseError("user_id\titem_id\n"),  // 0x0964695f72657375
            "x: not a tensor file: header of 676781702674477941 bytes; expected at most 100000000");
  EXPECT_EQ(ParseError(FileBytes("{}        ", "").substr(0, 11)), "x: truncated: 7 bytes of the header missing");
}

TEST(TensorFileTest, BadHeaders) {
  EXPECT_EQ(HeaderError(""), "x: header is not JSON: error at byte 9");
  EXPECT_EQ(HeaderError("{\"a\":"), "x: header is not JSON: error at byte 14");
  EXPECT_EQ(HeaderError("{\"\xFF\":1}"), "x: header is not JSON: error at byte 11");
  EXPECT_EQ(HeaderError("{\"a\":1e999}"), "x: header is not JSON that can be read");
  EXPECT_EQ(HeaderError("[]"), "x: header is not a JSON object");
  EXPECT_EQ(HeaderError("{\"a\":{\"b\":[[1]]}}"), "x: header is nested too deeply");
  EXPECT_EQ(HeaderError(std::string(1000000, '[')), "x: header is nested too deeply");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"U8"},"a":1})"), "x: header has a key twice: 'a'");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"U8","dtype":"U8"}})"), "x: header has a key twice: 'dtype'");
  EXPECT_EQ(HeaderError(R"({"__metadata__":[]})"), "x: __metadata__ is not an object in the header");
  EXPECT_EQ(HeaderError(R"({"__metadata__":{"k":1}})"), "x: metadata 'k' is not text: 1");
}

TEST(TensorFileTest, BadTensors) {
  EXPECT_EQ(HeaderError(R"({"a":1})"), "x: tensor 'a': not an object in the header");
  EXPECT_EQ(HeaderError(R"({"a":{"shape":[0],"data_offsets":[0,0]}})"), "x: tensor 'a': has no dtype");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"U8","data_offsets":[0,0]}})"), "x: tensor 'a': has no shape");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"U8","shape":[0]}})"), "x: tensor 'a': has no data_offsets");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"F16","shape":[0],"data_offsets":[0,0]}})"),
            "x: tensor 'a': unsupported dtype: 'F16'; expected U8, I32, I64, F32 or F64");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":3,"shape":[0],"data_offsets":[0,0]}})"),
            "x: tensor 'a': unsupported dtype: '3'; expected U8, I32, I64, F32 or F64");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}})"),
            "x: tensor 'a': shape is not a list of sizes: [-1]");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", "1"),
            "x: tensor 'a': shape is not a list of sizes: [1.0]");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"U8","shape":7,"data_offsets":[0,1]}})", "1"),
            "x: tensor 'a': shape is not a list of sizes: 7");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}})", "1"),
            "x: tensor 'a': shape is not a list of sizes: [18446744073709551615]");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"F32","shape":[2305843009213693952],"data_offsets":[0,0]}})"),
            "x: tensor 'a': shape is too large: [2305843009213693952]");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})"),
            "x: tensor 'a': data_offsets are not a begin and an end: [1,0]");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})"),
            "x: tensor 'a': data_offsets are not a begin and an end: [0,1,2]");
  EXPECT_EQ(HeaderError(R"({"a":{"dtype":"I32","shape":[2],"data_offsets":[0,4]}})", "1234"),
            "x: tensor 'a': shape and data_offsets disagree: 8 bytes by shape, 4 bytes by offsets");
}

std::string Two(int first_end, int second_begin) {
  return R"({"a":{"dtype":"U8","shape":[)" + std::to_string(first_end) + R"(],"data_offsets":[0,)" +
         std::to_string(first_end) + R"(]},"b":{"dtype":"U8","shape":[4],"data_offsets":[)" +
         std::to_string(second_begin) + "," + std::to_string(second_begin + 4) + "]}}";
}

TEST(TensorFileTest, BadTilings) {
  EXPECT_EQ(HeaderError(Two(4, 4), "12345678"), "no error");
  EXPECT_EQ(HeaderError(Two(4, 5), "123456789"),
            "x: tensor 'b': begins at offset 5; expected 4, where the one before it ends");
  EXPECT_EQ(HeaderError(Two(4, 3), "1234567"),
            "x: tensor 'b': begins at offset 3; expected 4, where the one before it ends");
  EXPECT_EQ(HeaderError(Two(4, 4), "1234567"), "x: truncated: 1 byte of tensor data missing");
  EXPECT_EQ(HeaderError(Two(4, 4), "123456789!"), "x: 2 bytes after the last tensor; expected none");
}

TEST(TensorFileTest, DamageAndTruncationAreNoticed) {
  const TempDir folder;
  WriteTensorFile(RealFileSystem(), folder / "a", Sample());
  const std::string bytes = ReadTextFile(folder / "a");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_NE(ParseError(bytes.substr(0, length)), "no error") << length;
  }
  const std::size_t data_begin = bytes.size() - 51;
  for (std::size_t at = data_begin; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    Hasher hasher;
    hasher.Add(std::string_view(damaged).substr(data_begin));
    EXPECT_EQ(ParseError(damaged), "x: damaged: checksum of the data is '" + hasher.Hex() + "'; expected '" +
                                       ReadTensorFile(folder / "a").Meta("checksum") + "'");
  }
}

TEST(TensorFileTest, AFullDiskLeavesTheOldFile) {
  const TempDir folder;
  WriteTensorFile(RealFileSystem(), folder / "a", Sample());
  const std::string before = ReadTextFile(folder / "a");
  TensorSet other;
  other.AddOwned<double>("x", std::vector<double>(100));
  test::FaultyFileSystem files(RealFileSystem(), {.disk_bytes = 300});
  EXPECT_THROW(WriteTensorFile(files, folder / "a", other), Error);
  EXPECT_EQ(ReadTextFile(folder / "a"), before);
  EXPECT_FALSE(std::filesystem::exists(folder / ".a.tmp"));
}

// Sums every byte that the parser let through, so that a sanitizer sees a view that leaves the file.
unsigned Sum(const TensorSet& set) {
  unsigned sum = 0;
  for (const auto& [name, view] : set.tensors()) {
    for (std::int64_t at = 0; at < view.NumBytes(); ++at) {
      sum += static_cast<unsigned>(view.data[at]);
    }
  }
  return sum;
}

// True when the bytes are a good file; anything but an Error ends the test.
bool Survives(const std::string& bytes) {
  // A heap copy of the exact size makes reading past the end visible.
  const std::vector<char> copy(bytes.begin(), bytes.end());
  try {
    const TensorSet set = ParseTensorFile(std::as_bytes(std::span(copy)), "x");
    return Sum(set) <= 255U * copy.size();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kData) << error.what();
    return false;
  }
}

std::string Mutate(std::string bytes, Rng& rng) {
  static const std::string kPieces[] = {
      "[",      "]",         "{",    "}",    "\"",     ",", ":", "0", "-1", "1e9", "9223372036854775807",
      "\"U8\"", "\"shape\"", "null", "\xFF", "\\u0000"};
  const std::size_t edits = 1 + rng.Below(4);
  for (std::size_t edit = 0; edit < edits && !bytes.empty(); ++edit) {
    const std::size_t at = rng.Below(bytes.size());
    switch (rng.Below(5)) {
      case 0:
        bytes[at] = static_cast<char>(rng.Below(256));
        break;
      case 1:
        bytes.erase(at, 1 + rng.Below(8));
        break;
      case 2:
        bytes.insert(at, kPieces[rng.Below(std::size(kPieces))]);
        break;
      case 3:
        bytes.resize(at);
        break;
      default:
        bytes[at] = static_cast<char>('0' + rng.Below(10));
    }
  }
  return bytes;
}

TEST(TensorFileFuzzTest, MutatedAndRandomBytesGiveErrorsOnly) {
  const TempDir folder;
  WriteTensorFile(RealFileSystem(), folder / "a", Sample());
  // Without a checksum the data need not match, so more mutants go all the way through.
  const std::string header = R"({"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})";
  const std::string seeds[] = {ReadTextFile(folder / "a"), FileBytes(header, "12345678abc")};
  int good = 0;
  for (std::uint64_t number = 0; number < 20000; ++number) {
    Rng rng(1, Stream::kTest, number);
    std::string mutant = Mutate(seeds[number % 2], rng);
    if (number % 4 < 2 && mutant.size() > 8) {
      // Mend the length, so that the damage reaches the JSON and the offsets.
      const std::uint64_t length = mutant.size() - 8 - std::min<std::size_t>(mutant.size() - 8, 11);
      std::memcpy(mutant.data(), &length, sizeof(length));
    }
    good += Survives(mutant) ? 1 : 0;
  }
  EXPECT_GT(good, 100);
  for (std::uint64_t number = 0; number < 5000; ++number) {
    Rng rng(2, Stream::kTest, number);
    std::string bytes(rng.Below(200), '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(rng.Below(256));
    }
    Survives(bytes);
    Survives(FileBytes(bytes, ""));
  }
}

}  // namespace
}  // namespace recforce::base
