// SPDX-License-Identifier: Apache-2.0
// The sections of a run, filled in layers: defaults < config files in order < environment < flags. Each value
// remembers its origin. Strict: an unknown key, a wrong type or a value out of range is Error(Usage) that names
// the place, the nearest key and what is allowed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "recforce/config/field_table.h"

namespace recforce::config {

// What a reader of a file should know about how it was understood.
struct Notice {
  bool warning = false;  // false: for information
  std::string text;
};

class Settings {
 public:
  // Sections in the order in which they are printed. A section named "" holds the top-level keys.
  // `home` is the section in which a key without a dot is looked up after "" (the algorithm's section), or "".
  explicit Settings(std::vector<Section> sections, std::string home = "");

  // The same values and origins in structs of their own; a copy shares its structs with the original.
  [[nodiscard]] Settings Clone() const;

  // `key` is "section.key", a top-level key, a key of the home section, or an alias that only one other section has
  // (the first of these that fits). `origin` prefixes messages and is remembered ("--set", "config.yaml:7"). Setting
  // the same field twice from one origin group is the caller's affair.
  void Set(const std::string& key, std::string_view text, const std::string& origin);

  // A YAML mapping: top-level keys, RecBole's among them, and one nested mapping per section. Sections listed in
  // `ignored` are skipped without complaint (other algorithms' sections of a shared file). Error(Usage) with file:line.
  void LoadYaml(const std::string& path, const std::vector<std::string>& ignored = {});

  // Of all files so far.
  [[nodiscard]] const std::vector<Notice>& notices() const { return notices_; }

  // RECFORCE_<SECTION>_<KEY> for every known section; a variable that begins with a known section's prefix and
  // names no key of it is an error, and top-level keys cannot come from the environment.
  void LoadEnvironment(const std::vector<std::string>& variables);  // "NAME=value"

  // Every field: "section.key" -> text, in table order.
  struct Entry {
    std::string section;
    const Field* field;
    std::string text;
    std::string origin;  // "default" when never set
  };
  [[nodiscard]] std::vector<Entry> Entries() const;
  [[nodiscard]] bool IsSet(const std::string& key) const;

  // YAML that LoadYaml reads back to the same settings.
  [[nodiscard]] std::string ToYaml() const;

  [[nodiscard]] const Section& section(std::string_view name) const;

 private:
  struct Slot {
    std::size_t section;
    const Field* field;
  };
  // The fields that `key` may mean: one, none, or several by alias.
  [[nodiscard]] std::vector<Slot> Candidates(const std::string& key) const;
  // The one field that `key` means, anywhere or in one section. Error(Usage) that begins with `origin`.
  [[nodiscard]] Slot Resolve(const std::string& key, const std::string& origin) const;
  [[nodiscard]] Slot ResolveIn(const std::string& section, const std::string& key, const std::string& origin) const;
  [[nodiscard]] std::string NameOf(const Slot& slot) const;
  // `place` begins the complaint when the text is refused; `origin` is remembered.
  void Assign(const Slot& slot, std::string_view text, const std::string& place, const std::string& origin);

  std::vector<Section> sections_;
  std::string home_;
  std::map<std::string, std::string> origins_;  // "section.key" -> origin
  std::vector<Notice> notices_;
};

// The table as Markdown, for docs/parameters.md.
std::string RenderMarkdown(const std::string& section, const FieldTable& fields);
// The table as lines for --help.
std::string RenderHelp(const std::string& section, const FieldTable& fields);

}  // namespace recforce::config
