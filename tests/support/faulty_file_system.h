// SPDX-License-Identifier: Apache-2.0
// A file system that fails on demand: a disk that fills up, or a machine that stops dead at the n-th operation.
// A crash is an exception of a type that nothing catches; every later operation crashes too, as the process that
// would do it no longer exists.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/file_system.h"

namespace recforce::test {

struct Crash {};

struct Faults {
  // Bytes that fit on the disk. The Append that exceeds them writes what fits, then fails with Error(Io).
  std::int64_t disk_bytes = std::numeric_limits<std::int64_t>::max();
  // The operation (0 is the first) that throws Crash. An Append that crashes writes half of its bytes.
  std::int64_t crash_at = std::numeric_limits<std::int64_t>::max();
  // At a crash, what was appended since the last Sync is lost, as after a power failure.
  bool lose_unsynced = false;
};

class FaultyFileSystem : public base::FileSystem {
 public:
  FaultyFileSystem(base::FileSystem& real, Faults faults) : real_(real), faults_(faults) {}

  // How many operations were begun: a run without faults says how many crash points there are.
  [[nodiscard]] std::int64_t operations() const { return operations_; }
  [[nodiscard]] bool crashed() const { return crashed_; }

  std::unique_ptr<base::WritableFile> Create(const std::filesystem::path& path) override {
    Begin();
    auto file = real_.Create(path);
    sizes_[path] = {};
    return std::make_unique<File>(*this, path, std::move(file));
  }

  std::unique_ptr<base::WritableFile> OpenAppend(const std::filesystem::path& path) override {
    Begin();
    auto file = real_.OpenAppend(path);
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path));
    sizes_[path] = {size, size};
    return std::make_unique<File>(*this, path, std::move(file));
  }

  void Rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    Begin();
    real_.Rename(from, to);
    // A folder takes its files along.
    std::map<std::filesystem::path, Sizes> moved;
    for (const auto& [path, size] : sizes_) {
      const std::filesystem::path inside = path.lexically_relative(from);
      const bool moves = !inside.empty() && *inside.begin() != "..";
      if (moves) {
        moved.insert_or_assign(inside == "." ? to : to / inside, size);
      } else {
        moved.emplace(path, size);
      }
    }
    sizes_ = std::move(moved);
  }

  void Remove(const std::filesystem::path& path) override {
    Begin();
    real_.Remove(path);
    sizes_.erase(path);
  }

  void MakeDirectories(const std::filesystem::path& path) override {
    Begin();
    real_.MakeDirectories(path);
  }

 private:
  struct Sizes {
    std::int64_t written = 0;
    std::int64_t synced = 0;
  };

  class File : public base::WritableFile {
   public:
    File(FaultyFileSystem& owner, std::filesystem::path path, std::unique_ptr<base::WritableFile> real)
        : owner_(owner), path_(std::move(path)), real_(std::move(real)) {}

    using base::WritableFile::Append;
    void Append(std::span<const std::byte> bytes) override {
      if (owner_.NextCrashes()) {
        Write(bytes.first(bytes.size() / 2));
      }
      owner_.Begin();
      const auto room = std::min(static_cast<std::int64_t>(bytes.size()), owner_.faults_.disk_bytes);
      owner_.faults_.disk_bytes -= room;
      Write(bytes.first(static_cast<std::size_t>(room)));
      if (static_cast<std::size_t>(room) < bytes.size()) {
        throw base::Error(base::ErrorKind::kIo, path_.string() + ": cannot write: No space left on device");
      }
    }
    void Sync() override {
      owner_.Begin();
      real_->Sync();
      owner_.sizes_[path_].synced = owner_.sizes_[path_].written;
    }
    void Close() override {
      owner_.Begin();
      real_->Close();
    }

   private:
    void Write(std::span<const std::byte> bytes) {
      if (!owner_.crashed_) {
        real_->Append(bytes);
        owner_.sizes_[path_].written += static_cast<std::int64_t>(bytes.size());
      }
    }

    FaultyFileSystem& owner_;
    std::filesystem::path path_;
    std::unique_ptr<base::WritableFile> real_;
  };

  [[nodiscard]] bool NextCrashes() const { return operations_ >= faults_.crash_at; }

  void Begin() {
    if (NextCrashes()) {
      if (!crashed_ && faults_.lose_unsynced) {
        for (const auto& [path, size] : sizes_) {
          std::filesystem::resize_file(path, static_cast<std::uintmax_t>(size.synced));
        }
      }
      crashed_ = true;
      throw Crash{};
    }
    ++operations_;
  }

  base::FileSystem& real_;
  Faults faults_;
  std::int64_t operations_ = 0;
  bool crashed_ = false;
  std::map<std::filesystem::path, Sizes> sizes_;  // of every file written through this file system
};

}  // namespace recforce::test
