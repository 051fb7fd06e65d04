// SPDX-License-Identifier: Apache-2.0
// Tests of the disk: atomic writes under every failure, error texts, mappings.
#include "recforce/base/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "recforce/base/error.h"
#include "support/faulty_file_system.h"
#include "support/temp_dir.h"

namespace recforce::base {
namespace {

using test::Crash;
using test::FaultyFileSystem;
using test::TempDir;

template <class Action>
std::string ErrorText(ErrorKind kind, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(Info(error.kind()).name, Info(kind).name);
    return error.what();
  }
  return "no error";
}

const std::string kOld = "the old content";
const std::string kNew = "the new content, which is longer";

void WriteNew(FileSystem& files, const std::filesystem::path& path) {
  WriteAtomically(files, path, [](WritableFile& file) {
    file.Append(kNew.substr(0, 10));
    file.Append(kNew.substr(10));
  });
}

std::size_t CountFiles(const std::filesystem::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    count += entry.is_regular_file() ? 1 : 0;
  }
  return count;
}

TEST(FileSystemTest, CreateTruncatesAndAppendAppends) {
  const TempDir folder;
  const auto path = folder / "a.txt";
  for (const std::string text : {"first and long", "second"}) {
    const auto file = RealFileSystem().Create(path);
    file->Append(text);
    file->Sync();
    file->Close();
  }
  EXPECT_EQ(ReadTextFile(path), "second");
  RealFileSystem().OpenAppend(path)->Append(" third");
  EXPECT_EQ(ReadTextFile(path), "second third");
  RealFileSystem().Remove(path);
  RealFileSystem().Remove(path);  // absent is fine
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(FileSystemTest, FoldersAreMadeWithTheirParents) {
  const TempDir folder;
  RealFileSystem().MakeDirectories(folder / "a/b/c");
  RealFileSystem().MakeDirectories(folder / "a/b/c");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
  const auto file = folder.Write("file", "x");
  const auto inside = file / "d";
  EXPECT_EQ(ErrorText(ErrorKind::kIo, [&] { RealFileSystem().MakeDirectories(inside); }),
            inside.string() + ": cannot make folder: Not a directory");
}

TEST(FileSystemTest, ErrorsNameThePathAndTheReason) {
  const TempDir folder;
  const auto missing = folder / "no/such/file";
  EXPECT_EQ(ErrorText(ErrorKind::kIo, [&] { RealFileSystem().Create(missing); }),
            missing.string() + ": cannot create: No such file or directory");
  EXPECT_EQ(ErrorText(ErrorKind::kNotFound, [&] { ReadTextFile(missing); }), missing.string() + ": no such file");
  EXPECT_EQ(ErrorText(ErrorKind::kNotFound, [&] { MappedFile mapped(missing); }), missing.string() + ": no such file");
  EXPECT_EQ(ErrorText(ErrorKind::kIo, [&] { ReadTextFile(folder.path()); }),
            folder.path().string() + ": cannot read: Is a directory");
  EXPECT_EQ(
      ErrorText(ErrorKind::kIo, [&] { RealFileSystem().Rename(missing, folder / "x"); }),
      (folder / "x").string() + ": cannot rename '" + missing.string() + "' to this name: No such file or directory");
}

TEST(FileSystemTest, AFullDiskIsReported) {
  if (!std::filesystem::exists("/dev/full")) {
    GTEST_SKIP() << "no /dev/full here";
  }
  const auto file = RealFileSystem().OpenAppend("/dev/full");
  EXPECT_EQ(ErrorText(ErrorKind::kIo, [&] { file->Append("x"); }), "/dev/full: cannot write: No space left on device");
}

TEST(FileSystemTest, ReadTextFileReadsFilesWithoutASize) {
  EXPECT_NE(ReadTextFile("/proc/self/stat"), "");  // its size is said to be 0
  const TempDir folder;
  const std::string text(100000, 'x');
  EXPECT_EQ(ReadTextFile(folder.Write("big", text)), text);
  EXPECT_EQ(ReadTextFile(folder.Write("nothing", "")), "");
}

TEST(MappedFileTest, MapsTheWholeFile) {
  const TempDir folder;
  const std::string text = std::string(5000, 'a') + '\0' + "end";
  const MappedFile mapped(folder.Write("a", text));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size()), text);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapped.bytes().data()) % 4096, 0);
  EXPECT_TRUE(MappedFile(folder.Write("nothing", "")).bytes().empty());
  EXPECT_EQ(ErrorText(ErrorKind::kIo, [] { MappedFile null("/dev/null"); }),
            "/dev/null: cannot map: not a regular file");
}

TEST(MappedFileTest, OutlivesTheReplacementOfTheFile) {
  const TempDir folder;
  const auto path = folder.Write("a", kOld);
  const MappedFile mapped(path);
  WriteNew(RealFileSystem(), path);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size()), kOld);
}

TEST(WriteAtomicallyTest, ReplacesAndLeavesNoTemporary) {
  const TempDir folder;
  const auto path = folder.Write("a", kOld);
  WriteNew(RealFileSystem(), path);
  EXPECT_EQ(ReadTextFile(path), kNew);
  EXPECT_EQ(CountFiles(folder.path()), 1);
}

TEST(WriteAtomicallyTest, LinksStayLinks) {
  const TempDir folder;
  std::filesystem::create_directory(folder / "elsewhere");
  std::filesystem::create_symlink("elsewhere/target", folder / "near");
  std::filesystem::create_symlink(folder / "near", folder / "far");
  for (const std::string text : {"", "an old target"}) {  // the target is not there, then it is
    if (!text.empty()) {
      (void)folder.Write("elsewhere/target", text);
    }
    WriteNew(RealFileSystem(), folder / "far");
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "far"));
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "near"));
    EXPECT_EQ(ReadTextFile(folder / "elsewhere/target"), kNew);
    EXPECT_EQ(CountFiles(folder / "elsewhere"), 1);
  }
  std::filesystem::create_symlink("round", folder / "round");
  EXPECT_THROW(WriteNew(RealFileSystem(), folder / "round"), Error);
}

TEST(WriteAtomicallyTest, APipeIsWrittenAndStaysAPipe) {
  const TempDir folder;
  const std::string pipe = (folder / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  WriteNew(RealFileSystem(), pipe);
  std::string text(100, '\0');
  const ssize_t got = ::read(reader, text.data(), text.size());
  ::close(reader);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  EXPECT_EQ(text, kNew);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_EQ(CountFiles(folder.path()), 0);
}

TEST(WriteAtomicallyTest, AFullDiskAtEveryByteLeavesTheOldFileAlone) {
  const TempDir folder;
  const auto path = folder.Write("a", kOld);
  for (std::int64_t room = 0; room < static_cast<std::int64_t>(kNew.size()); ++room) {
    FaultyFileSystem files(RealFileSystem(), {.disk_bytes = room});
    EXPECT_EQ(ErrorText(ErrorKind::kIo, [&] { WriteNew(files, path); }),
              (folder / ".a.tmp").string() + ": cannot write: No space left on device");
    ASSERT_EQ(ReadTextFile(path), kOld);
    ASSERT_EQ(CountFiles(folder.path()), 1);
  }
}

TEST(WriteAtomicallyTest, AFailureOfTheWriterLeavesTheOldFileAlone) {
  const TempDir folder;
  const auto path = folder.Write("a", kOld);
  EXPECT_THROW(WriteAtomically(RealFileSystem(), path,
                               [](WritableFile& file) {
                                 file.Append("half");
                                 throw 7;
                               }),
               int);
  EXPECT_EQ(ReadTextFile(path), kOld);
  EXPECT_EQ(CountFiles(folder.path()), 1);
}

TEST(WriteAtomicallyTest, ACrashAtEveryPointLeavesOldOrNew) {
  for (const bool lose_unsynced : {false, true}) {
    std::int64_t points = 0;
    bool saw_old = false;
    bool saw_new = false;
    for (bool finished = false; !finished; ++points) {
      const TempDir folder;
      const auto path = folder.Write("a", kOld);
      FaultyFileSystem files(RealFileSystem(), {.crash_at = points, .lose_unsynced = lose_unsynced});
      try {
        WriteNew(files, path);
        finished = true;
      } catch (const Crash&) {
        EXPECT_TRUE(files.crashed());
      }
      const std::string text = ReadTextFile(path);
      EXPECT_TRUE(text == kOld || text == kNew) << points << ": " << text;
      saw_old = saw_old || text == kOld;
      saw_new = saw_new || text == kNew;
      // What the crash left behind is not in the way of the next try.
      WriteNew(RealFileSystem(), path);
      EXPECT_EQ(ReadTextFile(path), kNew);
      EXPECT_EQ(CountFiles(folder.path()), 1);
    }
    EXPECT_EQ(points, 7);  // crashes at create, two appends, sync, close, rename; then a run that finishes
    EXPECT_TRUE(saw_old && saw_new);
  }
}

}  // namespace
}  // namespace recforce::base
