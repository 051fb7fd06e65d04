// SPDX-License-Identifier: Apache-2.0
// Files inside a zip archive in memory (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT), stored or
// deflated, as numpy.savez writes them. Archives above 4 GiB (zip64), in several parts or encrypted are refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace recforce::data {

class ZipArchive {
 public:
  struct Entry {
    std::string name;
    std::uint32_t method = 0;
    std::uint32_t checksum = 0;
    std::uint32_t packed_bytes = 0;
    std::uint32_t bytes = 0;
    std::uint32_t offset = 0;
  };

  // `bytes` outlive the archive; `where` stands for the path in messages. Error(Data) when they are no archive.
  ZipArchive(std::span<const std::byte> bytes, std::string where);

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  // nullptr where there is none; the first where there are several.
  [[nodiscard]] const Entry* Find(const std::string& name) const;
  // The content of a file. Memory: as it says itself, and at most 1100 times its packed size. Error(Data) when it is
  // corrupt or packed in another way.
  [[nodiscard]] std::vector<std::byte> Read(const Entry& entry) const;

 private:
  [[noreturn]] void Fail(const std::string& what) const;
  [[nodiscard]] std::uint32_t Number(std::size_t at, std::size_t bytes) const;  // little-endian
  [[nodiscard]] std::size_t FindEnd() const;
  [[nodiscard]] std::span<const std::byte> Packed(const Entry& entry) const;

  std::span<const std::byte> bytes_;
  std::string where_;
  std::vector<Entry> entries_;
};

}  // namespace recforce::data
