// SPDX-License-Identifier: Apache-2.0
// The file is opened for reading, then its name is removed; the descriptors keep it until they are closed.
#include "data/spill_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "recforce/base/error.h"

namespace recforce::data {
namespace {

[[noreturn]] void FailRead(const std::filesystem::path& path, const std::string& why) {
  throw base::Error(base::ErrorKind::kIo, path.string() + ": temporary file cannot be read: " + why);
}

}  // namespace

MadeFolders::~MadeFolders() {
  for (auto made = made_.rbegin(); made != made_.rend(); ++made) {
    try {
      files_.Remove(*made);
    } catch (const std::exception&) {
      return;  // somebody else has put something there
    }
  }
}

void MadeFolders::Make() {
  std::vector<std::filesystem::path> missing;
  std::error_code ignored;
  for (std::filesystem::path path = folder_; !path.empty() && !std::filesystem::exists(path, ignored);
       path = path.parent_path()) {
    missing.push_back(path);
    if (path == path.parent_path()) {
      break;
    }
  }
  files_.MakeDirectories(folder_);
  made_.insert(made_.end(), missing.rbegin(), missing.rend());
}

SpillFile::~SpillFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

void SpillFile::Make() {
  folder_.Make();
  path_ = folder_.folder() / (".rows." + std::to_string(::getpid()) + ".tmp");
  file_ = files_.Create(path_);
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  const int code = errno;
  files_.Remove(path_);
  if (descriptor_ < 0) {
    FailRead(path_, std::strerror(code));
  }
}

std::int64_t SpillFile::Append(std::span<const std::byte> bytes) {
  if (file_ == nullptr) {
    Make();
  }
  file_->Append(bytes);
  const std::int64_t offset = size_;
  size_ += static_cast<std::int64_t>(bytes.size());
  return offset;
}

void SpillFile::Read(std::int64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(descriptor_, out.data(), out.size(), offset);
    if (got > 0) {
      out = out.subspan(static_cast<std::size_t>(got));
      offset += got;
    } else if (got == 0) {
      FailRead(path_, "it is shorter than what was written");
    } else if (errno != EINTR) {
      FailRead(path_, std::strerror(errno));
    }
  }
}

}  // namespace recforce::data
