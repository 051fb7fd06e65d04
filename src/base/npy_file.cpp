// SPDX-License-Identifier: Apache-2.0
// The header of a .npy file is the text of a Python dictionary with three keys. The bytes come from outside: whatever
// they are, the parser reads inside them or throws Error(Data).
#include "base/npy_file.h"

#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/file_system.h"
#include "recforce/base/text.h"

namespace recforce::base {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kVersionBytes = 2;
constexpr std::size_t kMostShown = 40;  // characters of a header quoted in a message

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kData, where + ": " + what);
}

struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Header Parse() {
    Header header;
    Expect('{');
    while (!Take('}')) {
      const std::string key = QuotedText();
      Expect(':');
      if (key == "descr" && !header.descr) {
        header.descr = QuotedText();
      } else if (key == "fortran_order" && !header.fortran_order) {
        header.fortran_order = Boolean();
      } else if (key == "shape" && !header.shape) {
        header.shape = Tuple();
      } else {
        FailHere();
      }
      if (!Take(',')) {
        Expect('}');
        break;
      }
    }
    SkipSpaces();
    if (at_ != text_.size() || !header.descr || !header.fortran_order || !header.shape) {
      FailHere();
    }
    return header;
  }

 private:
  [[noreturn]] void FailHere() const {
    Fail(where_, "header cannot be read at character '" + std::to_string(at_) +
                     "'; expected a dictionary with 'descr', 'fortran_order' and 'shape', as numpy.save writes it");
  }
  void SkipSpaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) {
      ++at_;
    }
  }
  bool Take(char wanted) {
    SkipSpaces();
    if (at_ >= text_.size() || text_[at_] != wanted) {
      return false;
    }
    ++at_;
    return true;
  }
  void Expect(char wanted) {
    if (!Take(wanted)) {
      FailHere();
    }
  }
  bool TakeWord(std::string_view word) {
    SkipSpaces();
    if (text_.substr(at_, word.size()) != word) {
      return false;
    }
    at_ += word.size();
    return true;
  }
  std::string QuotedText() {
    const char quote = Take('"') ? '"' : '\'';
    if (quote == '\'') {
      Expect('\'');
    }
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos || end - at_ > kMostShown) {
      FailHere();
    }
    const std::string_view value = text_.substr(at_, end - at_);
    for (const char character : value) {
      if (character < ' ' || character > '~') {
        FailHere();
      }
    }
    at_ = end + 1;
    return std::string(value);
  }
  bool Boolean() {
    if (TakeWord("True")) {
      return true;
    }
    if (!TakeWord("False")) {
      FailHere();
    }
    return false;
  }
  std::vector<std::int64_t> Tuple() {
    std::vector<std::int64_t> values;
    Expect('(');
    while (!Take(')')) {
      SkipSpaces();
      const std::size_t begin = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
        ++at_;
      }
      const auto value = ParseInt(text_.substr(begin, at_ - begin));
      if (!value) {
        FailHere();
      }
      values.push_back(*value);
      if (!Take(',')) {
        Expect(')');
        break;
      }
    }
    return values;
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
};

// Splits the bytes into the text of the header and the data.
std::pair<std::string_view, std::span<const std::byte>> Cut(std::span<const std::byte> bytes,
                                                            const std::string& where) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.substr(0, kMagic.size()) != kMagic || text.size() < kMagic.size() + kVersionBytes) {
    Fail(where, "not a .npy file: it does not begin with the mark of one");
  }
  const int version = std::to_integer<int>(bytes[kMagic.size()]);
  if (version < 1 || version > 3) {
    Fail(where, "unknown version of .npy: '" + std::to_string(version) + "'; expected 1, 2 or 3");
  }
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t begin = kMagic.size() + kVersionBytes + length_bytes;
  std::size_t length = 0;
  for (std::size_t byte = 0; byte < length_bytes && begin <= bytes.size(); ++byte) {
    length |= std::to_integer<std::size_t>(bytes[kMagic.size() + kVersionBytes + byte]) << (8 * byte);
  }
  if (begin > bytes.size() || length > bytes.size() - begin) {
    Fail(where, "truncated: the header is not whole");
  }
  return {text.substr(begin, length), bytes.subspan(begin + length)};
}

template <class T>
void Convert(std::span<const std::byte> data, const std::string& where, NpyMatrix& matrix) {
  for (std::size_t at = 0; at < matrix.values.size(); ++at) {
    T value;
    std::memcpy(&value, data.data() + at * sizeof(T), sizeof(T));
    const auto narrow = static_cast<float>(value);
    if (!std::isfinite(narrow)) {
      const auto cols = static_cast<std::size_t>(matrix.cols);
      Fail(where,
           "row " + std::to_string(at / cols) + ", column " + std::to_string(at % cols) + ": not a finite float32");
    }
    matrix.values[at] = narrow;
  }
}

}  // namespace

NpyView ParseNpyView(std::span<const std::byte> bytes, const std::string& where) {
  const auto [text, data] = Cut(bytes, where);
  Header header = HeaderParser(text, where).Parse();
  return {std::move(*header.descr), *header.fortran_order, std::move(*header.shape), data};
}

std::optional<std::int64_t> NpyCount(const NpyView& array) {
  std::int64_t count = 1;
  for (const std::int64_t size : array.shape) {
    if (__builtin_mul_overflow(count, size, &count)) {
      return std::nullopt;
    }
  }
  return count;
}

NpyMatrix ParseNpyMatrix(std::span<const std::byte> bytes, const std::string& where) {
  const NpyView header = ParseNpyView(bytes, where);
  const std::span<const std::byte> data = header.data;
  const bool wide = header.descr == "<f8";
  if (!wide && header.descr != "<f4") {
    Fail(where, "unsupported type of numbers: '" + header.descr + "'; expected <f4 or <f8");
  }
  const std::vector<std::int64_t>& shape = header.shape;
  if (shape.empty() || shape.size() > 2) {
    Fail(where, "the array has '" + std::to_string(shape.size()) + "' dimensions; expected 1 or 2");
  }
  if (header.fortran_order && shape.size() == 2) {
    Fail(where, "the array lies in Fortran order; expected C order. save numpy.ascontiguousarray(array)");
  }
  NpyMatrix matrix{shape[0], shape.size() == 2 ? shape[1] : 1, {}};
  std::int64_t expected = wide ? 8 : 4;
  if (__builtin_mul_overflow(expected, matrix.rows, &expected) ||
      __builtin_mul_overflow(expected, matrix.cols, &expected) || static_cast<std::size_t>(expected) != data.size()) {
    Fail(where, "the data has '" + std::to_string(data.size()) +
                    "' bytes, which is not what its shape takes: " + std::to_string(matrix.rows) + " x " +
                    std::to_string(matrix.cols) + " numbers of " + (wide ? "8" : "4") + " bytes");
  }
  matrix.values.resize(data.size() / (wide ? 8 : 4));
  if (wide) {
    Convert<double>(data, where, matrix);
  } else {
    Convert<float>(data, where, matrix);
  }
  return matrix;
}

NpyMatrix ReadNpyMatrix(const std::filesystem::path& path) {
  const MappedFile file(path);
  return ParseNpyMatrix(file.bytes(), path.string());
}

}  // namespace recforce::base
