// SPDX-License-Identifier: Apache-2.0
// Where a conversion puts what does not fit its memory: a file without a name, which the system takes away with the
// process, however that ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "recforce/base/file_system.h"

namespace recforce::data {

// Folders that are made on the way to a result, and removed again when there is none.
class MadeFolders {
 public:
  MadeFolders(base::FileSystem& files, std::filesystem::path folder) : files_(files), folder_(std::move(folder)) {}
  ~MadeFolders();
  MadeFolders(const MadeFolders&) = delete;
  MadeFolders& operator=(const MadeFolders&) = delete;

  // Makes the folder and those above it that are missing. Error(Io).
  void Make();
  // The result is there; nothing is removed.
  void Keep() { made_.clear(); }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  base::FileSystem& files_;
  std::filesystem::path folder_;
  std::vector<std::filesystem::path> made_;  // the innermost last
};

// Append() from one thread; Read() from any, of what was appended before.
class SpillFile {
 public:
  // The file is made in `folder` when the first bytes come.
  SpillFile(base::FileSystem& files, MadeFolders& folder) : files_(files), folder_(folder) {}
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  // Returns where the bytes begin. Error(Io), as when the disk is full.
  std::int64_t Append(std::span<const std::byte> bytes);
  void Read(std::int64_t offset, std::span<std::byte> out) const;
  [[nodiscard]] std::int64_t size() const { return size_; }

 private:
  void Make();

  base::FileSystem& files_;
  MadeFolders& folder_;
  std::filesystem::path path_;  // for messages: the name is gone
  std::unique_ptr<base::WritableFile> file_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
};

}  // namespace recforce::data
