// SPDX-License-Identifier: Apache-2.0
#include "recforce/config/search_space.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::config {
namespace {

constexpr std::string_view kDots = "..";

std::string Quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// Commas inside brackets or quotes belong to their choice.
std::vector<std::string> SplitChoices(std::string_view text) {
  std::vector<std::string> choices(1);
  int depth = 0;
  char quote = '\0';
  for (const char c : text) {
    if (quote != '\0') {
      quote = c == quote ? '\0' : quote;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == ']') {
      depth += c == '[' ? 1 : -1;
    } else if (c == ',' && depth <= 0) {
      choices.emplace_back();
      continue;
    }
    choices.back() += c;
  }
  return choices;
}

// Four significant digits, as the shortest text.
double Rounded(double value) {
  std::array<char, 32> text{};
  const char* end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific, 3).ptr;
  const std::string_view written(text.data(), static_cast<std::size_t>(end - text.data()));
  return base::ParseReal(written).value_or(value);
}

std::string ParseRange(std::string_view text, bool numeric, bool whole, SearchSpace& space) {
  if (!numeric) {
    return "has no range: " + Quoted(text) + "; expected choices with commas between them";
  }
  const std::size_t dots = text.find(kDots);
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view scale = colon < text.size() ? text.substr(colon + 1) : "linear";
  if (scale != "log" && scale != "linear") {
    return "has an unknown scale: " + Quoted(scale) + "; expected log or linear";
  }
  if (colon < dots) {
    return "is not a range: " + Quoted(text) + "; expected LOW..HIGH or LOW..HIGH:log";
  }
  const std::optional<double> low = base::ParseReal(text.substr(0, dots));
  const std::optional<double> high = base::ParseReal(text.substr(dots + kDots.size(), colon - dots - kDots.size()));
  if (!low || !high) {
    return "is not a range: " + Quoted(text) + "; expected LOW..HIGH or LOW..HIGH:log";
  }
  if (whole && (*low != std::floor(*low) || *high != std::floor(*high))) {
    return "is not a range of whole numbers: " + Quoted(text) + "; expected whole ends";
  }
  if (!(*low < *high)) {
    return "is an empty range: " + Quoted(text) + "; expected a low end below the high end";
  }
  if (scale == "log" && *low < (whole ? 1.0 : 1e-300)) {
    return "has no logarithms: " + Quoted(text) + "; expected a low end above 0";
  }
  space = {scale == "log" ? Scale::kLog : Scale::kLinear, whole, *low, *high, {}};
  return "";
}

}  // namespace

std::string SearchText(const SearchSpace& space) {
  if (!space.is_range()) {
    return base::Join(space.choices, ",");
  }
  return base::FormatReal(space.low) + std::string(kDots) + base::FormatReal(space.high) +
         (space.scale == Scale::kLog ? ":log" : "");
}

std::string ParseSearchText(std::string_view text, bool numeric, bool whole, SearchSpace& space) {
  if (text.find(kDots) != std::string_view::npos) {
    return ParseRange(text, numeric, whole, space);
  }
  std::vector<std::string> choices = SplitChoices(text);
  for (std::size_t at = 0; at < choices.size(); ++at) {
    if (choices[at].empty()) {
      return "has an empty choice: " + Quoted(text) + "; expected choices with commas between them, or LOW..HIGH";
    }
    if (std::find(choices.begin(), choices.begin() + static_cast<std::ptrdiff_t>(at), choices[at]) !=
        choices.begin() + static_cast<std::ptrdiff_t>(at)) {
      return "has a choice twice: " + Quoted(choices[at]) + "; name each one once";
    }
  }
  space = {};
  space.choices = std::move(choices);
  return "";
}

std::string DrawValue(const SearchSpace& space, base::Rng& rng) {
  const double u = rng.Uniform();
  if (!space.is_range()) {
    const auto count = static_cast<double>(space.choices.size());
    const auto at = static_cast<std::size_t>(u * count);
    return space.choices[std::min(at, space.choices.size() - 1)];
  }
  // A whole number n stands for [n, n + 1).
  const double end = space.whole ? space.high + 1.0 : space.high;
  const double value = space.scale == Scale::kLog
                           ? std::exp(std::log(space.low) + u * (std::log(end) - std::log(space.low)))
                           : space.low + u * (end - space.low);
  if (space.whole) {
    return std::to_string(static_cast<std::int64_t>(std::clamp(std::floor(value), space.low, space.high)));
  }
  return base::FormatReal(std::clamp(Rounded(value), space.low, space.high));
}

double PlaceInRange(const SearchSpace& space, double value) {
  RECFORCE_CHECK(space.is_range(), "choices have no order");
  if (space.scale == Scale::kLog) {
    return std::log(value / space.low) / std::log(space.high / space.low);
  }
  return (value - space.low) / (space.high - space.low);
}

}  // namespace recforce::config
