// SPDX-License-Identifier: Apache-2.0
// Numbers to text and back, nearest names, UTF-8. Nothing here looks at the locale.
#include "recforce/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace recforce::base {

namespace {

// A word longer than this is no slip of the fingers, and the distance costs the product of the lengths.
constexpr std::size_t kLongestWord = 128;

template <class T>
std::optional<T> ParseWhole(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return value;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return lower;
}

// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.
std::size_t EditDistance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before_last(right.size() + 1);
  std::vector<std::size_t> last(right.size() + 1);
  std::vector<std::size_t> current(right.size() + 1);
  for (std::size_t col = 0; col <= right.size(); ++col) {
    current[col] = col;
  }
  for (std::size_t row = 1; row <= left.size(); ++row) {
    std::swap(before_last, last);
    std::swap(last, current);
    current[0] = row;
    for (std::size_t col = 1; col <= right.size(); ++col) {
      const std::size_t substitution = last[col - 1] + (left[row - 1] == right[col - 1] ? 0 : 1);
      current[col] = std::min({substitution, last[col] + 1, current[col - 1] + 1});
      if (row > 1 && col > 1 && left[row - 1] == right[col - 2] && left[row - 2] == right[col - 1]) {
        current[col] = std::min(current[col], before_last[col - 2] + 1);
      }
    }
  }
  return current[right.size()];
}

}  // namespace

std::optional<std::int64_t> ParseInt(std::string_view text) { return ParseWhole<std::int64_t>(text); }

std::optional<double> ParseReal(std::string_view text) {
  const std::optional<double> value = ParseWhole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::string FormatReal(double value) {
  std::array<char, 64> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string FormatFixed(double value, int decimals) {
  std::string buffer(static_cast<std::size_t>(320 + std::max(decimals, 0)), '\0');  // 1e308 has 309 digits
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed,
                                    std::max(decimals, 0));
  buffer.resize(static_cast<std::size_t>(result.ptr - buffer.data()));
  return buffer;
}

std::string FormatCount(std::int64_t value) {
  std::string text = std::to_string(value);
  const std::size_t first_digit = value < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > first_digit + 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::optional<std::string> Nearest(std::string_view word, std::span<const std::string> candidates) {
  const std::string wanted = LowerCase(word);
  if (wanted.empty() || wanted.size() > kLongestWord) {
    return std::nullopt;
  }
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestWord) {
      continue;
    }
    const std::size_t distance = EditDistance(wanted, LowerCase(candidate));
    if (distance < best_distance && distance < candidate.size()) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

std::string DidYouMean(std::string_view word, std::span<const std::string> candidates) {
  const std::optional<std::string> nearest = Nearest(word, candidates);
  return nearest ? "; did you mean '" + *nearest + "'?" : "";
}

std::string Join(std::span<const std::string> words, std::string_view separator) {
  std::string joined;
  for (const std::string& word : words) {
    if (&word != words.data()) {
      joined += separator;
    }
    joined += word;
  }
  return joined;
}

std::size_t Utf8Bytes(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF ? 2 : (lead & 0xF0) == 0xE0 ? 3 : 4;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) {
    return 0;
  }
  // The second byte also rules out overlong forms, surrogates and code points past U+10FFFF.
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) {
    return 0;
  }
  for (std::size_t at = 2; at < length; ++at) {
    if ((byte(at) & 0xC0) != 0x80) {
      return 0;
    }
  }
  return length;
}

bool IsUtf8(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  while (!text.empty()) {
    std::uint64_t eight = kHighBits;
    if (text.size() >= sizeof(eight)) {
      std::memcpy(&eight, text.data(), sizeof(eight));
    }
    const std::size_t length = (eight & kHighBits) == 0 ? sizeof(eight) : Utf8Bytes(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace recforce::base
