// SPDX-License-Identifier: Apache-2.0
// The POSIX file system: whole writes, fsync of files and of the folders whose entries change, mappings.
#include "recforce/base/file_system.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "recforce/base/error.h"

namespace recforce::base {

namespace {

[[noreturn]] void Fail(const std::filesystem::path& path, const std::string& action, int code) {
  throw Error(ErrorKind::kIo, path.string() + ": cannot " + action + ": " + std::generic_category().message(code));
}

// Owns a descriptor.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) {
    do {
      fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    } while (fd_ < 0 && errno == EINTR);
  }
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  // 0 or -1 as close(2).
  int Close() { return fd_ < 0 ? 0 : ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

// Opens for reading and learns the size.
Descriptor OpenToRead(const std::filesystem::path& path, struct stat& status) {
  // Reading a folder or a pipe would fail late or never end, so look before opening.
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      throw Error(ErrorKind::kNotFound, path.string() + ": no such file");
    }
    Fail(path, "read", errno);
  }
  if (S_ISDIR(status.st_mode)) {
    Fail(path, "read", EISDIR);
  }
  return {path, O_RDONLY};
}

class PosixFile final : public WritableFile {
 public:
  PosixFile(std::filesystem::path path, int flags) : path_(std::move(path)), descriptor_(path_, flags) {
    if (descriptor_.get() < 0) {
      Fail(path_, "create", errno);
    }
  }

  using WritableFile::Append;
  void Append(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
      if (written >= 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(written));
      } else if (errno != EINTR) {
        Fail(path_, "write", errno);
      }
    }
  }

  void Sync() override {
    // Pipes and some special files cannot be synced; there is nothing to wait for.
    if (::fsync(descriptor_.get()) != 0 && errno != EINVAL && errno != EROFS) {
      Fail(path_, "write", errno);
    }
  }

  void Close() override {
    // After EINTR the descriptor is closed all the same on Linux.
    if (descriptor_.Close() != 0 && errno != EINTR) {
      Fail(path_, "write", errno);
    }
  }

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
};

// Makes changed entries of `folder` durable.
void SyncFolder(const std::filesystem::path& folder) {
  const Descriptor descriptor(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  if (descriptor.get() < 0) {
    return;  // a folder that may be written but not read cannot be synced
  }
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL && errno != EROFS) {
    Fail(folder, "write", errno);
  }
}

class PosixFileSystem final : public FileSystem {
 public:
  std::unique_ptr<WritableFile> Create(const std::filesystem::path& path) override {
    return std::make_unique<PosixFile>(path, O_WRONLY | O_CREAT | O_TRUNC);
  }

  std::unique_ptr<WritableFile> OpenAppend(const std::filesystem::path& path) override {
    return std::make_unique<PosixFile>(path, O_WRONLY | O_CREAT | O_APPEND);
  }

  void Rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      Fail(to, "rename '" + from.string() + "' to this name", errno);
    }
    SyncFolder(to.parent_path());
  }

  void Remove(const std::filesystem::path& path) override {
    if (std::remove(path.c_str()) != 0 && errno != ENOENT) {
      Fail(path, "remove", errno);
    }
  }

  void MakeDirectories(const std::filesystem::path& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) {
      Fail(path, "make folder", error.value());
    }
  }
};

}  // namespace

FileSystem& RealFileSystem() {
  static PosixFileSystem files;
  return files;
}

namespace {

// What a chain of links points to, there or not yet; `path` itself when it is no link. The system ends a chain after
// 40 links, and so do we.
std::filesystem::path BehindLinks(std::filesystem::path path) {
  std::error_code error;
  for (int links = 0; std::filesystem::is_symlink(path, error); ++links) {
    const std::filesystem::path next = std::filesystem::read_symlink(path, error);
    if (error || links == 40) {
      Fail(path, "follow this link", error ? error.value() : ELOOP);
    }
    path = path.parent_path() / next;
  }
  return path;
}

void WriteThrough(FileSystem& files, const std::filesystem::path& path,
                  const std::function<void(WritableFile&)>& fill) {
  const std::unique_ptr<WritableFile> file = files.Create(path);
  fill(*file);
  file->Sync();
  file->Close();
}

}  // namespace

// A link stays one: the file behind it is replaced. What is neither a file nor absent cannot be replaced without taking
// it away from its readers, so it is written as it is, and a failure leaves half of it written.
void WriteAtomically(FileSystem& files, const std::filesystem::path& path,
                     const std::function<void(WritableFile&)>& fill) {
  std::error_code ignored;
  if (std::filesystem::is_other(path, ignored)) {  // pipes, terminals and other devices
    WriteThrough(files, path, fill);
    return;
  }
  const std::filesystem::path target = BehindLinks(path);
  const std::filesystem::path temporary = target.parent_path() / ("." + target.filename().string() + ".tmp");
  try {
    WriteThrough(files, temporary, fill);
    files.Rename(temporary, target);
  } catch (...) {
    try {
      files.Remove(temporary);
    } catch (const std::exception&) {
      // The first failure is the one to report; a temporary that stays behind is overwritten by the next try.
    }
    throw;
  }
}

std::string ReadTextFile(const std::filesystem::path& path) {
  struct stat status {};
  const Descriptor descriptor = OpenToRead(path, status);
  if (descriptor.get() < 0) {
    Fail(path, "read", errno);
  }
  std::string text(static_cast<std::size_t>(status.st_size) + 1, '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = ::read(descriptor.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      Fail(path, "read", errno);
    }
    if (got == 0) {
      text.resize(size);
      return text;
    }
    size += static_cast<std::size_t>(got);
    if (size == text.size()) {
      text.resize(2 * text.size());
    }
  }
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  struct stat status {};
  const Descriptor descriptor = OpenToRead(path, status);
  if (descriptor.get() < 0 || ::fstat(descriptor.get(), &status) != 0) {
    Fail(path, "read", errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::kIo, path.string() + ": cannot map: not a regular file");
  }
  if (status.st_size == 0) {
    return;
  }
  size_ = static_cast<std::size_t>(status.st_size);
  void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
  if (mapping == MAP_FAILED) {
    Fail(path, "map", errno);
  }
  data_ = static_cast<const std::byte*>(mapping);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    ::munmap(const_cast<std::byte*>(data_), size_);
  }
}

}  // namespace recforce::base
