// SPDX-License-Identifier: Apache-2.0
// Looking up keys, setting values with their origin, the environment, and writing YAML. Reading YAML is in
// settings_yaml.cpp.
#include "recforce/config/settings.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "config/yaml_text.h"
#include "recforce/base/text.h"

namespace recforce::config {

namespace {

std::string FullName(const std::string& section, const Field& field) {
  return section.empty() ? field.key : section + "." + field.key;
}

bool HasAlias(const Field& field, const std::string& name) {
  return std::find(field.aliases.begin(), field.aliases.end(), name) != field.aliases.end();
}

std::string UpperCase(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return upper;
}

// A key as it may be typed, and the name to offer when it is the nearest.
struct Spelling {
  std::string typed;
  std::string offered;
};

void AddSpellings(const Section& section, bool bare_is_enough, std::vector<Spelling>& spellings) {
  for (const Field& field : section.fields()) {
    const std::string full = FullName(section.name(), field);
    spellings.push_back({field.key, bare_is_enough ? field.key : full});
    spellings.push_back({full, full});
    for (const std::string& alias : field.aliases) {
      spellings.push_back({alias, alias});
    }
  }
}

std::string Suggest(const std::string& key, const std::vector<Spelling>& spellings) {
  std::vector<std::string> typed;
  for (const Spelling& spelling : spellings) {
    typed.push_back(spelling.typed);
  }
  const std::optional<std::string> nearest = base::Nearest(key, typed);
  if (!nearest) {
    return "";
  }
  const auto found = std::find(typed.begin(), typed.end(), *nearest) - typed.begin();
  return "; did you mean '" + spellings[static_cast<std::size_t>(found)].offered + "'?";
}

void CheckNames(const std::vector<Section>& sections) {
  std::set<std::string> names;
  for (const Section& section : sections) {
    RECFORCE_CHECK(names.insert(section.name()).second, "two sections are called '" + section.name() + "'");
    std::set<std::string> keys;
    for (const Field& field : section.fields()) {
      RECFORCE_CHECK(keys.insert(field.key).second, "two fields are called '" + field.key + "'");
      for (const std::string& alias : field.aliases) {
        RECFORCE_CHECK(keys.insert(alias).second, "two fields are called '" + alias + "'");
      }
    }
  }
}

}  // namespace

Settings::Settings(std::vector<Section> sections, std::string home)
    : sections_(std::move(sections)), home_(std::move(home)) {
  CheckNames(sections_);
}

Settings Settings::Clone() const {
  Settings clone = *this;
  for (Section& section : clone.sections_) {
    section = section.Clone();
  }
  return clone;
}

std::vector<Settings::Slot> Settings::Candidates(const std::string& key) const {
  std::vector<Slot> by_alias;
  const Field* top_level = nullptr;
  const Field* at_home = nullptr;
  std::size_t top_level_section = 0;
  std::size_t home_section = 0;
  for (std::size_t index = 0; index < sections_.size(); ++index) {
    const Section& section = sections_[index];
    const std::string prefix = section.name() + ".";
    if (!section.name().empty() && key.starts_with(prefix)) {
      if (const Field* field = section.Find(std::string_view(key).substr(prefix.size()))) {
        return {{index, field}};
      }
    } else if (section.name().empty()) {
      top_level = section.Find(key);
      top_level_section = index;
    } else if (section.name() == home_) {
      at_home = section.Find(key);
      home_section = index;
    } else if (const Field* field = section.Find(key); field != nullptr && HasAlias(*field, key)) {
      by_alias.push_back({index, field});
    }
  }
  if (top_level != nullptr) {
    return {{top_level_section, top_level}};
  }
  if (at_home != nullptr) {
    return {{home_section, at_home}};
  }
  return by_alias;
}

Settings::Slot Settings::Resolve(const std::string& key, const std::string& origin) const {
  const std::vector<Slot> candidates = Candidates(key);
  if (candidates.size() == 1) {
    return candidates.front();
  }
  std::vector<std::string> names;
  for (const Slot& slot : candidates) {
    names.push_back(NameOf(slot));
  }
  if (!names.empty()) {
    throw base::Error(base::ErrorKind::kUsage,
                      origin + ": ambiguous key '" + key + "'; expected one of " + base::Join(names, ", "));
  }
  std::vector<Spelling> spellings;  // those that need no section come first, so that they win a tie
  for (const bool bare_is_enough : {true, false}) {
    for (const Section& section : sections_) {
      if (bare_is_enough == (section.name().empty() || section.name() == home_)) {
        AddSpellings(section, bare_is_enough, spellings);
      }
    }
  }
  for (const Section& section : sections_) {
    names.push_back(section.name());
  }
  std::string hint = Suggest(key, spellings);
  if (hint.empty()) {
    names.erase(std::remove(names.begin(), names.end(), ""), names.end());
    hint = names.empty() ? "" : "; expected a key of one of the sections " + base::Join(names, ", ");
  }
  throw base::Error(base::ErrorKind::kUsage, origin + ": unknown key '" + key + "'" + hint);
}

Settings::Slot Settings::ResolveIn(const std::string& section, const std::string& key,
                                   const std::string& origin) const {
  std::vector<Spelling> spellings;
  std::vector<std::string> keys;
  for (std::size_t index = 0; index < sections_.size(); ++index) {
    if (sections_[index].name() != section) {
      continue;
    }
    if (const Field* field = sections_[index].Find(key)) {
      return {index, field};
    }
    AddSpellings(sections_[index], true, spellings);
    for (const Field& field : sections_[index].fields()) {
      keys.push_back(field.key);
    }
  }
  const std::string hint = Suggest(key, spellings);
  throw base::Error(base::ErrorKind::kUsage, origin + ": unknown key '" + key + "'" +
                                                 (hint.empty() ? "; expected one of " + base::Join(keys, ", ") : hint));
}

std::string Settings::NameOf(const Slot& slot) const { return FullName(sections_[slot.section].name(), *slot.field); }

void Settings::Assign(const Slot& slot, std::string_view text, const std::string& place, const std::string& origin) {
  const std::string name = NameOf(slot);
  const std::string refused = sections_[slot.section].Set(*slot.field, text);
  if (!refused.empty()) {
    throw base::Error(base::ErrorKind::kUsage, place + ": " + name + " " + refused);
  }
  origins_[name] = origin;
}

void Settings::Set(const std::string& key, std::string_view text, const std::string& origin) {
  Assign(Resolve(key, origin), text, origin, origin);
}

void Settings::LoadEnvironment(const std::vector<std::string>& variables) {
  std::map<std::string, std::string> set_by;  // field -> variable
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    const std::string name = variable.substr(0, equals);
    std::vector<std::string> known;  // variables of the sections whose prefix fits
    std::optional<Slot> slot;
    for (std::size_t index = 0; index < sections_.size(); ++index) {
      const std::string prefix = "RECFORCE_" + UpperCase(sections_[index].name()) + "_";
      if (sections_[index].name().empty() || equals == std::string::npos || !name.starts_with(prefix)) {
        continue;
      }
      for (const Field& field : sections_[index].fields()) {
        std::vector<std::string> keys = field.aliases;
        keys.insert(keys.begin(), field.key);
        for (const std::string& key : keys) {
          known.push_back(prefix + UpperCase(key));
          slot = known.back() == name ? Slot{index, &field} : slot;
        }
      }
    }
    if (slot) {
      const auto [first, fresh] = set_by.emplace(NameOf(*slot), name);
      if (!fresh) {
        throw base::Error(base::ErrorKind::kUsage,
                          name + ": duplicate setting of '" + first->first + "'; " + first->second + " sets it too");
      }
      Assign(*slot, std::string_view(variable).substr(equals + 1), name, name);
    } else if (!known.empty()) {
      throw base::Error(base::ErrorKind::kUsage,
                        "environment: unknown variable '" + name + "'" + base::DidYouMean(name, known));
    }
  }
}

std::vector<Settings::Entry> Settings::Entries() const {
  std::vector<Entry> entries;
  for (const Section& section : sections_) {
    for (const Field& field : section.fields()) {
      const auto origin = origins_.find(FullName(section.name(), field));
      entries.push_back(
          {section.name(), &field, section.Get(field), origin == origins_.end() ? "default" : origin->second});
    }
  }
  return entries;
}

bool Settings::IsSet(const std::string& key) const { return origins_.count(NameOf(Resolve(key, "settings"))) != 0; }

std::string Settings::ToYaml() const {
  // Top-level keys first: after a section they would still be valid, but look as if they belonged to it.
  std::string top_level;
  std::string nested;
  std::string last_section;
  for (const Entry& entry : Entries()) {
    const bool is_text = entry.field->type == "text" || entry.field->type == "choice";
    const std::string line = entry.field->key + ": " + (is_text ? QuoteYaml(entry.text) : entry.text) + "\n";
    if (entry.section.empty()) {
      top_level += line;
      continue;
    }
    if (entry.section != last_section) {
      nested += entry.section + ":\n";
      last_section = entry.section;
    }
    nested += "  " + line;
  }
  return top_level + nested;
}

const Section& Settings::section(std::string_view name) const {
  const auto found =
      std::find_if(sections_.begin(), sections_.end(), [&](const Section& section) { return section.name() == name; });
  RECFORCE_CHECK(found != sections_.end(), "no section is called '" + std::string(name) + "'");
  return *found;
}

}  // namespace recforce::config
