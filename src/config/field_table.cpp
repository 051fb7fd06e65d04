// SPDX-License-Identifier: Apache-2.0
// The types of fields: how each is read from text, checked and written back. A refusal is a phrase that follows
// the key, such as `is out of range: '0'; expected [1, 100]`.
#include "recforce/config/field_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "config/yaml_text.h"
#include "recforce/base/text.h"

namespace recforce::config {

namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpaces);
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::string Quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// Text that can be shown, stored in YAML and read back.
std::string RefuseText(std::string_view text) {
  if (!base::IsUtf8(text)) {
    return "is not valid UTF-8";
  }
  const bool has_control = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  return has_control ? "has a control character in it" : "";
}

std::string IntRange(std::int64_t low, std::int64_t high) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (low == Limits::min() && high == Limits::max()) {
    return "";
  }
  return (low == Limits::min() ? "(-inf" : "[" + std::to_string(low)) + ", " +
         (high == Limits::max() ? "inf)" : std::to_string(high) + "]");
}

std::string RealRange(double low, double high) {
  const bool any_low = low <= std::numeric_limits<double>::lowest();
  const bool any_high = high >= std::numeric_limits<double>::max();
  if (any_low && any_high) {
    return "";
  }
  return (any_low ? "(-inf" : "[" + base::FormatReal(low)) + ", " + (any_high ? "inf)" : base::FormatReal(high) + "]");
}

std::string In(const std::string& range) { return range.empty() ? "" : " in " + range; }

// "" and `value`, or why not.
std::string ReadInt(std::string_view text, std::int64_t low, std::int64_t high, std::int64_t& value) {
  const std::string range = IntRange(low, high);
  const std::optional<std::int64_t> parsed = base::ParseInt(Trim(text));
  if (!parsed) {
    return "is not a whole number: " + Quoted(text) + "; expected one" + In(range.empty() ? "64 bits" : range);
  }
  if (*parsed < low || *parsed > high) {
    return "is out of range: " + Quoted(text) + "; expected a whole number" + In(range);
  }
  value = *parsed;
  return "";
}

struct ListText {
  std::vector<std::string> elements;
  std::string refused;  // "" when the text is a list
};

// Reads one element at the front of `rest`, plain or in quotes, and leaves what follows it.
std::string TakeElement(std::string_view& rest, std::string& element) {
  rest = Trim(rest);
  if (rest.empty() || rest.front() == ',') {
    return "has an empty element";
  }
  const char quote = rest.front();
  if (quote != '"' && quote != '\'') {
    const std::size_t end = std::min(rest.find(','), rest.size());
    element = Trim(rest.substr(0, end));
    rest.remove_prefix(end);
    return "";
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != quote; ++at) {
    const bool escape = quote == '"' && rest[at] == '\\' && at + 1 < rest.size();
    element += rest[escape ? ++at : at];
  }
  if (at >= rest.size()) {
    return "has a quote that is not closed";
  }
  rest = Trim(rest.substr(at + 1));
  return rest.empty() || rest.front() == ',' ? "" : "has text after a closing quote";
}

// "600, 300", "[600, 300]" or "[]".
ListText SplitList(std::string_view text) {
  ListText list;
  std::string_view rest = Trim(text);
  if (!rest.empty() && rest.front() == '[') {
    if (rest.size() < 2 || rest.back() != ']') {
      list.refused = "has a bracket that is not closed: " + Quoted(text) + "; expected a list like [a, b]";
      return list;
    }
    rest = Trim(rest.substr(1, rest.size() - 2));
  }
  while (!rest.empty()) {
    std::string element;
    const std::string refused = TakeElement(rest, element);
    if (refused.empty() && rest.size() > 1) {
      rest.remove_prefix(1);
    } else if (!refused.empty() || rest == ",") {
      list.refused =
          (refused.empty() ? "has an empty element" : refused) + ": " + Quoted(text) + "; expected a list like [a, b]";
      return list;
    }
    list.elements.push_back(std::move(element));
  }
  return list;
}

std::string BracketList(const std::vector<std::string>& elements) { return "[" + base::Join(elements, ", ") + "]"; }

std::string WriteIntList(const std::vector<std::int64_t>& values) {
  std::vector<std::string> elements;
  std::transform(values.begin(), values.end(), std::back_inserter(elements),
                 [](std::int64_t value) { return std::to_string(value); });
  return BracketList(elements);
}

std::string WriteTextList(const std::vector<std::string>& values) {
  std::vector<std::string> elements;
  std::transform(values.begin(), values.end(), std::back_inserter(elements), QuoteYaml);
  return BracketList(elements);
}

// The accessors of the table take a mutable struct; reading does not change it.
void* Mutable(const void* config) { return const_cast<void*>(config); }

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

}  // namespace

std::string QuoteYaml(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
  // Words and numbers that YAML 1.1 or 1.2 would read as something else than text.
  constexpr std::string_view kWords[] = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"};
  const std::string lower = LowerCase(text);
  const bool plain = !text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos &&
                     (lower[0] >= 'a' || lower[0] == '/') &&
                     std::find(std::begin(kWords), std::end(kWords), lower) == std::end(kWords);
  if (plain) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + '"';
}

const Field* Section::Find(std::string_view key) const {
  for (const Field& field : *fields_) {
    if (field.key == key || std::find(field.aliases.begin(), field.aliases.end(), key) != field.aliases.end()) {
      return &field;
    }
  }
  return nullptr;
}

std::string CheckSearch(const Field& field, const SearchSpace& space, void* config) {
  std::vector<std::string> texts = space.choices;
  if (space.is_range()) {
    texts = {base::FormatReal(space.low), base::FormatReal(space.high)};
    if (space.whole) {
      texts = {std::to_string(static_cast<std::int64_t>(space.low)),
               std::to_string(static_cast<std::int64_t>(space.high))};
    }
  }
  for (const std::string& text : texts) {
    if (std::string refused = field.set(config, text); !refused.empty()) {
      return refused;
    }
  }
  return "";
}

namespace internal {

void AddRange(Field& field, double low, double high, Scale scale, void* scratch) {
  const bool whole = field.type == "int";
  RECFORCE_CHECK(whole || field.type == "real", "'" + field.key + "' is searched in a range, but is no number");
  RECFORCE_CHECK(low < high && (scale == Scale::kLinear || low >= (whole ? 1.0 : 1e-300)),
                 "the range in which '" + field.key + "' is searched is empty or has no logarithms");
  field.search = SearchSpace{scale, whole, low, high, {}};
  const std::string refused = CheckSearch(field, *field.search, scratch);
  RECFORCE_CHECK(refused.empty(), "search of '" + field.key + "': " + refused);
}

void AddChoices(Field& field, std::vector<std::string> choices, void* scratch) {
  RECFORCE_CHECK(!choices.empty(), "the list in which '" + field.key + "' is searched is empty");
  field.search.emplace().choices = std::move(choices);
  const std::string refused = CheckSearch(field, *field.search, scratch);
  RECFORCE_CHECK(refused.empty(), "search of '" + field.key + "': " + refused);
}

Field MakeInt(std::string key, std::int64_t initial, std::int64_t low, std::int64_t high, std::string doc,
              std::function<std::int64_t&(void*)> at) {
  auto set = [at, low, high](void* config, std::string_view text) { return ReadInt(text, low, high, at(config)); };
  auto get = [at](const void* config) { return std::to_string(at(Mutable(config))); };
  return {std::move(key), "int", std::to_string(initial), IntRange(low, high), std::move(doc), {}, set, get};
}

Field MakeReal(std::string key, double initial, double low, double high, std::string doc,
               std::function<double&(void*)> at) {
  const std::string range = RealRange(low, high);
  auto set = [at, low, high, range](void* config, std::string_view text) -> std::string {
    const std::optional<double> parsed = base::ParseReal(Trim(text));
    if (!parsed) {
      return "is not a number: " + Quoted(text) + "; expected a decimal" + In(range);
    }
    if (*parsed < low || *parsed > high) {
      return "is out of range: " + Quoted(text) + "; expected a decimal" + In(range);
    }
    at(config) = *parsed;
    return "";
  };
  auto get = [at](const void* config) { return base::FormatReal(at(Mutable(config))); };
  return {std::move(key), "real", base::FormatReal(initial), range, std::move(doc), {}, set, get};
}

Field MakeBool(std::string key, bool initial, std::string doc, std::function<bool&(void*)> at) {
  auto set = [at](void* config, std::string_view text) -> std::string {
    const std::string word = LowerCase(Trim(text));
    if (word != "true" && word != "false") {
      return "is not a truth value: " + Quoted(text) + "; expected true or false";
    }
    at(config) = word == "true";
    return "";
  };
  auto get = [at](const void* config) -> std::string { return at(Mutable(config)) ? "true" : "false"; };
  return {std::move(key), "bool", initial ? "true" : "false", "true|false", std::move(doc), {}, set, get};
}

Field MakeText(std::string key, std::string initial, std::vector<std::string> choices, std::string doc,
               std::function<std::string&(void*)> at) {
  std::string allowed = base::Join(choices, "|");
  std::string type = choices.empty() ? "text" : "choice";
  auto set = [at, choices = std::move(choices)](void* config, std::string_view text) -> std::string {
    std::string refused = RefuseText(text);
    if (refused.empty() && !choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
      refused = "is not one of its choices: " + Quoted(text) + "; expected " + base::Join(choices, ", ") +
                base::DidYouMean(text, choices);
    }
    if (refused.empty()) {
      at(config) = text;
    }
    return refused;
  };
  auto get = [at](const void* config) { return at(Mutable(config)); };
  return {std::move(key), std::move(type), QuoteYaml(initial), std::move(allowed), std::move(doc), {}, set, get};
}

Field MakeIntList(std::string key, std::vector<std::int64_t> initial, std::int64_t low, std::int64_t high,
                  std::string doc, std::function<std::vector<std::int64_t>&(void*)> at) {
  auto set = [at, low, high](void* config, std::string_view text) -> std::string {
    const ListText list = SplitList(text);
    std::string refused = list.refused;
    std::vector<std::int64_t> values;
    for (const std::string& element : list.elements) {
      values.push_back(0);
      if (refused.empty() && !(refused = ReadInt(element, low, high, values.back())).empty()) {
        refused = "has an element that " + refused;
      }
    }
    if (refused.empty()) {
      at(config) = std::move(values);
    }
    return refused;
  };
  auto get = [at](const void* config) { return WriteIntList(at(Mutable(config))); };
  return {std::move(key), "list of int", WriteIntList(initial), IntRange(low, high), std::move(doc), {}, set, get};
}

Field MakeTextList(std::string key, std::vector<std::string> initial, std::string doc,
                   std::function<std::vector<std::string>&(void*)> at) {
  auto set = [at](void* config, std::string_view text) -> std::string {
    std::string refused = RefuseText(text);
    if (refused.empty()) {
      ListText list = SplitList(text);
      refused = list.refused;
      if (refused.empty()) {
        at(config) = std::move(list.elements);
      }
    }
    return refused;
  };
  auto get = [at](const void* config) { return WriteTextList(at(Mutable(config))); };
  return {std::move(key), "list of text", WriteTextList(initial), "", std::move(doc), {}, set, get};
}

}  // namespace internal

}  // namespace recforce::config
