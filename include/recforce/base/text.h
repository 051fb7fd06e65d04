// SPDX-License-Identifier: Apache-2.0
// Numbers to text and back without locale, nearest names, and hashing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace recforce::base {

// The whole text must be the number; no spaces, no leading '+'. Empty when it is not, or when it overflows.
std::optional<std::int64_t> ParseInt(std::string_view text);
// Finite decimals only ("nan" and "inf" are refused).
std::optional<double> ParseReal(std::string_view text);
// Shortest text that reads back to the same number.
std::string FormatReal(double value);
// Fixed decimals: FormatFixed(0.41234, 4) == "0.4123".
std::string FormatFixed(double value, int decimals);
// 1234567 -> "1,234,567".
std::string FormatCount(std::int64_t value);

// The candidate nearest to `word` by edit distance, when near enough to be a slip of the fingers.
std::optional<std::string> Nearest(std::string_view word, std::span<const std::string> candidates);
// "; did you mean 'x'?" or "".
std::string DidYouMean(std::string_view word, std::span<const std::string> candidates);
// "a, b, c"
std::string Join(std::span<const std::string> words, std::string_view separator);

// Bytes of the UTF-8 character at the start of `text`, which is not empty; 0 when there is none (RFC 3629).
std::size_t Utf8Bytes(std::string_view text);
// True when `text` is valid UTF-8 (no overlong forms, no surrogates).
bool IsUtf8(std::string_view text);

// XXH3-128 in 32 hex digits, fed in pieces.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  void Add(std::span<const std::byte> bytes);
  void Add(std::string_view text) { Add(std::as_bytes(std::span(text.data(), text.size()))); }
  [[nodiscard]] std::string Hex() const;

 private:
  void* state_;
};

}  // namespace recforce::base
