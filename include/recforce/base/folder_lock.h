// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace recforce::base {

// Holds a folder against other processes for as long as it lives, and leaves nothing in it. Error(Unavailable) when
// another holds it. Where the file system knows no locks, holds nothing.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace recforce::base
