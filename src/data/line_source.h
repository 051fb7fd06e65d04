// SPDX-License-Identifier: Apache-2.0
// Text lines out of a file or memory, plain, gzip or zstd (byte_source.h), without holding the whole input.
// Ends of lines are "\n" or "\r\n", the last one may be missing, a UTF-8 byte order mark is skipped. What the
// bytes of a line are worth is for the caller to judge; FindTextFault() helps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/byte_source.h"

namespace recforce::data {

inline constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;  // 1 MiB, for CSV a whole record

// Not thread-safe.
class LineSource {
 public:
  // Errors of OpenBytes() and, also from Next(), of ByteSource.
  static LineSource Open(const std::filesystem::path& path);
  // The same over bytes that outlive the source; `name` stands for the path in messages.
  static LineSource FromMemory(std::string_view bytes, std::string name);

  // The next line without its end, valid until the next call; nothing at the end of the input.
  // Error(Data) when the line is longer than kMaxLineBytes.
  std::optional<std::string_view> Next();
  // The next line that is not blank, left for Next(). Skips the blank lines before it.
  std::optional<std::string_view> Peek();
  // Whole lines that come next, with their ends, about `bytes` of them or what is left; valid until the next call of
  // another member than Skip(). Empty at the end, after Peek(), before the first line and when the next line is longer
  // than `bytes`: Next() goes on then.
  std::string_view PeekLines(std::size_t bytes);
  // Passes over `bytes` of what PeekLines() gave, which hold `lines` whole lines.
  void Skip(std::size_t bytes, std::int64_t lines);
  // Bytes that Next() and Skip() have passed.
  [[nodiscard]] std::int64_t consumed() const { return consumed_; }
  // Of the line that Next() or Peek() gave, 1 for the first.
  [[nodiscard]] std::int64_t line_number() const { return line_number_; }
  // Whether that line ended with "\r\n", which is content where a quoted field goes on in the next line.
  [[nodiscard]] bool had_return() const { return had_return_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  LineSource(std::unique_ptr<ByteSource> bytes, std::string name);
  std::optional<std::string_view> Read();
  void Refill();
  [[noreturn]] void FailTooLong() const;

  std::unique_ptr<ByteSource> bytes_;
  std::string name_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;    // of the bytes not yet given out
  std::size_t end_ = 0;      // of the bytes read
  std::size_t scanned_ = 0;  // no end of line before it
  bool at_end_ = false;
  std::int64_t line_number_ = 0;
  bool had_return_ = false;
  std::int64_t consumed_ = 0;
  std::optional<std::string_view> peeked_;
};

// Nothing but blanks and tabs.
inline bool IsBlank(std::string_view line) {
  return line.empty() ||
         ((line.front() == ' ' || line.front() == '\t') && line.find_first_not_of(" \t") == std::string_view::npos);
}

// Error(Data) when the first line of a text is several that end in "\r" alone, as old Macintosh files do.
void RefuseLoneReturns(const LineSource& source, std::string_view first_line);

// A byte that no text may have.
struct TextFault {
  std::size_t offset;  // of the first bad byte
  bool is_nul;         // else the text is not UTF-8 from there on
};
// Fast where the text is ASCII.
std::optional<TextFault> FindTextFault(std::string_view text);

// Latin-1 bytes as UTF-8.
std::string Latin1ToUtf8(std::string_view text);

// 'text' for messages: shortened, with control and non-ASCII-unsafe bytes written \xNN.
std::string Quoted(std::string_view text);

}  // namespace recforce::data
