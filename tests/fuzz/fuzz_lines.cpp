// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a file, plain, gzip or zstd: lines are whole, and the same bytes compressed give the same lines.
#include <zlib.h>

#include "fuzz_log.h"

namespace recforce::test {
namespace {

// All lines, or nothing after an error of the input.
std::optional<std::vector<std::string>> Lines(std::string_view bytes) {
  std::optional<std::vector<std::string>> whole;
  ExpectNoBug([&] {
    data::LineSource source = data::LineSource::FromMemory(bytes, "input");
    std::vector<std::string> lines;
    std::size_t total = 0;
    constexpr std::size_t kMost = std::size_t{1} << 26;  // of a small file that grows without end
    while (const auto line = source.Next()) {
      Require(line->size() <= data::kMaxLineBytes && line->find('\n') == std::string_view::npos);
      lines.emplace_back(*line);
      Require(source.line_number() == static_cast<std::int64_t>(lines.size()));
      total += line->size() + 1;
      if (total > kMost) {
        return;
      }
    }
    whole = std::move(lines);
  });
  return whole;
}

std::string Gzip(std::string_view text) {
  z_stream stream{};
  Require(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  Require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

bool IsCompressed(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b") || bytes.starts_with("\x28\xb5\x2f\xfd") ||
         (bytes.size() >= 4 && bytes.substr(1, 3) == "\x2a\x4d\x18");
}

}  // namespace
}  // namespace recforce::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce::test;
  const std::string_view text = AsText(bytes, size);
  const auto lines = Lines(text);
  if (!IsCompressed(text)) {
    Require(lines == Lines(Gzip(text)));
  }
  return 0;
}
