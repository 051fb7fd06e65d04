// SPDX-License-Identifier: Apache-2.0
// Settings from a YAML file. The only file that sees yaml-cpp; every complaint names file:line:column.
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "config/yaml_text.h"
#include "recforce/base/file_system.h"
#include "recforce/base/text.h"
#include "recforce/config/settings.h"

namespace recforce::config {

namespace {

std::string Place(const std::string& path, const YAML::Mark& mark, bool with_column = true) {
  if (mark.is_null()) {
    return path;
  }
  return path + ":" + std::to_string(mark.line + 1) + (with_column ? ":" + std::to_string(mark.column + 1) : "");
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

// The one document of the file; null when the file holds nothing.
YAML::Node Parse(const std::string& path) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(ReadConfig(path));
    if (documents.size() > 1) {
      Fail(Place(path, documents[1].Mark()), "a second document; expected one");
    }
    return documents.empty() ? YAML::Node() : documents.front();
  } catch (const YAML::Exception& error) {
    Fail(Place(path, error.mark), "not valid YAML: " + Printable(error.msg));
  }
}

std::string KeyText(const std::string& path, const YAML::Node& key) {
  if (!key.IsScalar()) {
    Fail(Place(path, key.Mark()), "a key is not a word");
  }
  return key.Scalar();
}

// The text form of a value. Complaints point at the value, which may begin lines below its key; `place` is the key's,
// for a value that is not there.
std::string ValueText(const std::string& path, const std::string& place, const std::string& name, const Field& field,
                      const YAML::Node& value) {
  if (value.IsNull()) {
    Fail(place, name + " has no value");
  }
  if (value.IsScalar()) {
    return value.Scalar();
  }
  const bool takes_list = field.type.starts_with("list");
  if (!value.IsSequence() || !takes_list) {
    Fail(Place(path, value.Mark()), name + (value.IsSequence() ? " is a list" : " is a mapping") + "; expected " +
                                        (takes_list ? "a list" : "a single value"));
  }
  std::vector<std::string> elements;
  for (const YAML::Node& element : value) {
    if (!element.IsScalar()) {
      Fail(Place(path, element.Mark()), name + " has an element that is not a single value");
    }
    elements.push_back(QuoteYaml(element.Scalar()));
  }
  return "[" + base::Join(elements, ", ") + "]";
}

struct Item {
  std::string section;  // "" at the top level, where any key may stand
  std::string word;
  YAML::Mark mark;  // of the key
  YAML::Node value;
};

// Refuses a name the second time.
class FirstLines {
 public:
  void Meet(const std::string& path, const std::string& what, const std::string& name, const YAML::Mark& mark) {
    const auto [first, fresh] = lines_.emplace(name, mark.line + 1);
    if (!fresh) {
      Fail(Place(path, mark), "duplicate " + what + "; the first is on line " + std::to_string(first->second));
    }
  }

 private:
  std::map<std::string, int> lines_;
};

std::vector<Item> Flatten(const std::string& path, const YAML::Node& root, const std::vector<std::string>& known,
                          const std::vector<std::string>& ignored) {
  if (!root.IsMap() && !root.IsNull()) {
    Fail(Place(path, root.Mark()), "not a mapping; expected lines like 'key: value'");
  }
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::vector<Item> items;
  FirstLines sections;
  for (const auto& entry : root) {
    const std::string word = KeyText(path, entry.first);
    const YAML::Mark mark = entry.first.Mark();
    const bool is_known = has(known, word) || has(ignored, word);
    if (!is_known && !entry.second.IsMap()) {
      items.push_back({"", word, mark, entry.second});
      continue;
    }
    if (!is_known) {
      Fail(Place(path, mark), "unknown section '" + word + "'; expected one of " + base::Join(known, ", ") +
                                  base::DidYouMean(word, known));
    }
    sections.Meet(path, "section '" + word + "'", word, mark);
    if (!entry.second.IsMap() && !entry.second.IsNull()) {
      Fail(Place(path, entry.second.Mark()),
           "section '" + word + "' is not a mapping; expected lines like 'key: value'");
    }
    for (const auto& inner : has(known, word) ? entry.second : YAML::Node()) {
      items.push_back({word, KeyText(path, inner.first), inner.first.Mark(), inner.second});
    }
  }
  return items;
}

}  // namespace

void Settings::LoadYaml(const std::string& path, const std::vector<std::string>& ignored) {
  std::vector<std::string> known;
  for (const Section& section : sections_) {
    if (!section.name().empty()) {
      known.push_back(section.name());
    }
  }
  FirstLines fields;
  for (const Item& item : Flatten(path, Parse(path), known, ignored)) {
    const std::string place = Place(path, item.mark);
    const Slot slot = item.section.empty() ? Resolve(item.word, place) : ResolveIn(item.section, item.word, place);
    const std::string name = NameOf(slot);
    fields.Meet(path, "key '" + item.word + "': it sets '" + name + "' again", name, item.mark);
    Assign(slot, ValueText(path, place, name, *slot.field, item.value), Place(path, item.value.Mark()),
           Place(path, item.mark, false));
  }
}

}  // namespace recforce::config
