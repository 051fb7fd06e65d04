// SPDX-License-Identifier: Apache-2.0
// What test targets are ranked among, where that is not the whole catalogue: the lists of the log, or negatives that
// are sampled once, with the split, so that every model meets the same ones.
#include <cstddef>
#include <span>

#include "data/negative_sampler.h"
#include "data/split_rows.h"
#include "data/split_rules.h"
#include "recforce/base/rng.h"

namespace recforce::data {
namespace {

// [items of the dataset] index in the catalogue, or -1.
std::vector<std::int32_t> CatalogueIndex(const Dataset& dataset, const Split& split) {
  std::vector<std::int32_t> index(static_cast<std::size_t>(dataset.num_items()), -1);
  for (std::size_t item = 0; item < split.catalogue.size(); ++item) {
    index[static_cast<std::size_t>(split.catalogue[item])] = static_cast<std::int32_t>(item);
  }
  return index;
}

// The targets of a row and the listed items that are no targets, each once.
void AddGiven(const Dataset& dataset, Split& split) {
  if (dataset.candidates().rows() == 0) {
    ThrowSplitData("split.candidates: the log lists no candidates: 'given'; expected a log with lists, or all");
  }
  const std::vector<std::int32_t> local = CatalogueIndex(dataset, split);
  std::vector<std::int64_t> stamp(split.catalogue.size(), -1);
  std::vector<std::int32_t> row;
  for (std::int64_t at = 0; at < split.test.rows(); ++at) {
    const std::int64_t user = split.test.users[static_cast<std::size_t>(at)];
    const std::span<const std::int32_t> targets = split.test.target.row(at);
    row.assign(targets.begin(), targets.end());
    for (const std::int32_t item : row) {
      stamp[static_cast<std::size_t>(item)] = at;
    }
    for (const std::int32_t item : dataset.candidates().row(user)) {
      const std::int32_t index = local[static_cast<std::size_t>(item)];
      if (index >= 0 && stamp[static_cast<std::size_t>(index)] != at) {
        stamp[static_cast<std::size_t>(index)] = at;
        row.push_back(index);
      }
    }
    if (row.size() == targets.size()) {
      ThrowSplitData("split.candidates: the log lists nothing to rank the test targets of user " +
                     QuoteUser(dataset, user) + " among; expected at least one other item");
    }
    split.test.candidates.AddRow(row);
  }
}

std::vector<double> Weights(const Split& split) {
  if (split.config.negative_sampling == "uniform") {
    return std::vector<double>(split.catalogue.size(), 1.0);
  }
  std::vector<double> weights(split.catalogue.size(), 0.0);
  for (const std::int32_t item : split.train.items) {
    weights[static_cast<std::size_t>(item)] += 1.0;
  }
  return weights;
}

// Draws the negatives of one test row after the other. Each row has a stream of its own.
class NegativeLists {
 public:
  NegativeLists(const Dataset& dataset, Split& split)
      : dataset_(dataset),
        split_(split),
        local_(CatalogueIndex(dataset, split)),
        weights_(Weights(split)),
        sampler_(weights_) {}

  void Add() {
    const std::vector<std::int32_t>& users = split_.test.users;
    std::size_t first = 0;  // row of the user
    for (std::size_t at = 0; at < users.size(); ++at) {
      if (at == 0 || users[at] != users[first]) {
        first = at;
        Exclude(first);
      }
      AddRow(at, static_cast<std::uint32_t>(at - first + 1));
    }
  }

 private:
  // What is no negative of the user whose rows begin at `first`: items that the user has anywhere in the dataset, or
  // targets of any of the rows.
  void Exclude(std::size_t first) {
    sampler_.IncludeAll();
    const std::int32_t user = split_.test.users[first];
    if (split_.config.negatives_from == "not_test") {
      for (std::size_t at = first; at < split_.test.users.size() && split_.test.users[at] == user; ++at) {
        for (const std::int32_t item : split_.test.target.row(static_cast<std::int64_t>(at))) {
          sampler_.Exclude(item);
        }
      }
      return;
    }
    for (const std::int32_t item : dataset_.interactions().row(user)) {
      if (const std::int32_t index = local_[static_cast<std::size_t>(item)]; index >= 0) {
        sampler_.Exclude(index);
      }
    }
  }

  void AddRow(std::size_t at, std::uint32_t row_of_user) {
    const std::span<const std::int32_t> targets = split_.test.target.row(static_cast<std::int64_t>(at));
    row_.assign(targets.begin(), targets.end());
    const auto user = static_cast<std::uint64_t>(split_.test.users[at]);
    base::Rng rng(static_cast<std::uint64_t>(split_.config.seed), base::Stream::kSplit, 1 + user, row_of_user);
    if (split_.config.negatives_distinct) {
      sampler_.Draw(split_.config.negatives, rng, row_);
    } else {
      for (std::int64_t drawn = 0; drawn < split_.config.negatives; ++drawn) {
        sampler_.Draw(1, rng, row_);
      }
    }
    split_.test.candidates.AddRow(row_);
  }

  const Dataset& dataset_;
  Split& split_;
  const std::vector<std::int32_t> local_;
  const DrawingWeights weights_;
  NegativeSampler sampler_;
  std::vector<std::int32_t> row_;
};

}  // namespace

void AddCandidates(const Dataset& dataset, Split& split) {
  if (split.test.rows() == 0) {
    return;
  }
  if (split.candidates == "given") {
    AddGiven(dataset, split);
  } else if (split.candidates == "sampled") {
    NegativeLists(dataset, split).Add();
  }
}

}  // namespace recforce::data
