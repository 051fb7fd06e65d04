// SPDX-License-Identifier: Apache-2.0
// Separators and ends of lines are found 64 bytes at a time as bits of a word.
#include "data/block_parser.h"

#include <array>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "data/line_source.h"
#include "data/parse_fields.h"

namespace recforce::data {
namespace {

constexpr std::size_t kWord = 64;
constexpr std::size_t kMostColumns = 64;

#if defined(__AVX2__)
// Bit i is set where byte i of the 64 at `text` is `wanted`.
std::uint64_t Matches(const char* text, char wanted) {
  const __m256i pattern = _mm256_set1_epi8(wanted);
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + kWord / 2));
  const auto low_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, pattern)));
  const auto high_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, pattern)));
  return low_bits | static_cast<std::uint64_t>(high_bits) << 32U;
}
#else
std::uint64_t Matches(const char* text, char wanted) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < kWord; ++i) {
    bits |= static_cast<std::uint64_t>(text[i] == wanted) << i;
  }
  return bits;
}
#endif

// No NUL and nothing beyond ASCII.
bool IsPlain(std::string_view text) {
  unsigned any = 0;
  unsigned zeros = 0;
  for (const char character : text) {
    any |= static_cast<unsigned char>(character);
    zeros |= static_cast<unsigned>(character == '\0');
  }
  return any < 0x80 && zeros == 0;
}

class Parser {
 public:
  Parser(const FieldPlan& plan, ParsedBlock& block)
      : plan_(plan), block_(block), text_(block.text), is_plain_(IsPlain(block.text)) {}

  // Separators of one byte.
  void ParseBytes() {
    const char separator = plan_.separator.front();
    std::array<char, kWord> last{};
    for (std::size_t base = 0; base < text_.size(); base += kWord) {
      const char* bytes = text_.data() + base;
      if (text_.size() - base < kWord) {
        std::memcpy(last.data(), bytes, text_.size() - base);
        bytes = last.data();
      }
      std::uint64_t ends = Matches(bytes, separator) | Matches(bytes, '\n');
      while (ends != 0) {
        const std::size_t position = base + static_cast<std::size_t>(__builtin_ctzll(ends));
        ends &= ends - 1;
        if (text_[position] == '\n') {
          EndLine(position);
          begin_ = position + 1;
        } else {
          EndField(position);
        }
      }
    }
    if (begin_ < text_.size()) {
      EndLine(text_.size());
    }
  }

  // Separators of several bytes.
  void ParseLines() {
    while (begin_ < text_.size()) {
      const std::size_t end = std::min(text_.find('\n', begin_), text_.size());
      const std::string_view line = text_.substr(0, end);
      for (std::size_t found = line.find(plan_.separator, begin_); found != std::string_view::npos;
           found = line.find(plan_.separator, found + plan_.separator.size())) {
        EndField(found);
      }
      EndLine(end);
      begin_ = end + 1;
    }
  }

 private:
  void EndField(std::size_t end) {
    if (fields_ < kMostColumns) {
      ends_[fields_] = end;
    }
    ++fields_;
  }

  [[nodiscard]] std::string_view Field(std::size_t column) const {
    const std::size_t begin = column == 0 ? begin_ : ends_[column - 1] + plan_.separator.size();
    return text_.substr(begin, ends_[column] - begin);
  }

  void EndLine(std::size_t end) {
    if (end > begin_ && text_[end - 1] == '\r') {
      --end;
    }
    if (!IsBlank(text_.substr(begin_, end - begin_))) {
      EndField(end);
      if (!TakeRow(end)) {
        block_.irregular.push_back({begin_, block_.lines, block_.user.size()});
      }
    }
    ++block_.lines;
    fields_ = 0;
  }

  bool TakeRow(std::size_t end) {
    if (fields_ != plan_.columns || end - begin_ > kMaxLineBytes ||
        (!is_plain_ && FindTextFault(text_.substr(begin_, end - begin_)))) {
      return false;
    }
    const std::string_view user = Field(plan_.user);
    const std::string_view item = Field(plan_.item);
    std::int64_t time = 0;
    double value = 0.0;
    if (user.empty() || item.empty() || (plan_.time && ParseTime(Field(*plan_.time), time) != FieldFault::kNone) ||
        (plan_.value && ParseValue(Field(*plan_.value), value) != FieldFault::kNone)) {
      return false;
    }
    block_.user.push_back(user);
    block_.item.push_back(item);
    block_.line.push_back(block_.lines);
    if (plan_.time) {
      block_.time.push_back(time);
    }
    if (plan_.value) {
      block_.value.push_back(value);
    }
    return true;
  }

  const FieldPlan& plan_;
  ParsedBlock& block_;
  std::string_view text_;
  bool is_plain_;
  std::size_t begin_ = 0;   // of the line
  std::size_t fields_ = 0;  // of the line that have ended
  std::array<std::size_t, kMostColumns> ends_{};
};

}  // namespace

std::optional<FieldPlan> PlanFields(const RecordStyle& style, const LogColumns& columns) {
  if (columns.names.size() > kMostColumns || style.latin1 || columns.propensity || columns.position || columns.part ||
      columns.context || !columns.user_features.empty()) {
    return std::nullopt;
  }
  return FieldPlan{style.separator, style.quotes, columns.names.size(), columns.user,
                   columns.item,    columns.time, columns.value};
}

void ParseBlock(const FieldPlan& plan, ParsedBlock& block) {
  block.lines = 0;
  block.user.clear();
  block.item.clear();
  block.time.clear();
  block.value.clear();
  block.line.clear();
  block.irregular.clear();
  block.exact = plan.quotes && block.text.find('"') != std::string_view::npos;
  if (block.exact) {
    return;
  }
  Parser parser(plan, block);
  if (plan.separator.size() == 1) {
    parser.ParseBytes();
  } else {
    parser.ParseLines();
  }
}

}  // namespace recforce::data
