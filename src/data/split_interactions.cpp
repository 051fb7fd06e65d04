// SPDX-License-Identifier: Apache-2.0
// From labelled interactions to rows.
#include <cstddef>
#include <span>

#include "data/split_rows.h"
#include "data/split_rules.h"

namespace recforce::data {
namespace {

// One user's interactions by part, in catalogue items, with repeats. Memory is kept from user to user.
struct UserEvents {
  std::vector<std::int32_t> train;
  std::vector<std::int64_t> train_places;  // of these in the dataset
  std::vector<std::int32_t> validation;
  std::vector<std::int32_t> test;
  std::vector<std::int32_t> before_validation;  // train and input, in time order
  std::vector<std::int32_t> before_test;        // train, input and validation, in time order
  bool has_validation = false;                  // also when all of it is cold
  bool has_test = false;
  std::int64_t cold = 0;

  // first: where the first of `items` stands in the dataset.
  void Take(const CatalogueBuilder& catalogue, std::span<const std::int32_t> items, const Part* parts,
            std::int64_t first) {
    has_validation = false;
    has_test = false;
    cold = 0;
    for (std::vector<std::int32_t>* row : {&train, &validation, &test, &before_validation, &before_test}) {
      row->clear();
    }
    train_places.clear();
    for (std::size_t place = 0; place < items.size(); ++place) {
      const Part part = parts[place];
      has_validation = has_validation || part == Part::kValidation;
      has_test = has_test || part == Part::kTest;
      const std::int32_t item = catalogue[items[place]];
      if (item < 0) {
        ++cold;
        continue;
      }
      Add(part, item);
      if (part == Part::kTrain) {
        train_places.push_back(first + static_cast<std::int64_t>(place));
      }
    }
  }

 private:
  void Add(Part part, std::int32_t item) {
    if (part == Part::kTest) {
      test.push_back(item);
      return;
    }
    before_test.push_back(item);
    if (part == Part::kValidation) {
      validation.push_back(item);
      return;
    }
    before_validation.push_back(item);
    if (part == Part::kTrain) {
      train.push_back(item);
    }
  }
};

}  // namespace

void SplitInteractions(const Dataset& dataset, Split& split) {
  const std::vector<Part> parts = LabelInteractions(dataset, split.config);
  const CsrView rows = dataset.interactions();
  CatalogueBuilder catalogue(dataset, CataloguesAll(split.config));
  for (std::size_t place = 0; place < parts.size(); ++place) {
    if (parts[place] == Part::kTrain) {
      catalogue.Train(rows.items[place]);
    }
  }
  split.catalogue = catalogue.Finish();
  RowWriter writer(split.num_items(), dataset.repeats(), MasksSeen(split.config, dataset.repeats()));
  if (split.config.kind == kRandomRows) {
    writer.TakeEmptyInputs();
  }
  UserEvents own;
  const auto add = [&](EvalSet& set, std::int64_t user, const auto& input, const auto& target) {
    if (!writer.AddEval(set, user, input, target, split.seen_targets_dropped)) {
      ++split.users_without_targets;
    }
  };
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    const std::int64_t first = rows.offsets[static_cast<std::size_t>(user)];
    own.Take(catalogue, rows.row(user), parts.data() + first, first);
    split.cold_targets_dropped += own.cold;
    if (!own.train.empty()) {
      writer.AddTrain(split, user, own.train, own.train_places);
    }
    if (own.has_validation) {
      add(split.validation, user, own.before_validation, own.validation);
    }
    if (own.has_test) {
      add(split.test, user, own.before_test, own.test);
    }
  }
}

}  // namespace recforce::data
