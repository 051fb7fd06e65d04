// SPDX-License-Identifier: Apache-2.0
// Everything recforce writes goes through this seam, so that a full or failing disk can be staged in tests.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace recforce::base {

// A file being written. Not thread-safe. Errors: Error(Io) with path and reason.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual void Append(std::span<const std::byte> bytes) = 0;
  virtual void Sync() = 0;   // data reaches the disk
  virtual void Close() = 0;  // reports late errors; the destructor closes silently
  void Append(std::string_view text) { Append(std::as_bytes(std::span(text.data(), text.size()))); }
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual std::unique_ptr<WritableFile> Create(const std::filesystem::path& path) = 0;      // truncates
  virtual std::unique_ptr<WritableFile> OpenAppend(const std::filesystem::path& path) = 0;  // makes it if absent
  virtual void Rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  virtual void Remove(const std::filesystem::path& path) = 0;  // file or empty folder; absent is fine
  virtual void MakeDirectories(const std::filesystem::path& path) = 0;
};

// The disk of this machine.
FileSystem& RealFileSystem();

// Writes through `fill` to a temporary neighbour, syncs it and renames it over `path`: readers see the old file
// or the new one, whole. On any error the temporary is removed and `path` is untouched (but for a folder that cannot
// be synced after the rename: that is reported although the new file is in place). A link stays one: the file behind it
// is replaced. A pipe or device is written as it is, and a failure leaves half of it written.
void WriteAtomically(FileSystem& files, const std::filesystem::path& path,
                     const std::function<void(WritableFile&)>& fill);

// The whole file. Error(NotFound) or Error(Io).
std::string ReadTextFile(const std::filesystem::path& path);

// A read-only mapping of a whole file, 4096-byte aligned. An empty file maps to an empty span.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace recforce::base
