// SPDX-License-Identifier: Apache-2.0
// The parser's callbacks build the tree from the outside in; a stack holds what is still open.
#include "data/json_tree.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "data/line_source.h"

namespace recforce::data {
namespace {

using Json = nlohmann::json;
using Kind = JsonTree::Kind;

class Builder {
 public:
  explicit Builder(JsonTree& root) : root_(root) {}

  // The interface of the parser; false stops it.
  // NOLINTBEGIN(readability-identifier-naming)
  bool null() { return Put(Kind::kNull) != nullptr; }
  bool boolean(bool value) { return Put(Kind::kBool)->boolean = value, true; }
  bool number_integer(std::int64_t value) { return Number(static_cast<double>(value), std::to_string(value)); }
  bool number_unsigned(std::uint64_t value) { return Number(static_cast<double>(value), std::to_string(value)); }
  bool number_float(double value, const std::string& /*text*/) { return Number(value, {}); }
  bool string(std::string& text) { return Put(Kind::kText)->text = std::move(text), true; }
  bool binary(Json::binary_t& /*value*/) { return false; }
  bool start_object(std::size_t /*size*/) { return Open(Kind::kObject); }
  bool start_array(std::size_t /*size*/) { return Open(Kind::kArray); }
  bool end_object() { return open_.pop_back(), true; }
  bool end_array() { return open_.pop_back(), true; }
  bool key(std::string& name) { return open_.back()->names.push_back(std::move(name)), true; }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/, const Json::exception& /*error*/) {
    return false;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  JsonTree* Put(Kind kind) {
    JsonTree& tree = open_.empty() ? root_ : open_.back()->values.emplace_back();
    tree.kind = kind;
    return &tree;
  }
  bool Number(double value, std::string text) {
    JsonTree* tree = Put(Kind::kNumber);
    tree->number = value;
    tree->text = std::move(text);
    return true;
  }
  bool Open(Kind kind) {
    if (open_.size() == kMaxJsonDepth) {
      return false;
    }
    // Values of what is open already do not move: only the innermost vector grows.
    open_.push_back(Put(kind));
    return true;
  }

  JsonTree& root_;
  std::vector<JsonTree*> open_;
};

template <class T>
void AppendShortest(T value, std::string& out) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

}  // namespace

const JsonTree* JsonTree::Find(std::string_view name) const {
  for (std::size_t i = names.size(); i > 0; --i) {
    if (names[i - 1] == name) {
      return values[i - 1].IsNull() ? nullptr : &values[i - 1];
    }
  }
  return nullptr;
}

std::optional<std::string_view> JsonTree::Id() const {
  const bool is_id = (kind == Kind::kText || kind == Kind::kNumber) && !text.empty() && !FindTextFault(text);
  return is_id ? std::optional<std::string_view>(text) : std::nullopt;
}

std::optional<JsonTree> ParseJsonTree(std::string_view text) {
  JsonTree tree;
  Builder builder(tree);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return std::nullopt;
  }
  return tree;
}

void AppendJsonText(std::string_view text, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += '"';
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      out += '\\';
      out += character;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    } else {
      out += character;
    }
  }
  out += '"';
}

void AppendJsonNumber(double value, std::string& out) { AppendShortest(value, out); }
void AppendJsonNumber(float value, std::string& out) { AppendShortest(value, out); }

}  // namespace recforce::data
