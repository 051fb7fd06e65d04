// SPDX-License-Identifier: Apache-2.0
// Plain, gzipped and zstd bytes. Gzip is inflated here rather than with zlib's gzread(), which does not tell a
// truncated file from a whole one in every case.
#include "data/byte_source.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kChunkBytes = std::size_t{1} << 16;

// How the first bytes of a file say what it is, and what its name ends with.
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::string_view kSkippableMagic = "\x2a\x4d\x18";  // of zstd frames without content, after 50 .. 5f

constexpr std::size_t kHeadBytes = 6;  // as many as the longest of all

// Input that is refused: what it is, how it begins, and what to do.
struct Refused {
  std::string_view what;
  std::string_view magic;
  std::string_view advice;
};
constexpr std::string_view kAdviceForText = "expected UTF-8: convert it with iconv -f UTF-16 -t UTF-8";
constexpr std::array<Refused, 5> kRefused = {{
    {"UTF-16 text", "\xff\xfe", kAdviceForText},
    {"UTF-16 text", "\xfe\xff", kAdviceForText},
    {"a zip archive", "PK\x03\x04", "expected text, gzip or zstd: unpack it first, with unzip"},
    {"xz data", {"\xfd\x37zXZ\0", 6}, "expected text, gzip or zstd: unpack it first, with unxz"},
    {"bzip2 data", "BZh?1A", "expected text, gzip or zstd: unpack it first, with bunzip2"},  // ?: the level
}};

class FileBytes final : public ByteSource {
 public:
  explicit FileBytes(const std::filesystem::path& path) : name_(path.string()) {
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) {
      const bool wrong_name = errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG || errno == ELOOP;
      throw Error(wrong_name ? ErrorKind::kUsage : ErrorKind::kIo,
                  name_ + ": cannot be opened: " + std::strerror(errno));
    }
  }
  ~FileBytes() override { ::close(descriptor_); }
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;

  std::size_t Read(char* out, std::size_t size) override {
    while (true) {
      const ssize_t got = ::read(descriptor_, out, size);
      if (got >= 0) {
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR) {
        throw Error(ErrorKind::kIo, name_ + ": cannot be read: " + std::strerror(errno));
      }
    }
  }

 private:
  std::string name_;
  int descriptor_ = -1;
};

class GivenBytes final : public ByteSource {
 public:
  explicit GivenBytes(std::string_view bytes) : bytes_(bytes) {}
  std::size_t Read(char* out, std::size_t size) override {
    const std::size_t got = bytes_.copy(out, size);
    bytes_.remove_prefix(got);
    return got;
  }

 private:
  std::string_view bytes_;
};

// Gives back the first bytes that were read to see what the input is, then the rest.
class PeekedBytes final : public ByteSource {
 public:
  explicit PeekedBytes(std::unique_ptr<ByteSource> rest) : rest_(std::move(rest)) {
    while (head_.size() < kHeadBytes) {
      char byte = 0;
      if (rest_->Read(&byte, 1) == 0) {
        break;
      }
      head_.push_back(byte);
    }
  }
  [[nodiscard]] bool IsGzip() const { return head_.substr(0, kGzipMagic.size()) == kGzipMagic; }
  [[nodiscard]] bool IsZstd() const {
    return head_.starts_with(kZstdMagic) ||
           (head_.size() >= kZstdMagic.size() && (static_cast<unsigned char>(head_[0]) & 0xF0U) == 0x50U &&
            head_.compare(1, kSkippableMagic.size(), kSkippableMagic) == 0);
  }
  [[nodiscard]] const Refused* FindRefused() const {
    for (const Refused& refused : kRefused) {
      if (head_.size() >= refused.magic.size() &&
          std::equal(refused.magic.begin(), refused.magic.end(), head_.begin(),
                     [](char wanted, char found) { return wanted == '?' || wanted == found; })) {
        return &refused;
      }
    }
    return nullptr;
  }
  std::size_t Read(char* out, std::size_t size) override {
    if (given_ < head_.size()) {
      const std::size_t got = head_.copy(out, size, given_);
      given_ += got;
      return got;
    }
    return rest_->Read(out, size);
  }

 private:
  std::unique_ptr<ByteSource> rest_;
  std::string head_;
  std::size_t given_ = 0;
};

[[noreturn]] void FailTruncated(const std::string& name, const std::string& kind, std::int64_t text_bytes) {
  throw TruncatedData(name + ": " + kind + " data ends early after " + base::FormatCount(text_bytes) +
                      " bytes of text; the file is truncated, fetch it again");
}

// One or more gzip members after each other; zero bytes after the last are padding.
class GzipBytes final : public ByteSource {
 public:
  GzipBytes(std::unique_ptr<ByteSource> source, std::string name) : source_(std::move(source)), name_(std::move(name)) {
    // 15 bits of window as every gzip writer uses, + 16 to accept gzip headers and check their CRC.
    RECFORCE_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK, "zlib starts");
  }
  ~GzipBytes() override { inflateEnd(&stream_); }
  GzipBytes(const GzipBytes&) = delete;
  GzipBytes& operator=(const GzipBytes&) = delete;

  std::size_t Read(char* out, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, kChunkBytes));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      if (stream_.avail_in == 0 && !FillInput()) {
        if (inside_member_) {
          FailTruncated(name_, "gzip", text_bytes_);
        }
        return 0;
      }
      if (inside_member_ || StartMember()) {
        Inflate();
      }
    }
    const std::size_t got = wanted - stream_.avail_out;
    text_bytes_ += static_cast<std::int64_t>(got);
    return got;
  }

 private:
  bool FillInput() {
    const std::size_t got = source_->Read(input_.data(), input_.size());
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(got);
    return got > 0;
  }

  // Skips padding; true when another member begins.
  bool StartMember() {
    while (stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    if (stream_.avail_in == 0) {
      return false;
    }
    inside_member_ = true;
    return inflateReset(&stream_) == Z_OK;
  }

  void Inflate() {
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      inside_member_ = false;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw Error(ErrorKind::kData,
                  name_ + ": gzip data is corrupt: " + (stream_.msg != nullptr ? stream_.msg : "unknown reason") +
                      "; fetch the file again");
    }
  }

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  std::vector<char> input_ = std::vector<char>(kChunkBytes);
  z_stream stream_{};
  bool inside_member_ = true;
  std::int64_t text_bytes_ = 0;
};

// One or more zstd frames after each other, frames without content among them.
class ZstdBytes final : public ByteSource {
 public:
  ZstdBytes(std::unique_ptr<ByteSource> source, std::string name) : source_(std::move(source)), name_(std::move(name)) {
    RECFORCE_CHECK(stream_ != nullptr, "zstd starts");
    const std::size_t status = ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kZstdWindowLog);
    RECFORCE_CHECK(ZSTD_isError(status) == 0, "zstd takes the limit of its window");
  }
  ~ZstdBytes() override { ZSTD_freeDStream(stream_); }
  ZstdBytes(const ZstdBytes&) = delete;
  ZstdBytes& operator=(const ZstdBytes&) = delete;

  std::size_t Read(char* out, std::size_t size) override {
    ZSTD_outBuffer produced = {out, size, 0};
    while (produced.pos == 0) {
      // What is decoded already may wait for room although all input is taken.
      if (taken_.pos == taken_.size && !waiting_ && !FillInput()) {
        if (inside_frame_) {
          FailTruncated(name_, "zstd", text_bytes_);
        }
        return 0;
      }
      const std::size_t status = ZSTD_decompressStream(stream_, &produced, &taken_);
      if (ZSTD_isError(status) != 0) {
        Fail(status);
      }
      inside_frame_ = status != 0;
      waiting_ = inside_frame_ && produced.pos == produced.size;
    }
    text_bytes_ += static_cast<std::int64_t>(produced.pos);
    return produced.pos;
  }

 private:
  bool FillInput() {
    taken_ = {input_.data(), source_->Read(input_.data(), input_.size()), 0};
    return taken_.size > 0;
  }

  [[noreturn]] void Fail(std::size_t status) const {
    if (ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge) {
      throw Error(ErrorKind::kData, name_ + ": zstd data needs too large a window; expected at most " +
                                        base::FormatCount(std::int64_t{1} << kZstdWindowLog) +
                                        " bytes. compress it again without --long or --ultra");
    }
    throw Error(ErrorKind::kData,
                name_ + ": zstd data is corrupt: " + ZSTD_getErrorName(status) + "; fetch the file again");
  }

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  std::vector<char> input_ = std::vector<char>(kChunkBytes);
  ZSTD_DStream* stream_ = ZSTD_createDStream();
  ZSTD_inBuffer taken_ = {nullptr, 0, 0};
  bool inside_frame_ = true;
  bool waiting_ = false;
  std::int64_t text_bytes_ = 0;
};

enum class Coding { kPlain, kGzip, kZstd };

std::unique_ptr<PeekedBytes> PeekAt(std::unique_ptr<ByteSource> bytes, const std::string& name) {
  auto peeked = std::make_unique<PeekedBytes>(std::move(bytes));
  if (const Refused* refused = peeked->FindRefused()) {
    throw Error(ErrorKind::kData, name + ": is " + std::string(refused->what) + "; " + std::string(refused->advice));
  }
  return peeked;
}

std::unique_ptr<ByteSource> Decode(std::unique_ptr<ByteSource> raw, const std::string& name, Coding& coding) {
  auto peeked = PeekAt(std::move(raw), name);
  if (peeked->IsGzip()) {
    coding = Coding::kGzip;
    return PeekAt(std::make_unique<GzipBytes>(std::move(peeked), name), name);
  }
  if (peeked->IsZstd()) {
    coding = Coding::kZstd;
    return PeekAt(std::make_unique<ZstdBytes>(std::move(peeked), name), name);
  }
  coding = Coding::kPlain;
  return peeked;
}

[[noreturn]] void FailName(const std::filesystem::path& path, const std::string& kind, const std::string& magic) {
  throw Error(ErrorKind::kData, path.string() + ": is not " + kind +
                                    " data in spite of its name; expected it to begin with the bytes " + magic);
}

}  // namespace

std::unique_ptr<ByteSource> OpenBytes(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw Error(ErrorKind::kUsage, path.string() + ": is a folder; expected a file");
  }
  Coding coding = Coding::kPlain;
  auto bytes = Decode(std::make_unique<FileBytes>(path), path.string(), coding);
  if (path.extension() == ".gz" && coding != Coding::kGzip) {
    FailName(path, "gzip", "1f 8b");
  }
  if (path.extension() == ".zst" && coding != Coding::kZstd) {
    FailName(path, "zstd", "28 b5 2f fd");
  }
  return bytes;
}

std::unique_ptr<ByteSource> MemoryBytes(std::string_view bytes, const std::string& name) {
  Coding ignored = Coding::kPlain;
  return Decode(std::make_unique<GivenBytes>(bytes), name, ignored);
}

}  // namespace recforce::data
