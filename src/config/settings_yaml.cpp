// SPDX-License-Identifier: Apache-2.0
// Settings from a YAML file: our own layout, and RecBole's keys at the top level. Every complaint names
// file:line:column.
#include <algorithm>

#include "config/recbole.h"
#include "config/yaml_text.h"
#include "config/yaml_value.h"
#include "recforce/base/text.h"
#include "recforce/config/settings.h"

namespace recforce::config {

namespace {

[[noreturn]] void Fail(const std::string& place, const std::string& what) {
  throw base::Error(base::ErrorKind::kUsage, place + ": " + what);
}

const std::string& KeyText(const std::string& path, const YamlValue& key) {
  if (!key.is_scalar()) {
    Fail(PlaceOf(path, key), "a key is not a word");
  }
  return key.text;
}

// The text form of a value. Complaints point at the value, which may begin lines below its key; `place` is the key's,
// for a value that is not there.
std::string ValueText(const std::string& path, const std::string& place, const std::string& name, const Field& field,
                      const YamlValue& value) {
  if (value.is_null()) {
    Fail(place, name + " has no value");
  }
  if (value.is_scalar()) {
    return value.text;
  }
  const bool takes_list = field.type.starts_with("list");
  if (!value.is_list() || !takes_list) {
    Fail(PlaceOf(path, value), name + (value.is_list() ? " is a list" : " is a mapping") + "; expected " +
                                   (takes_list ? "a list" : "a single value"));
  }
  std::vector<std::string> elements;
  for (const YamlValue& element : value.items) {
    if (!element.is_scalar()) {
      Fail(PlaceOf(path, element), name + " has an element that is not a single value");
    }
    elements.push_back(QuoteYaml(element.text));
  }
  return "[" + base::Join(elements, ", ") + "]";
}

struct Item {
  std::string section;  // "" at the top level, where any key may stand
  std::string word;
  const YamlValue* key = nullptr;
  const YamlValue* value = nullptr;
};

// Refuses a name the second time.
class FirstLines {
 public:
  void Meet(const std::string& path, const std::string& what, const std::string& name, const YamlValue& key) {
    const auto [first, fresh] = lines_.emplace(name, key.line);
    if (!fresh) {
      Fail(PlaceOf(path, key), "duplicate " + what + "; the first is on line " + std::to_string(first->second));
    }
  }

 private:
  std::map<std::string, int> lines_;
};

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// `imported` says which entries of the root are done already.
std::vector<Item> Flatten(const std::string& path, const YamlValue& root, const std::vector<bool>& imported,
                          const std::vector<std::string>& known, const std::vector<std::string>& ignored) {
  std::vector<Item> items;
  FirstLines sections;
  for (std::size_t at = 0; at < root.keys.size(); ++at) {
    const YamlValue& value = root.items[at];
    const std::string& word = KeyText(path, root.keys[at]);
    const bool is_known = Has(known, word) || Has(ignored, word);
    if (imported[at]) {
      continue;
    }
    if (!is_known && !value.is_map()) {
      items.push_back({"", word, &root.keys[at], &value});
      continue;
    }
    if (!is_known) {
      Fail(PlaceOf(path, root.keys[at]), "unknown section '" + word + "'; expected one of " + base::Join(known, ", ") +
                                             base::DidYouMean(word, known));
    }
    sections.Meet(path, "section '" + word + "'", word, root.keys[at]);
    if (!value.is_map() && !value.is_null()) {
      Fail(PlaceOf(path, value), "section '" + word + "' is not a mapping; expected lines like 'key: value'");
    }
    for (std::size_t inner = 0; Has(known, word) && inner < value.keys.size(); ++inner) {
      items.push_back({word, KeyText(path, value.keys[inner]), &value.keys[inner], &value.items[inner]});
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
  const YamlValue root = ReadYaml(path);
  if (!root.is_map() && !root.is_null()) {
    Fail(PlaceOf(path, root), "not a mapping; expected lines like 'key: value'");
  }
  const RecboleImport import =
      ImportRecbole(path, root, home_, [this](const std::string& key) { return Candidates(key).size() == 1; });
  FirstLines fields;
  for (const ImportedSetting& setting : import.settings) {
    const std::string place = PlaceOf(path, *setting.key);
    const Slot slot = Resolve(setting.name, place);
    fields.Meet(path, "key '" + setting.key->text + "': it sets '" + NameOf(slot) + "' again", NameOf(slot),
                *setting.key);
    Assign(slot, setting.text, PlaceOf(path, *setting.value), PlaceOf(path, *setting.key, false));
  }
  for (const Item& item : Flatten(path, root, import.done, known, ignored)) {
    const std::string place = PlaceOf(path, *item.key);
    const Slot slot = item.section.empty() ? Resolve(item.word, place) : ResolveIn(item.section, item.word, place);
    const std::string name = NameOf(slot);
    fields.Meet(path, "key '" + item.word + "': it sets '" + name + "' again", name, *item.key);
    Assign(slot, ValueText(path, place, name, *slot.field, *item.value), PlaceOf(path, *item.value),
           PlaceOf(path, *item.key, false));
  }
  notices_.insert(notices_.end(), import.notices.begin(), import.notices.end());
}

}  // namespace recforce::config
