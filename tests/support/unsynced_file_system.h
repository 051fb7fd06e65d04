// SPDX-License-Identifier: Apache-2.0
// The real disk without its slowest part: these tests survive a crash of the process, which loses no page cache;
// what a loss of unsynced data does is staged by FaultyFileSystem.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <utility>

#include "recforce/base/file_system.h"

namespace recforce::test {

class UnsyncedFileSystem : public base::FileSystem {
 public:
  std::unique_ptr<base::WritableFile> Create(const std::filesystem::path& path) override {
    return std::make_unique<File>(base::RealFileSystem().Create(path));
  }
  std::unique_ptr<base::WritableFile> OpenAppend(const std::filesystem::path& path) override {
    return std::make_unique<File>(base::RealFileSystem().OpenAppend(path));
  }
  void Rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    std::filesystem::rename(from, to);
  }
  void Remove(const std::filesystem::path& path) override { base::RealFileSystem().Remove(path); }
  void MakeDirectories(const std::filesystem::path& path) override { base::RealFileSystem().MakeDirectories(path); }

 private:
  class File : public base::WritableFile {
   public:
    explicit File(std::unique_ptr<base::WritableFile> real) : real_(std::move(real)) {}
    using base::WritableFile::Append;
    void Append(std::span<const std::byte> bytes) override { real_->Append(bytes); }
    void Sync() override {}
    void Close() override { real_->Close(); }

   private:
    std::unique_ptr<base::WritableFile> real_;
  };
};

inline UnsyncedFileSystem& UnsyncedDisk() {
  static UnsyncedFileSystem disk;
  return disk;
}

}  // namespace recforce::test
