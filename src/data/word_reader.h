// SPDX-License-Identifier: Apache-2.0
// Lines to words: fields parted by any run of spaces and tabs, as lists of ids and matrices are written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/line_source.h"
#include "data/record_reader.h"

namespace recforce::data {

// Not thread-safe. Views are valid until the next call of Next(). Lines without a word are skipped.
class WordReader {
 public:
  using Status = RecordReader::Status;

  explicit WordReader(LineSource& source) : source_(source) {}

  // kBad: the line is not text; fault() says why.
  Status Next();
  [[nodiscard]] const std::string& fault() const { return fault_; }

  [[nodiscard]] std::size_t size() const { return words_.size(); }
  [[nodiscard]] const std::vector<std::string_view>& words() const { return words_; }
  [[nodiscard]] std::string_view word(std::size_t index) const { return words_[index]; }
  [[nodiscard]] std::string_view row() const { return row_; }
  // `file:line:column` of the first byte of a word; index size() is the end of the line.
  [[nodiscard]] std::string Where(std::size_t index) const;
  [[nodiscard]] const std::string& name() const { return source_.name(); }
  [[nodiscard]] std::int64_t line_number() const { return source_.line_number(); }

 private:
  [[nodiscard]] std::string WhereOffset(std::size_t offset) const;

  LineSource& source_;
  std::string_view row_;
  std::vector<std::string_view> words_;
  std::string fault_;
};

// "row is not UTF-8: 'text'; ..." and the like, without the address.
std::string DescribeTextFault(const TextFault& fault, std::string_view row);

}  // namespace recforce::data
