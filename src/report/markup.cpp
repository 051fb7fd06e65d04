// SPDX-License-Identifier: Apache-2.0
// Escaping, and the repair of bytes that are no text.
#include "report/markup.h"

#include <algorithm>
#include <cstddef>

#include "recforce/base/text.h"

namespace recforce::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::size_t kLongestSequence = 4;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Length of the character at the start of `text`, or 0 when there is none.
std::size_t CharacterLength(std::string_view text) {
  std::size_t length = 1;
  while (length < std::min(kLongestSequence, text.size()) && IsContinuation(text[length])) {
    ++length;
  }
  return base::IsUtf8(text.substr(0, length)) ? length : 0;
}

bool IsForbidden(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) {
    return first < 0x20 || first == 0x7F;
  }
  const bool is_c1_control = first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
  return is_c1_control || character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF";
}

}  // namespace

std::string CleanText(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    std::size_t length = CharacterLength(text);
    if (text[0] == '\t' || text[0] == '\n' || text[0] == '\r') {
      clean += ' ';
    } else if (length == 0 || IsForbidden(text.substr(0, length))) {
      clean += kReplacement;
    } else {
      clean += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : CleanText(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string ShellQuote(std::string_view word) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=,@%+-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(word);
  }
  std::string quoted = "'";
  for (const char c : word) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

}  // namespace recforce::report
