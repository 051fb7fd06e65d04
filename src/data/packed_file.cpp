// SPDX-License-Identifier: Apache-2.0
// One interface over the streams of zlib and zstd.
#include "data/packed_file.h"

#include <zlib.h>
#include <zstd.h>

#include <vector>

#include "recforce/base/error.h"

namespace recforce::data {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 16;
constexpr int kGzipLevel = 6;
constexpr int kZstdLevel = 3;

}  // namespace

class PackedFile::Coder {
 public:
  enum class End { kGoesOn, kFlush, kFinish };
  virtual ~Coder() = default;
  virtual void Code(std::string_view text, End end, base::WritableFile& file) = 0;
};

namespace {

class GzipCoder final : public PackedFile::Coder {
 public:
  GzipCoder() {
    // 15 bits of window + 16 for the header of gzip, which holds no time.
    RECFORCE_CHECK(deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK,
                   "zlib starts");
  }
  ~GzipCoder() override { deflateEnd(&stream_); }
  GzipCoder(const GzipCoder&) = delete;
  GzipCoder& operator=(const GzipCoder&) = delete;

  void Code(std::string_view text, End end, base::WritableFile& file) override {
    const int flush = end == End::kGoesOn ? Z_NO_FLUSH : end == End::kFlush ? Z_SYNC_FLUSH : Z_FINISH;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
      stream_.avail_out = static_cast<uInt>(out_.size());
      const int status = deflate(&stream_, flush);
      RECFORCE_CHECK(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, "zlib goes on");
      if (stream_.avail_out < out_.size()) {
        file.Append(std::string_view(out_.data(), out_.size() - stream_.avail_out));
      }
    } while (stream_.avail_out == 0);
  }

 private:
  z_stream stream_{};
  std::vector<char> out_ = std::vector<char>(kPieceBytes);
};

class ZstdCoder final : public PackedFile::Coder {
 public:
  ZstdCoder() {
    RECFORCE_CHECK(stream_ != nullptr, "zstd starts");
    const std::size_t status = ZSTD_CCtx_setParameter(stream_, ZSTD_c_compressionLevel, kZstdLevel);
    RECFORCE_CHECK(ZSTD_isError(status) == 0, "zstd takes its level");
  }
  ~ZstdCoder() override { ZSTD_freeCStream(stream_); }
  ZstdCoder(const ZstdCoder&) = delete;
  ZstdCoder& operator=(const ZstdCoder&) = delete;

  void Code(std::string_view text, End end, base::WritableFile& file) override {
    const ZSTD_EndDirective directive = end == End::kGoesOn  ? ZSTD_e_continue
                                        : end == End::kFlush ? ZSTD_e_flush
                                                             : ZSTD_e_end;
    ZSTD_inBuffer in = {text.data(), text.size(), 0};
    std::size_t left = 0;
    do {
      ZSTD_outBuffer out = {out_.data(), out_.size(), 0};
      left = ZSTD_compressStream2(stream_, &out, &in, directive);
      RECFORCE_CHECK(ZSTD_isError(left) == 0, "zstd goes on");
      if (out.pos > 0) {
        file.Append(std::string_view(out_.data(), out.pos));
      }
    } while (end == End::kGoesOn ? in.pos < in.size : left != 0);
  }

 private:
  ZSTD_CStream* stream_ = ZSTD_createCStream();
  std::vector<char> out_ = std::vector<char>(kPieceBytes);
};

std::unique_ptr<PackedFile::Coder> MakeCoder(Packing packing) {
  switch (packing) {
    case Packing::kGzip:
      return std::make_unique<GzipCoder>();
    case Packing::kZstd:
      return std::make_unique<ZstdCoder>();
    case Packing::kPlain:
      break;
  }
  return nullptr;
}

}  // namespace

Packing PackingOf(const std::filesystem::path& path) {
  return path.extension() == ".gz" ? Packing::kGzip : path.extension() == ".zst" ? Packing::kZstd : Packing::kPlain;
}

PackedFile::PackedFile(std::unique_ptr<base::WritableFile> file, Packing packing)
    : file_(std::move(file)), coder_(MakeCoder(packing)) {}

PackedFile::~PackedFile() = default;

void PackedFile::Append(std::string_view text) {
  text_ += text;
  if (text_.size() >= kPieceBytes) {
    Send();
  }
}

void PackedFile::Send() {
  if (coder_ != nullptr) {
    coder_->Code(text_, Coder::End::kGoesOn, *file_);
  } else if (!text_.empty()) {
    file_->Append(text_);
  }
  text_.clear();
}

void PackedFile::Flush() {
  Send();
  if (coder_ != nullptr) {
    coder_->Code({}, Coder::End::kFlush, *file_);
  }
  file_->Sync();
}

void PackedFile::Finish() {
  Send();
  if (coder_ != nullptr) {
    coder_->Code({}, Coder::End::kFinish, *file_);
  }
  file_->Sync();
  file_->Close();
}

}  // namespace recforce::data
