// SPDX-License-Identifier: Apache-2.0
// The only file that sees yaml-cpp.
#include "config/yaml_value.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstddef>

#include "recforce/base/error.h"
#include "recforce/base/file_system.h"
#include "recforce/base/text.h"

namespace recforce::config {

namespace {

// An anchor may stand for a large part of a document many times over, or for itself.
constexpr int kMostValues = 100000;
constexpr int kDeepest = 100;

std::string Place(const std::string& path, const YAML::Mark& mark) {
  return mark.is_null() ? path : path + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

[[noreturn]] void Fail(const std::string& place, const std::string& what) {
  throw base::Error(base::ErrorKind::kUsage, place + ": " + what);
}

std::string ReadConfig(const std::string& path) {
  try {
    std::string text = base::ReadTextFile(path);
    if (!base::IsUtf8(text)) {
      Fail(path, "not valid UTF-8");
    }
    if (const std::size_t at = text.find('\0'); at != std::string::npos) {
      const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      Fail(path + ":" + std::to_string(line), "a NUL byte; expected text");
    }
    return text;
  } catch (const base::Error& error) {
    if (error.kind() == base::ErrorKind::kNotFound) {
      throw base::Error(base::ErrorKind::kUsage, error.what());
    }
    throw;
  }
}

// The parser quotes single bytes of what it refuses, which may be part of a character.
std::string Printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

// Copies nodes and counts them.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  YamlValue Read(const YAML::Node& node, int depth) {
    if (++count_ > kMostValues || depth > kDeepest) {
      Fail(Place(path_, node.Mark()), "more values, or more values inside each other, than a configuration has");
    }
    YamlValue value;
    if (!node.Mark().is_null()) {
      value.line = node.Mark().line + 1;
      value.column = node.Mark().column + 1;
    }
    if (node.IsScalar()) {
      value.kind = YamlValue::Kind::kScalar;
      value.text = node.Scalar();
    } else if (node.IsSequence()) {
      value.kind = YamlValue::Kind::kList;
      for (const YAML::Node& element : node) {
        value.items.push_back(Read(element, depth + 1));
      }
    } else if (node.IsMap()) {
      value.kind = YamlValue::Kind::kMap;
      for (const auto& entry : node) {
        value.keys.push_back(Read(entry.first, depth + 1));
        value.items.push_back(Read(entry.second, depth + 1));
      }
    }
    return value;
  }

 private:
  const std::string& path_;
  int count_ = 0;
};

}  // namespace

const YamlValue* YamlValue::Find(std::string_view key) const {
  for (std::size_t at = 0; at < keys.size(); ++at) {
    if (keys[at].is_scalar() && keys[at].text == key) {
      return &items[at];
    }
  }
  return nullptr;
}

std::string PlaceOf(const std::string& path, const YamlValue& value, bool with_column) {
  if (value.line == 0) {
    return path;
  }
  return path + ":" + std::to_string(value.line) + (with_column ? ":" + std::to_string(value.column) : "");
}

YamlValue ReadYaml(const std::string& path) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(ReadConfig(path));
    if (documents.size() > 1) {
      Fail(Place(path, documents[1].Mark()), "a second document; expected one");
    }
    return documents.empty() ? YamlValue() : Reader(path).Read(documents.front(), 0);
  } catch (const YAML::Exception& error) {
    Fail(Place(path, error.mark), "not valid YAML: " + Printable(error.msg));
  }
}

}  // namespace recforce::config
