// SPDX-License-Identifier: Apache-2.0
// The list of files at the end of an archive says where each lies. The bytes come from outside: whatever they are, the
// parser reads inside them or throws Error(Data).
#include "data/zip_archive.h"

#include <zlib.h>

#include <algorithm>

#include "data/line_source.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

constexpr std::size_t kEndBytes = 22;     // of the record at the end, without its comment
constexpr std::size_t kListedBytes = 46;  // of a record of the list, without name, extra field and comment
constexpr std::size_t kLocalBytes = 30;   // of what stands before the data of a file, without name and extra field
constexpr std::size_t kMostComment = 65535;
constexpr std::uint32_t kEndMark = 0x06054b50;
constexpr std::uint32_t kListedMark = 0x02014b50;
constexpr std::uint32_t kLocalMark = 0x04034b50;
constexpr std::uint32_t kNotHere = 0xffffffff;  // the number stands in a field of zip64
constexpr std::uint32_t kStored = 0;
constexpr std::uint32_t kDeflated = 8;
constexpr std::uint64_t kMostGrowth = 1100;  // deflate makes at most 1032 bytes of one

void Inflate(std::span<const std::byte> packed, std::span<std::byte> out, bool& good) {
  z_stream stream{};
  RECFORCE_CHECK(inflateInit2(&stream, -15) == Z_OK, "zlib starts");  // 15 bits of window, no header
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = inflate(&stream, Z_FINISH);
  good = status == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
}

}  // namespace

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {
  const std::size_t end = FindEnd();
  const std::uint32_t count = Number(end + 10, 2);
  const std::uint32_t list_bytes = Number(end + 12, 4);
  std::size_t at = Number(end + 16, 4);
  if (count == 0xffff || list_bytes == kNotHere || at == kNotHere) {
    Fail("is a zip archive of more than 4 GiB or 65535 files; expected a smaller one");
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    if (at > end || end - at < kListedBytes || Number(at, 4) != kListedMark) {
      Fail("the list of its files is corrupt; fetch it again");
    }
    const std::size_t name_bytes = Number(at + 28, 2);
    const std::size_t rest = name_bytes + Number(at + 30, 2) + Number(at + 32, 2);
    if (end - at - kListedBytes < rest) {
      Fail("the list of its files is corrupt; fetch it again");
    }
    const auto* name = reinterpret_cast<const char*>(bytes_.data() + at + kListedBytes);
    entries_.push_back({std::string(name, name_bytes), Number(at + 10, 2), Number(at + 16, 4), Number(at + 20, 4),
                        Number(at + 24, 4), Number(at + 42, 4)});
    at += kListedBytes + rest;
  }
}

void ZipArchive::Fail(const std::string& what) const {
  throw base::Error(base::ErrorKind::kData, where_ + ": " + what);
}

std::uint32_t ZipArchive::Number(std::size_t at, std::size_t bytes) const {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    value |= std::to_integer<std::uint32_t>(bytes_[at + i]) << (8 * i);
  }
  return value;
}

std::size_t ZipArchive::FindEnd() const {
  if (bytes_.size() >= kEndBytes) {
    const std::size_t last = bytes_.size() - kEndBytes;
    for (std::size_t back = 0; back <= std::min(last, kMostComment); ++back) {
      if (Number(last - back, 4) == kEndMark && Number(last - back + 20, 2) == back) {
        return last - back;
      }
    }
  }
  Fail("is no whole zip archive: it lacks the list of its files; expected what numpy.savez writes");
}

const ZipArchive::Entry* ZipArchive::Find(const std::string& name) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

std::span<const std::byte> ZipArchive::Packed(const Entry& entry) const {
  const std::size_t size = bytes_.size();
  std::size_t at = entry.offset;
  if (size < kLocalBytes || at > size - kLocalBytes || Number(at, 4) != kLocalMark) {
    Fail(Quoted(entry.name) + ": does not lie where the archive says; fetch it again");
  }
  const std::uint32_t flags = Number(at + 6, 2);
  if ((flags & 1U) != 0) {
    Fail(Quoted(entry.name) + ": is encrypted; expected a file that can be read");
  }
  at += kLocalBytes + Number(at + 26, 2) + Number(at + 28, 2);
  if (at > size || entry.packed_bytes > size - at) {
    Fail(Quoted(entry.name) + ": ends behind the archive; fetch it again");
  }
  return bytes_.subspan(at, entry.packed_bytes);
}

std::vector<std::byte> ZipArchive::Read(const Entry& entry) const {
  if (entry.packed_bytes == kNotHere || entry.bytes == kNotHere || entry.offset == kNotHere) {
    Fail(Quoted(entry.name) + ": is of more than 4 GiB; expected a smaller file");
  }
  const std::span<const std::byte> packed = Packed(entry);
  bool good = entry.method == kStored ? entry.bytes == entry.packed_bytes
                                      : entry.bytes <= kMostGrowth * (std::uint64_t{entry.packed_bytes} + 1);
  if (entry.method != kStored && entry.method != kDeflated) {
    Fail(Quoted(entry.name) + ": is packed by method '" + std::to_string(entry.method) +
         "'; expected stored or deflated files, as numpy.savez and numpy.savez_compressed write them");
  }
  std::vector<std::byte> out;
  if (good && entry.method == kStored) {
    out.assign(packed.begin(), packed.end());
  } else if (good) {
    out.resize(entry.bytes);
    std::byte nothing{};  // zlib wants a place even for no bytes
    Inflate(packed, out.empty() ? std::span(&nothing, 0) : std::span(out), good);
  }
  const auto* data = reinterpret_cast<const Bytef*>(out.data());
  if (!good || crc32_z(crc32_z(0, nullptr, 0), data, out.size()) != entry.checksum) {
    Fail(Quoted(entry.name) + ": is corrupt; fetch it again");
  }
  return out;
}

}  // namespace recforce::data
