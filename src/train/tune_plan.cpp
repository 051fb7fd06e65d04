// SPDX-License-Identifier: Apache-2.0
#include "train/tune_plan.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"

namespace recforce::train {
namespace {

// Draws of one trial that repeat earlier trials, after which the space counts as used up.
constexpr std::uint32_t kMostRedraws = 10000;

[[noreturn]] void Usage(const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); }

std::string KeysWithSpaces(const config::Settings& settings, const std::string& model) {
  std::vector<std::string> keys;
  for (const config::Field& field : settings.section(model).fields()) {
    if (field.search) {
      keys.push_back(model + "." + field.key);
    }
  }
  return base::Join(keys, ", ");
}

SearchedKey ReadAsked(const config::Settings& settings, const std::string& model, const std::string& asked) {
  const std::size_t equals = asked.find('=');
  const std::string name = asked.substr(0, equals);
  const std::string prefix = model + ".";
  const config::Section& section = settings.section(model);
  const config::Field* field =
      section.Find(name.starts_with(prefix) ? std::string_view(name).substr(prefix.size()) : std::string_view(name));
  if (field == nullptr) {
    std::vector<std::string> known;
    for (const config::Field& each : section.fields()) {
      known.push_back(each.key);
    }
    const std::string bare = name.starts_with(prefix) ? name.substr(prefix.size()) : name;
    const std::string hint = base::DidYouMean(bare, known);
    Usage("--search: not a setting of " + model + ": '" + name + "'" +
          (hint.empty() ? "; expected one of " + base::Join(known, ", ") : hint));
  }
  SearchedKey searched{prefix + field->key, field, {}};
  if (equals == std::string::npos) {
    if (!field->search) {
      Usage("--search: " + searched.key + " has no space of its own; expected " + searched.key +
            "=LOW..HIGH[:log] or " + searched.key + "=A,B,C");
    }
    searched.space = *field->search;
    return searched;
  }
  const bool whole = field->type == "int";
  std::string refused = config::ParseSearchText(std::string_view(asked).substr(equals + 1),
                                                whole || field->type == "real", whole, searched.space);
  if (refused.empty()) {
    config::Section scratch = settings.section(model).Clone();
    refused = config::CheckSearch(*field, searched.space, scratch.data());
  }
  if (!refused.empty()) {
    Usage("--search: " + searched.key + " " + refused);
  }
  return searched;
}

// `value` as the field writes it, so that equal values have equal texts.
std::string Canonical(config::Section& scratch, const config::Field& field, const std::string& value) {
  const std::string refused = scratch.Set(field, value);
  RECFORCE_CHECK(refused.empty(), "a drawn value is not allowed: " + refused);
  return scratch.Get(field);
}

}  // namespace

std::vector<SearchedKey> FindSearchedKeys(const config::Settings& settings, const std::string& model,
                                          const std::vector<std::string>& asked) {
  std::vector<SearchedKey> keys;
  for (const std::string& each : asked) {
    SearchedKey key = ReadAsked(settings, model, each);
    if (std::any_of(keys.begin(), keys.end(), [&](const SearchedKey& before) { return before.key == key.key; })) {
      Usage("--search: named twice: '" + key.key + "'; name each setting once");
    }
    keys.push_back(std::move(key));
  }
  if (!asked.empty()) {
    return keys;
  }
  for (const config::Field& field : settings.section(model).fields()) {
    const std::string key = model + "." + field.key;
    if (field.search && !settings.IsSet(key)) {
      keys.push_back({key, &field, *field.search});
    }
  }
  if (keys.empty()) {
    const std::string spaces = KeysWithSpaces(settings, model);
    Usage("recforce tune: nothing to search: " +
          (spaces.empty() ? "'" + model + "' has no setting with a search space"
                          : "every setting with a search space is set already (" + spaces + ")") +
          "; name what to search, like --search " +
          (spaces.empty() ? "KEY=LOW..HIGH[:log]" : spaces.substr(0, spaces.find(','))));
  }
  return keys;
}

std::vector<std::vector<std::string>> DrawTrials(const config::Settings& settings, const std::vector<SearchedKey>& keys,
                                                 std::uint64_t seed, std::int64_t count) {
  std::vector<std::vector<std::string>> trials;
  std::set<std::vector<std::string>> seen;
  const std::string model = keys.front().key.substr(0, keys.front().key.find('.'));
  config::Section scratch = settings.section(model).Clone();
  for (std::int64_t number = 1; number <= count; ++number) {
    std::vector<std::string> values;
    for (std::uint32_t attempt = 0; attempt < kMostRedraws; ++attempt) {
      base::Rng rng(seed, base::Stream::kSearch, static_cast<std::uint64_t>(number), attempt);
      values.clear();
      for (const SearchedKey& key : keys) {
        values.push_back(number == 1 ? settings.section(model).Get(*key.field)
                                     : Canonical(scratch, *key.field, config::DrawValue(key.space, rng)));
      }
      if (seen.insert(values).second) {
        break;
      }
      values.clear();
    }
    if (values.empty()) {
      break;
    }
    trials.push_back(std::move(values));
  }
  return trials;
}

std::vector<Rung> HalvingRungs(std::int64_t trials, std::int64_t planned_epochs) {
  std::int64_t shrink = 1;
  std::vector<std::int64_t> shrinks = {1};
  while (shrink * kHalvingFactor <= std::min(trials, planned_epochs)) {
    shrink *= kHalvingFactor;
    shrinks.push_back(shrink);
  }
  std::vector<Rung> rungs;
  for (std::int64_t left = trials; !shrinks.empty(); left /= kHalvingFactor) {
    rungs.push_back({left, shrinks.back()});
    shrinks.pop_back();
  }
  return rungs;
}

std::int64_t RungEpochs(const Rung& rung, std::int64_t planned_epochs, std::int64_t eval_every) {
  return std::max((planned_epochs + rung.shrink - 1) / rung.shrink, eval_every);
}

}  // namespace recforce::train
