// SPDX-License-Identifier: Apache-2.0
// The parts that a log brings. Where its publisher left validation out, some of the training interactions become
// validation targets, so that early stopping and tuning never look at the test.
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>

#include "data/split_rows.h"
#include "data/split_rules.h"
#include "recforce/base/rng.h"

namespace recforce::data {
namespace {

// Where the training interactions of each user lie.
std::vector<std::size_t> TrainPlaces(const CsrView& rows, std::span<const Part> parts, std::int64_t user) {
  std::vector<std::size_t> places;
  const auto begin = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user)]);
  const auto end = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user) + 1]);
  for (std::size_t place = begin; place < end; ++place) {
    if (parts[place] == Part::kTrain) {
      places.push_back(place);
    }
  }
  return places;
}

bool HasTest(const CsrView& rows, std::span<const Part> parts, std::int64_t user) {
  const auto begin = parts.begin() + rows.offsets[static_cast<std::size_t>(user)];
  const auto end = parts.begin() + rows.offsets[static_cast<std::size_t>(user) + 1];
  return std::find(begin, end, Part::kTest) != end;
}

bool TestUsersAreStrangers(const CsrView& rows, std::span<const Part> parts) {
  std::int64_t known = 0;
  std::int64_t strangers = 0;
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    if (HasTest(rows, parts, user)) {
      ++(TrainPlaces(rows, parts, user).empty() ? strangers : known);
    }
  }
  return strangers > known;
}

// At most `count` of `users`, at random.
void Draw(std::vector<std::int64_t>& users, std::int64_t count, std::int64_t seed) {
  base::Rng rng(static_cast<std::uint64_t>(seed), base::Stream::kSplit, 0);
  rng.Shuffle(std::span<std::int64_t>(users));
  users.resize(std::min(users.size(), static_cast<std::size_t>(count)));
}

// The last of a user's training interactions becomes the target; the others are shown, and trained on no more.
void HoldOutUser(const std::vector<std::size_t>& places, std::span<Part> parts) {
  for (const std::size_t place : places) {
    parts[place] = Part::kInput;
  }
  parts[places.back()] = Part::kValidation;
}

void HoldOutRandom(const SplitConfig& config, std::int64_t user, std::vector<std::size_t> places,
                   std::span<Part> parts) {
  base::Rng rng(static_cast<std::uint64_t>(config.seed), base::Stream::kSplit, 1 + static_cast<std::uint64_t>(user));
  rng.Shuffle(std::span<std::size_t>(places));
  const std::int64_t count = ValidationShare(config, static_cast<std::int64_t>(places.size()));
  for (std::int64_t drawn = 0; drawn < count; ++drawn) {
    parts[places[static_cast<std::size_t>(drawn)]] = Part::kValidation;
  }
}

void TakeValidation(const Dataset& dataset, const SplitConfig& config, std::span<Part> parts) {
  const CsrView rows = dataset.interactions();
  const bool whole_users =
      config.validation_from == "users" || (config.validation_from == "auto" && TestUsersAreStrangers(rows, parts));
  std::vector<std::int64_t> users;
  std::int64_t training = 0;
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    const auto count = static_cast<std::int64_t>(TrainPlaces(rows, parts, user).size());
    training += count > 0 ? 1 : 0;
    if (count >= kFewestValidationFromItems && !(whole_users && HasTest(rows, parts, user))) {
      users.push_back(user);
    }
  }
  const auto eligible = static_cast<std::int64_t>(users.size());
  const std::int64_t fallback = whole_users ? HeldOutCount(0, training) : std::min(kMostHeldOutUsers, eligible);
  const std::int64_t count = config.validation_users > 0 ? config.validation_users : fallback;
  if (count > eligible || (whole_users && count >= training)) {
    ThrowSplitUsage("split.validation_users: more users than can be held out for validation: '" +
                    std::to_string(count) + "' of " + std::to_string(eligible) + " with at least " +
                    std::to_string(kFewestValidationFromItems) + " training interactions" +
                    (whole_users ? " and no test ones" : "") + "; expected fewer, or split.validation_from=none");
  }
  Draw(users, count, config.seed);
  for (const std::int64_t user : users) {
    const std::vector<std::size_t> places = TrainPlaces(rows, parts, user);
    if (whole_users) {
      HoldOutUser(places, parts);
    } else if (config.validation_from == "random") {
      HoldOutRandom(config, user, places, parts);
    } else {
      parts[places.back()] = Part::kValidation;
    }
  }
}

}  // namespace

std::vector<Part> LabelGiven(const Dataset& dataset, const SplitConfig& config) {
  if (dataset.parts().empty()) {
    ThrowSplitData(
        "split.kind: the log does not say which interactions are for training and which for test: 'given'; it needs a "
        "format with parts. take another kind");
  }
  std::vector<Part> parts;
  parts.reserve(dataset.parts().size());
  for (const std::uint8_t part : dataset.parts()) {
    parts.push_back(static_cast<Part>(part));
  }
  const bool has_validation = std::find(parts.begin(), parts.end(), Part::kValidation) != parts.end();
  if (has_validation && config.validation_from != "auto") {
    ThrowSplitUsage("split.validation_from: the log has validation interactions of its own: '" +
                    config.validation_from + "'; expected auto");
  }
  if (config.validation_from == "random" && dataset.repeats()) {
    ThrowSplitUsage(
        "split.validation_from: would put repeats of one interaction into training and into validation: 'random'; the "
        "log keeps repeats (--duplicates keep). take last or users");
  }
  if (!has_validation && config.validation_from != "none") {
    TakeValidation(dataset, config, parts);
  }
  return parts;
}

}  // namespace recforce::data
