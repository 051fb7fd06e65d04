// SPDX-License-Identifier: Apache-2.0
// Temporary files leave nothing behind, and rows come back from them as they went.
#include "data/spill_file.h"

#include <gtest/gtest.h>

#include <string>

#include "data/row_store.h"
#include "recforce/base/error.h"
#include "support/faulty_file_system.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using test::TempDir;

std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

TEST(SpillFile, HasNoName) {
  const TempDir dir;
  {
    MadeFolders folders(base::RealFileSystem(), dir / "deep/out");
    SpillFile spill(base::RealFileSystem(), folders);
    EXPECT_FALSE(std::filesystem::exists(dir / "deep"));  // nothing before the first byte
    EXPECT_EQ(spill.Append(Bytes("hello ")), 0);
    EXPECT_EQ(spill.Append(Bytes("world")), 6);
    EXPECT_TRUE(std::filesystem::is_empty(dir / "deep/out"));
    std::string text(7, '?');
    spill.Read(4, std::as_writable_bytes(std::span(text)));
    EXPECT_EQ(text, "o world");
    std::string beyond(2, '?');
    EXPECT_THROW(spill.Read(10, std::as_writable_bytes(std::span(beyond))), base::Error);
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "deep"));
}

TEST(MadeFolders, RemovesOnlyWhatItMade) {
  const TempDir dir;
  { MadeFolders(base::RealFileSystem(), dir / "a/b").Make(); }
  EXPECT_FALSE(std::filesystem::exists(dir / "a"));
  (void)dir.Write("a/other", "x");
  { MadeFolders(base::RealFileSystem(), dir / "a/b").Make(); }
  EXPECT_TRUE(std::filesystem::exists(dir / "a/other"));
  EXPECT_FALSE(std::filesystem::exists(dir / "a/b"));
  {
    MadeFolders folders(base::RealFileSystem(), dir / "a/b/c");
    folders.Make();
    (void)dir.Write("a/b/others", "x");  // somebody else works there too
  }
  EXPECT_TRUE(std::filesystem::exists(dir / "a/b/others"));
  {
    MadeFolders folders(base::RealFileSystem(), dir / "kept");
    folders.Make();
    folders.Keep();
  }
  EXPECT_TRUE(std::filesystem::exists(dir / "kept"));
}

TEST(SpillFile, AFullDiskIsAnError) {
  const TempDir dir;
  test::FaultyFileSystem disk(base::RealFileSystem(), {.disk_bytes = 8});
  MadeFolders folders(disk, dir / "out");
  SpillFile spill(disk, folders);
  spill.Append(Bytes("12345678"));
  try {
    spill.Append(Bytes("9"));
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kIo);
    EXPECT_NE(std::string(error.what()).find("No space left on device"), std::string::npos) << error.what();
  }
}

// Any memory: what goes in comes out in the same order, packed alike.
TEST(RowStore, GivesBackEachPartitionInOrder) {
  for (const std::int64_t memory : {std::int64_t{1}, std::int64_t{20000}, std::int64_t{1} << 30}) {
    const TempDir dir;
    MadeFolders folders(base::RealFileSystem(), dir / "out");
    SpillFile spill(base::RealFileSystem(), folders);
    const RowLayout layout({.time = true, .value = false, .part = true}, false);
    EXPECT_EQ(layout.bytes, 17U);
    RowStore store(layout, memory, spill);
    constexpr std::int32_t kRows = 20000;
    const auto user_of = [](std::int32_t row) { return row * 7919 % 1009; };
    for (std::int32_t row = 0; row < kRows; ++row) {
      std::byte* packed = store.Add(user_of(row));
      const std::int32_t user = user_of(row);
      const std::int64_t time = -row;
      std::memcpy(packed + layout.user, &user, sizeof(user));
      std::memcpy(packed + layout.item, &row, sizeof(row));
      std::memcpy(packed + layout.time, &time, sizeof(time));
      packed[layout.part] = static_cast<std::byte>(row % 4);
    }
    EXPECT_EQ(spill.size() > 0, memory < 1 << 20);
    std::int32_t seen = 0;
    for (std::size_t p = 0; p < kPartitions; ++p) {
      const std::vector<std::byte> rows = store.Take(p);
      ASSERT_EQ(rows.size(), static_cast<std::size_t>(store.rows(p)) * layout.bytes);
      std::int32_t last = -1;
      for (std::size_t at = 0; at < rows.size(); at += layout.bytes) {
        const auto row = Unpack<std::int32_t>(rows.data() + at, layout.item);
        ASSERT_EQ(Unpack<std::int32_t>(rows.data() + at, layout.user), user_of(row));
        ASSERT_EQ(static_cast<std::size_t>(user_of(row)) % kPartitions, p);
        ASSERT_EQ(Unpack<std::int64_t>(rows.data() + at, layout.time), -row);
        ASSERT_EQ(Unpack<std::uint8_t>(rows.data() + at, layout.part), row % 4);
        ASSERT_GT(row, last);
        last = row;
        ++seen;
      }
    }
    EXPECT_EQ(seen, kRows);
  }
}

}  // namespace
}  // namespace recforce::data
