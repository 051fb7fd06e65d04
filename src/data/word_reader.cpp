// SPDX-License-Identifier: Apache-2.0
// Splitting lines at blanks.
#include "data/word_reader.h"

#include <algorithm>

namespace recforce::data {
namespace {

constexpr std::string_view kBlanks = " \t";

}  // namespace

WordReader::Status WordReader::Next() {
  words_.clear();
  while (const std::optional<std::string_view> line = source_.Next()) {
    row_ = *line;
    std::size_t begin = row_.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) {
      continue;
    }
    if (const std::optional<TextFault> text_fault = FindTextFault(row_)) {
      fault_ = WhereOffset(text_fault->offset) + ": " + DescribeTextFault(*text_fault, row_);
      return Status::kBad;
    }
    while (begin != std::string_view::npos) {
      const std::size_t end = std::min(row_.find_first_of(kBlanks, begin), row_.size());
      words_.push_back(row_.substr(begin, end - begin));
      begin = row_.find_first_not_of(kBlanks, end);
    }
    return Status::kRow;
  }
  return Status::kEnd;
}

std::string WordReader::WhereOffset(std::size_t offset) const {
  return source_.name() + ":" + std::to_string(source_.line_number()) + ":" + std::to_string(offset + 1);
}

std::string WordReader::Where(std::size_t index) const {
  return WhereOffset(index < words_.size() ? static_cast<std::size_t>(words_[index].data() - row_.data())
                                           : row_.size());
}

std::string DescribeTextFault(const TextFault& fault, std::string_view row) {
  return fault.is_nul ? "row holds a NUL byte: " + Quoted(row) + "; expected text"
                      : "row is not UTF-8: " + Quoted(row) + "; convert the file to UTF-8";
}

}  // namespace recforce::data
