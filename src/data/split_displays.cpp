// SPDX-License-Identifier: Apache-2.0
// Choices among what was shown: whole users are held out, and every click of one is a row. What stands in the log as
// the order of a display tells where the click is (in published files it is often the last item), so that order is
// thrown away: items are sorted and then shuffled.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "data/split_rows.h"
#include "data/split_rules.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

bool HasDisplays(const Displays& displays, std::int64_t user) {
  const auto index = static_cast<std::size_t>(user);
  return displays.user_offsets[index] < displays.user_offsets[index + 1];
}

// Whether the log says which displays are for training and which are not.
bool SaysParts(const Displays& displays) {
  return std::adjacent_find(displays.parts.begin(), displays.parts.end(), std::not_equal_to<>()) !=
         displays.parts.end();
}

// The part of a user by its displays; of one without displays, by its interactions.
Part PartOfUser(const Dataset& dataset, std::int64_t user) {
  const Displays& displays = dataset.displays();
  const auto index = static_cast<std::size_t>(user);
  if (!HasDisplays(displays, user)) {
    const CsrView log = dataset.interactions();
    const auto own = dataset.parts().empty()
                         ? std::span<const std::uint8_t>()
                         : dataset.parts().subspan(static_cast<std::size_t>(log.offsets[index]), log.row(user).size());
    const bool trains = std::all_of(own.begin(), own.end(),
                                    [](std::uint8_t part) { return part == static_cast<std::uint8_t>(Part::kTrain); });
    return trains ? Part::kTrain : Part::kTest;
  }
  const auto begin = displays.parts.begin() + displays.user_offsets[index];
  const auto end = displays.parts.begin() + displays.user_offsets[index + 1];
  if (std::find_if(begin, end, [&](std::uint8_t part) { return part != *begin; }) != end) {
    ThrowSplitData("split.kind: displays holds out whole users, and user " + QuoteUser(dataset, user) +
                   " has displays in two parts of the log; expected one part for each user. where `recforce data "
                   "displays` made them, --no-parts leaves the parts out");
  }
  if (static_cast<Part>(*begin) == Part::kInput) {
    ThrowSplitData("split.kind: displays has no use for a part that is only shown: user " + QuoteUser(dataset, user) +
                   "; expected training, validation or test");
  }
  return static_cast<Part>(*begin);
}

// Where the log has no validation users, random ones of training are.
void DrawValidation(const Dataset& dataset, const SplitConfig& config, std::vector<Part>& parts) {
  std::vector<std::int32_t> training;
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    if (parts[static_cast<std::size_t>(user)] == Part::kTrain && HasDisplays(dataset.displays(), user)) {
      training.push_back(static_cast<std::int32_t>(user));
    }
  }
  const auto users = static_cast<std::int64_t>(training.size());
  const std::int64_t count = HeldOutCount(config.validation_users, users);
  if (count >= users) {
    ThrowSplitUsage("split.validation_users: holds out too many users: '" + std::to_string(count) + "' of " +
                    std::to_string(users) + " with displays for training; at least one must be left");
  }
  base::Rng rng(static_cast<std::uint64_t>(config.seed), base::Stream::kSplit, 0);
  rng.Shuffle(std::span<std::int32_t>(training));
  for (std::int64_t drawn = 0; drawn < count; ++drawn) {
    parts[static_cast<std::size_t>(training[static_cast<std::size_t>(drawn)])] = Part::kValidation;
  }
}

std::vector<Part> PartsByLog(const Dataset& dataset, const SplitConfig& config) {
  std::vector<Part> parts;
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    parts.push_back(PartOfUser(dataset, user));
  }
  const bool has_validation = std::find(parts.begin(), parts.end(), Part::kValidation) != parts.end();
  if (config.test_users > 0 || (has_validation && config.validation_users > 0)) {
    const std::string key = config.test_users > 0 ? "test_users" : "validation_users";
    ThrowSplitUsage("split." + key + ": the parts of the displays say who is held out: '" +
                    std::to_string(config.test_users > 0 ? config.test_users : config.validation_users) +
                    "'; expected 0");
  }
  if (!has_validation) {
    DrawValidation(dataset, config, parts);
  }
  return parts;
}

std::vector<Part> PartsBeforeSwap(const Dataset& dataset, const SplitConfig& config) {
  if (SaysParts(dataset.displays())) {
    return PartsByLog(dataset, config);
  }
  std::vector<std::int32_t> users;
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    if (HasDisplays(dataset.displays(), user)) {
      users.push_back(static_cast<std::int32_t>(user));
    }
  }
  return HoldOutUsers(std::move(users), dataset.num_users(), config);
}

std::vector<Part> PartsOfUsers(const Dataset& dataset, const SplitConfig& config) {
  std::vector<Part> parts = PartsBeforeSwap(dataset, config);
  for (Part& part : parts) {
    if (config.swap && part != Part::kValidation) {
      part = part == Part::kTrain ? Part::kTest : Part::kTrain;
    }
  }
  return parts;
}

// Displays as choices.
class ChoiceMaker {
 public:
  ChoiceMaker(const Dataset& dataset, std::int64_t seed)
      : dataset_(dataset), displays_(dataset.displays()), seed_(static_cast<std::uint64_t>(seed)) {}

  // Adds the choices of a user, if it has displays.
  void AddUser(std::int64_t user, DisplaySet& set) {
    if (!HasDisplays(displays_, user)) {
      return;
    }
    const auto index = static_cast<std::size_t>(user);
    for (std::int64_t display = displays_.user_offsets[index]; display < displays_.user_offsets[index + 1]; ++display) {
      Take(user, display);
      AddChoices(set);
    }
    set.AddUser(static_cast<std::int32_t>(user));
  }

 private:
  // Distinct items in an order of chance; an item that stands twice is clicked when one of them is.
  void Take(std::int64_t user, std::int64_t display) {
    const auto index = static_cast<std::size_t>(display);
    shown_.clear();
    for (auto place = static_cast<std::size_t>(displays_.offsets[index]);
         place < static_cast<std::size_t>(displays_.offsets[index + 1]); ++place) {
      shown_.emplace_back(displays_.items[place], displays_.clicked[place] == 0);
    }
    if (shown_.empty()) {
      ThrowSplitData("split.kind: a display of user " + QuoteUser(dataset_, user) +
                     " shows nothing: '0' items; expected at least one");
    }
    std::sort(shown_.begin(), shown_.end());  // what is clicked before what is not
    shown_.erase(
        std::unique(shown_.begin(), shown_.end(), [](const auto& a, const auto& b) { return a.first == b.first; }),
        shown_.end());
    base::Rng rng(seed_, base::Stream::kShuffle, static_cast<std::uint64_t>(display));
    rng.Shuffle(std::span(shown_));
  }

  // Each click is a choice among what the clicks before it left.
  void AddChoices(DisplaySet& set) {
    const auto next_click = [this] {
      return std::find_if(shown_.begin(), shown_.end(), [](const auto& item) { return !item.second; });
    };
    auto clicked = next_click();
    if (clicked == shown_.end()) {
      AddChoice(-1, set);
    }
    for (; clicked != shown_.end(); clicked = next_click()) {
      AddChoice(static_cast<std::int32_t>(clicked - shown_.begin()), set);
      shown_.erase(clicked);
    }
  }

  void AddChoice(std::int32_t place, DisplaySet& set) {
    items_.clear();
    for (const auto& [item, ignored] : shown_) {
      items_.push_back(item);
    }
    set.AddChoice(items_, place);
  }

  const Dataset& dataset_;
  const Displays& displays_;
  const std::uint64_t seed_;
  std::vector<std::pair<std::int32_t, bool>> shown_;  // with whether it was passed over
  std::vector<std::int32_t> items_;                   // of shown_
};

// Every choice is preceded by up to all others of its user: a few people with very many would fill any memory.
void RequireShortHistories(const Dataset& dataset, const DisplaySet& validation, const DisplaySet& test) {
  PrefixEvents before;
  for (const DisplaySet* set : {&validation, &test}) {
    for (std::size_t user = 0; user < set->users.size(); ++user) {
      before.Add(set->users[user], set->user_offsets[user + 1] - set->user_offsets[user]);
    }
  }
  if (before.TooMany()) {
    ThrowSplitUsage("split.kind: the choices before those of the held-out users are too many: " + before.Describe() +
                    ". user " + QuoteUser(dataset, before.longest_user()) + " alone has " +
                    base::FormatCount(before.longest()));
  }
}

// A row for every click. The catalogue is all of the dataset, so that its items are those of the dataset.
void AddRows(const DisplaySet& choices, bool among_shown, RowWriter& writer, Split& split, EvalSet& set) {
  std::vector<std::int32_t> before;
  for (std::size_t user = 0; user < choices.users.size(); ++user) {
    before.clear();
    for (std::int64_t display = choices.user_offsets[user]; display < choices.user_offsets[user + 1]; ++display) {
      const std::int32_t chosen = choices.chosen(display);
      if (chosen < 0) {
        continue;
      }
      writer.AddEval(set, choices.users[user], before, std::span(&chosen, 1), split.seen_targets_dropped);
      if (among_shown) {
        set.candidates.AddRow(choices.shown(display));
      }
      before.push_back(chosen);
    }
    split.users_without_targets += before.empty() ? 1 : 0;
  }
}

void RequireDisplays(const Dataset& dataset, const std::string& what) {
  if (dataset.displays().size() == 0) {
    ThrowSplitData(what +
                   "; it needs a log of displays (`recforce data convert --format displays`). `recforce data displays` "
                   "makes them of interactions");
  }
}

}  // namespace

DisplaySet AllChoices(const Dataset& dataset, std::int64_t seed) {
  RequireDisplays(dataset, dataset.directory().string() + ": the dataset does not say what was shown: '0' displays");
  DisplaySet set;
  ChoiceMaker choices(dataset, seed);
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    choices.AddUser(user, set);
  }
  return set;
}

void SplitDisplays(const Dataset& dataset, Split& split) {
  RequireDisplays(dataset, "split.kind: the dataset does not say what was shown: 'displays'");
  const std::vector<Part> parts = PartsOfUsers(dataset, split.config);
  split.catalogue.resize(static_cast<std::size_t>(dataset.num_items()));
  std::iota(split.catalogue.begin(), split.catalogue.end(), 0);
  RowWriter training(split.num_items(), dataset.repeats(), false);
  ChoiceMaker choices(dataset, split.config.seed);
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    const Part part = parts[static_cast<std::size_t>(user)];
    const std::span<const std::int32_t> log = dataset.interactions().row(user);
    if (part == Part::kTrain) {
      choices.AddUser(user, split.train_displays);
      if (!log.empty()) {
        std::vector<std::int64_t> places(log.size());
        std::iota(places.begin(), places.end(), dataset.interactions().offsets[static_cast<std::size_t>(user)]);
        training.AddTrain(split, user, log, places);
      }
      continue;
    }
    choices.AddUser(user, part == Part::kValidation ? split.validation_displays : split.test_displays);
    if (!HasDisplays(dataset.displays(), user) && !log.empty()) {
      ++split.users_without_targets;
    }
  }
  RequireShortHistories(dataset, split.validation_displays, split.test_displays);
  RowWriter rows(split.num_items(), true, false);
  rows.OmitEqualSequences();
  rows.TakeEmptyInputs();
  const bool among_shown = split.candidates == kDisplays;
  AddRows(split.validation_displays, among_shown, rows, split, split.validation);
  AddRows(split.test_displays, among_shown, rows, split, split.test);
}

}  // namespace recforce::data
