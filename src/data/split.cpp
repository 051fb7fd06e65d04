// SPDX-License-Identifier: Apache-2.0
// Cuts a dataset into train, validation and test. strong_generalization holds out users; the other kinds label
// every interaction with its part and share the assembly. Rows keep the time order of the dataset. All steps are
// linear in the number of interactions, and what happens to one user depends on no other user's draws.
#include "recforce/data/split.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>

#include "data/split_rules.h"
#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

const std::vector<std::string>& Kinds() {
  static const std::vector<std::string> kinds = {kStrongGeneralization, kLeaveLastOut, kGlobalTime, kRandomRatio};
  return kinds;
}

[[noreturn]] void ThrowUsage(const std::string& message) { throw Error(ErrorKind::kUsage, message); }
[[noreturn]] void ThrowData(const std::string& message) { throw Error(ErrorKind::kData, message); }

void ValidateCount(const std::string& key, std::int64_t count) {
  if (count < 0) {
    ThrowUsage(key + ": is negative: '" + std::to_string(count) + "'; expected 0 (a tenth of the users) or a count");
  }
}

void ValidateRatio(const std::string& key, double ratio) {
  if (!(ratio >= 0.0 && ratio < 1.0)) {
    ThrowUsage(key + ": is out of range: '" + base::FormatReal(ratio) + "'; expected a number from 0 to below 1");
  }
}

void Validate(const SplitConfig& config) {
  if (std::find(Kinds().begin(), Kinds().end(), config.kind) == Kinds().end()) {
    ThrowUsage("split.kind: no such split: '" + config.kind + "'; allowed: " + base::Join(Kinds(), ", ") +
               base::DidYouMean(config.kind, Kinds()));
  }
  ValidateCount("split.validation_users", config.validation_users);
  ValidateCount("split.test_users", config.test_users);
  if (!(config.fold_in > 0.0 && config.fold_in < 1.0)) {
    ThrowUsage("split.fold_in: is out of range: '" + base::FormatReal(config.fold_in) +
               "'; expected a number between 0 and 1, both excluded");
  }
  ValidateRatio("split.validation_ratio", config.validation_ratio);
  ValidateRatio("split.test_ratio", config.test_ratio);
  if (config.validation_ratio + config.test_ratio > 1.0 - 1e-9) {
    ThrowUsage("split.validation_ratio and split.test_ratio: leave nothing for training: '" +
               base::FormatReal(config.validation_ratio) + "' and '" + base::FormatReal(config.test_ratio) +
               "'; their sum must be below 1");
  }
}

// Dataset items to catalogue items.
class CatalogueBuilder {
 public:
  explicit CatalogueBuilder(const Dataset& dataset) : index_(static_cast<std::size_t>(dataset.num_items()), -1) {}
  void Train(std::int32_t item) { index_[static_cast<std::size_t>(item)] = 0; }
  // Numbers the items that were passed to Train, in ascending order, and returns them.
  std::vector<std::int32_t> Finish() {
    std::vector<std::int32_t> catalogue;
    for (std::size_t item = 0; item < index_.size(); ++item) {
      if (index_[item] == 0) {
        index_[item] = static_cast<std::int32_t>(catalogue.size());
        catalogue.push_back(static_cast<std::int32_t>(item));
      }
    }
    return catalogue;
  }
  // Catalogue index after Finish; -1 for an item that training never sees.
  [[nodiscard]] std::int32_t operator[](std::int32_t item) const { return index_[static_cast<std::size_t>(item)]; }

 private:
  std::vector<std::int32_t> index_;
};

// Which row of the training users each evaluated user is.
void FindTrainRows(const Split& split, EvalSet& set) {
  for (const std::int32_t user : set.users) {
    const auto found = std::lower_bound(split.train_users.begin(), split.train_users.end(), user);
    const bool known = found != split.train_users.end() && *found == user;
    set.train_rows.push_back(known ? static_cast<std::int32_t>(found - split.train_users.begin()) : -1);
  }
}

void AddEvalRow(EvalSet& set, std::int64_t user, std::span<const std::int32_t> input,
                std::span<const std::int32_t> target) {
  set.users.push_back(static_cast<std::int32_t>(user));
  set.input.AddRow(input);
  set.target.AddRow(target);
}

std::int64_t HeldOutCount(std::int64_t asked, std::int64_t users) {
  return asked > 0 ? asked : std::max<std::int64_t>(1, std::min<std::int64_t>(10000, users / 10));
}

// The part of every user: a random order of the users, whose end is test and the stretch before it validation.
std::vector<Part> HoldOutUsers(const Dataset& dataset, const SplitConfig& config) {
  const std::int64_t users = dataset.num_users();
  const std::int64_t validation = HeldOutCount(config.validation_users, users);
  const std::int64_t test = HeldOutCount(config.test_users, users);
  if (validation >= users || test >= users - validation) {
    ThrowUsage("split.validation_users and split.test_users: hold out too many users: '" + std::to_string(validation) +
               "' and '" + std::to_string(test) + "' of " + std::to_string(users) +
               "; at least one user must be left for training");
  }
  std::vector<std::int32_t> order(static_cast<std::size_t>(users));
  std::iota(order.begin(), order.end(), 0);
  base::Rng rng(static_cast<std::uint64_t>(config.seed), base::Stream::kSplit, 0);
  rng.Shuffle(std::span<std::int32_t>(order));
  std::vector<Part> parts(order.size(), Part::kTrain);
  for (std::int64_t place = users - test - validation; place < users; ++place) {
    const auto user = static_cast<std::size_t>(order[static_cast<std::size_t>(place)]);
    parts[user] = place < users - test ? Part::kValidation : Part::kTest;
  }
  return parts;
}

// Cuts a held-out user's known items into input and target at random. Empty target: the user is left out.
void FoldIn(const SplitConfig& config, std::int64_t user, std::span<const std::int32_t> items,
            std::vector<std::int32_t>& input, std::vector<std::int32_t>& target) {
  input.clear();
  target.clear();
  const auto n = static_cast<std::int64_t>(items.size());
  const std::int64_t targets = n >= kFewestFoldInItems ? ShareOf(1.0 - config.fold_in, n) : 0;
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  base::Rng rng(static_cast<std::uint64_t>(config.seed), base::Stream::kSplit, 1 + static_cast<std::uint64_t>(user));
  rng.Shuffle(std::span<std::size_t>(order));
  std::vector<char> is_target(items.size(), 0);
  for (std::int64_t drawn = 0; drawn < targets; ++drawn) {
    is_target[order[static_cast<std::size_t>(drawn)]] = 1;
  }
  for (std::size_t place = 0; place < items.size(); ++place) {
    (is_target[place] != 0 ? target : input).push_back(items[place]);
  }
}

void SplitUsers(const Dataset& dataset, Split& split) {
  const std::vector<Part> parts = HoldOutUsers(dataset, split.config);
  const CsrView rows = dataset.interactions();
  CatalogueBuilder catalogue(dataset);
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    if (parts[static_cast<std::size_t>(user)] == Part::kTrain) {
      for (const std::int32_t item : rows.row(user)) {
        catalogue.Train(item);
      }
    }
  }
  split.catalogue = catalogue.Finish();
  std::vector<std::int32_t> known;
  std::vector<std::int32_t> input;
  std::vector<std::int32_t> target;
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    const Part part = parts[static_cast<std::size_t>(user)];
    if (rows.row(user).empty()) {
      continue;  // a user without interactions is in no part
    }
    known.clear();
    for (const std::int32_t item : rows.row(user)) {
      if (catalogue[item] >= 0) {
        known.push_back(catalogue[item]);
      } else {
        ++split.cold_targets_dropped;
      }
    }
    if (part == Part::kTrain) {
      split.train_users.push_back(static_cast<std::int32_t>(user));
      split.train.AddRow(known);
      continue;
    }
    FoldIn(split.config, user, known, input, target);
    if (input.empty() || target.empty()) {
      ++split.users_without_targets;
    } else {
      AddEvalRow(part == Part::kValidation ? split.validation : split.test, user, input, target);
    }
  }
}

std::vector<Part> LabelLeaveLastOut(const Dataset& dataset) {
  const CsrView rows = dataset.interactions();
  std::vector<Part> parts(static_cast<std::size_t>(dataset.num_interactions()), Part::kTrain);
  for (std::size_t user = 0; user + 1 < rows.offsets.size(); ++user) {
    if (rows.offsets[user + 1] - rows.offsets[user] >= kFewestLeaveOutItems) {
      const auto end = static_cast<std::size_t>(rows.offsets[user + 1]);
      parts[end - 2] = Part::kValidation;
      parts[end - 1] = Part::kTest;
    }
  }
  return parts;
}

// The instant from which on the last `count` of the times lie; later than all of them when count is 0.
std::int64_t LastInstants(std::vector<std::int64_t>& times, std::int64_t count) {
  if (count <= 0) {
    return std::numeric_limits<std::int64_t>::max();
  }
  const auto place = times.end() - static_cast<std::ptrdiff_t>(count);
  std::nth_element(times.begin(), place, times.end());
  return *place;
}

std::vector<Part> LabelGlobalTime(const Dataset& dataset, const SplitConfig& config) {
  const std::span<const std::int64_t> times = dataset.times();
  if (times.empty()) {
    ThrowData("split.kind: the dataset has no times: 'global_time'; allowed without times: " +
              std::string(kStrongGeneralization) + ", " + kLeaveLastOut + " (takes the order of the log), " +
              kRandomRatio);
  }
  const PartSizes sizes = RatioSizes(config, dataset.num_interactions());
  std::vector<std::int64_t> copy(times.begin(), times.end());
  const std::int64_t held_out = sizes.test + sizes.validation;
  const std::int64_t validation_begin = LastInstants(copy, held_out);
  const std::int64_t test_begin = LastInstants(copy, sizes.test);
  std::vector<Part> parts(times.size(), Part::kTrain);
  for (std::size_t place = 0; place < times.size(); ++place) {
    if (sizes.test > 0 && times[place] >= test_begin) {
      parts[place] = Part::kTest;
    } else if (held_out > 0 && times[place] >= validation_begin) {
      parts[place] = Part::kValidation;
    }
  }
  return parts;
}

std::vector<Part> LabelRandomRatio(const Dataset& dataset, const SplitConfig& config) {
  const CsrView rows = dataset.interactions();
  std::vector<Part> parts(static_cast<std::size_t>(dataset.num_interactions()), Part::kTrain);
  base::ParallelFor(0, rows.rows(), 1024, [&](std::int64_t first, std::int64_t last) {
    std::vector<std::size_t> order;
    for (std::int64_t user = first; user < last; ++user) {
      const auto begin = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user)]);
      order.resize(rows.row(user).size());
      std::iota(order.begin(), order.end(), begin);
      base::Rng rng(static_cast<std::uint64_t>(config.seed), base::Stream::kSplit,
                    1 + static_cast<std::uint64_t>(user));
      rng.Shuffle(std::span<std::size_t>(order));
      const PartSizes sizes = RatioSizes(config, static_cast<std::int64_t>(order.size()));
      for (std::int64_t drawn = 0; drawn < sizes.test + sizes.validation; ++drawn) {
        parts[order[static_cast<std::size_t>(drawn)]] = drawn < sizes.test ? Part::kTest : Part::kValidation;
      }
    }
  });
  return parts;
}

std::vector<Part> Label(const Dataset& dataset, const SplitConfig& config) {
  if (config.kind == kLeaveLastOut) {
    return LabelLeaveLastOut(dataset);
  }
  return config.kind == kGlobalTime ? LabelGlobalTime(dataset, config) : LabelRandomRatio(dataset, config);
}

// One user's interactions by part, in catalogue items. Memory is kept from user to user.
struct UserRows {
  std::vector<std::int32_t> train;
  std::vector<std::int32_t> validation;
  std::vector<std::int32_t> test;
  std::vector<std::int32_t> before_test;  // train and validation, in time order
  bool has_validation = false;            // also when all of it is cold
  bool has_test = false;
  std::int64_t cold = 0;

  void Take(const CatalogueBuilder& catalogue, std::span<const std::int32_t> items, const Part* parts) {
    has_validation = false;
    has_test = false;
    cold = 0;
    for (std::vector<std::int32_t>* row : {&train, &validation, &test, &before_test}) {
      row->clear();
    }
    for (std::size_t place = 0; place < items.size(); ++place) {
      const Part part = parts[place];
      has_validation = has_validation || part == Part::kValidation;
      has_test = has_test || part == Part::kTest;
      const std::int32_t item = catalogue[items[place]];
      if (item < 0) {
        ++cold;
        continue;
      }
      (part == Part::kTrain ? train : part == Part::kValidation ? validation : test).push_back(item);
      if (part != Part::kTest) {
        before_test.push_back(item);
      }
    }
  }
};

void SplitInteractions(const Dataset& dataset, Split& split) {
  const std::vector<Part> parts = Label(dataset, split.config);
  const CsrView rows = dataset.interactions();
  CatalogueBuilder catalogue(dataset);
  for (std::size_t place = 0; place < parts.size(); ++place) {
    if (parts[place] == Part::kTrain) {
      catalogue.Train(rows.items[place]);
    }
  }
  split.catalogue = catalogue.Finish();
  UserRows own;
  const auto add = [&](EvalSet& set, std::int64_t user, const auto& input, const auto& target) {
    if (input.empty() || target.empty()) {
      ++split.users_without_targets;
    } else {
      AddEvalRow(set, user, input, target);
    }
  };
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    own.Take(catalogue, rows.row(user), parts.data() + rows.offsets[static_cast<std::size_t>(user)]);
    split.cold_targets_dropped += own.cold;
    if (!own.train.empty()) {
      split.train_users.push_back(static_cast<std::int32_t>(user));
      split.train.AddRow(own.train);
    }
    if (own.has_validation) {
      add(split.validation, user, own.train, own.validation);
    }
    if (own.has_test) {
      add(split.test, user, own.before_test, own.test);
    }
  }
}

void RequireRows(const Split& split) {
  const bool by_ratio = split.config.kind == kGlobalTime || split.config.kind == kRandomRatio;
  std::string empty;
  if (split.train.rows() == 0) {
    empty = "training";
  } else if (split.validation.rows() == 0 && !(by_ratio && split.config.validation_ratio == 0.0)) {
    empty = "validation";
  } else if (split.test.rows() == 0 && !(by_ratio && split.config.test_ratio == 0.0)) {
    empty = "test";
  }
  if (!empty.empty()) {
    ThrowData("split: nothing is left for " + empty + ": '" + split.config.kind + "' left out " +
              std::to_string(split.users_without_targets) + " held-out users and " +
              std::to_string(split.cold_targets_dropped) +
              " interactions with items that training never sees; expected at least one user");
  }
}

template <class T>
void HashArray(base::Hasher& hasher, const std::vector<T>& values) {
  const std::uint64_t count = values.size();
  hasher.Add(std::as_bytes(std::span(&count, 1)));
  hasher.Add(std::as_bytes(std::span(values)));
}

std::string Fingerprint(const Dataset& dataset, const Split& split) {
  base::Hasher hasher;
  hasher.Add(std::string_view(dataset.fingerprint()));
  hasher.Add(std::string_view(split.config.kind));
  HashArray(hasher, split.catalogue);
  HashArray(hasher, split.train_users);
  for (const EvalSet* set : {&split.validation, &split.test}) {
    HashArray(hasher, set->users);
  }
  for (const Csr* rows :
       {&split.train, &split.validation.input, &split.validation.target, &split.test.input, &split.test.target}) {
    HashArray(hasher, rows->offsets);
    HashArray(hasher, rows->items);
  }
  return hasher.Hex();
}

}  // namespace

const config::FieldTable& SplitFields() {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  static const config::FieldTable table =
      config::Fields<SplitConfig>()
          .Choice("kind", &SplitConfig::kind, Kinds(), "How the log is cut into training, validation and test parts.")
          .Int("seed", &SplitConfig::seed, 0, std::numeric_limits<std::int64_t>::max(),
               "Seed of the random choices of a split; runs are comparable when it is the same.")
          .Int("validation_users", &SplitConfig::validation_users, 0, kMost,
               "Users held out for validation (strong_generalization); 0 means a tenth, at most 10,000.")
          .Alias("valid_users")
          .Int("test_users", &SplitConfig::test_users, 0, kMost,
               "Users held out for testing (strong_generalization); 0 means a tenth, at most 10,000.")
          .Real("fold_in", &SplitConfig::fold_in, 0.0, 1.0,
                "Share of a held-out user's interactions that the model sees (strong_generalization).")
          .Real("validation_ratio", &SplitConfig::validation_ratio, 0.0, 1.0,
                "Share of the interactions for validation (global_time, random_ratio).")
          .Alias("valid_ratio")
          .Real("test_ratio", &SplitConfig::test_ratio, 0.0, 1.0,
                "Share of the interactions for testing (global_time, random_ratio).")
          .Take();
  return table;
}

Split MakeSplit(const Dataset& dataset, const SplitConfig& config) {
  Validate(config);
  if (dataset.num_interactions() == 0) {
    ThrowData("split: the dataset has no interactions; expected at least one");
  }
  Split split;
  split.config = config;
  if (config.kind == kStrongGeneralization) {
    SplitUsers(dataset, split);
  } else {
    SplitInteractions(dataset, split);
  }
  RequireRows(split);
  FindTrainRows(split, split.validation);
  FindTrainRows(split, split.test);
  split.fingerprint = Fingerprint(dataset, split);
  VerifySplit(dataset, split);
  return split;
}

}  // namespace recforce::data
