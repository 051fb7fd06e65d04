// SPDX-License-Identifier: Apache-2.0
// The bytes of a file or of memory, decoded: plain, gzip or zstd, told apart by how they begin. One or more members
// or frames may follow each other. Memory: 32 KiB for gzip, for zstd the window that its writer chose.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "recforce/base/error.h"

namespace recforce::data {

inline constexpr int kZstdWindowLog = 27;  // 128 MiB, what `zstd -d` allows too

// Compressed data that ends before its end, as a writer that died leaves it. What came before has been given out.
class TruncatedData : public base::Error {
 public:
  explicit TruncatedData(std::string message) : Error(base::ErrorKind::kData, std::move(message)) {}
};

// Pieces of the decoded input, in order. Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills up to `size` bytes, at least one; 0 only at the end. TruncatedData; Error(Data) when compressed data is
  // corrupt or needs a larger window; Error(Io) when it cannot be read.
  virtual std::size_t Read(char* out, std::size_t size) = 0;
};

// Error(Usage) when there is no such file or it is a folder; Error(Io) when it cannot be read; Error(Data) for a .gz or
// .zst that is something else, and for archives, other compression and UTF-16, which are not read.
std::unique_ptr<ByteSource> OpenBytes(const std::filesystem::path& path);
// Bytes that outlive the source; `name` stands for the path in messages.
std::unique_ptr<ByteSource> MemoryBytes(std::string_view bytes, const std::string& name);

}  // namespace recforce::data
