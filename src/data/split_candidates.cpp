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

// Negatives are items that the user has nowhere in the dataset. Each row has a stream of its own.
void AddSampled(const Dataset& dataset, Split& split) {
  const std::vector<std::int32_t> local = CatalogueIndex(dataset, split);
  const DrawingWeights weights(Weights(split));
  NegativeSampler sampler(weights);
  std::vector<std::int32_t> row;
  std::uint32_t row_of_user = 0;
  for (std::int64_t at = 0; at < split.test.rows(); ++at) {
    const std::int32_t user = split.test.users[static_cast<std::size_t>(at)];
    const bool same = at > 0 && split.test.users[static_cast<std::size_t>(at) - 1] == user;
    row_of_user = same ? row_of_user + 1 : 1;
    const std::span<const std::int32_t> targets = split.test.target.row(at);
    row.assign(targets.begin(), targets.end());
    for (const std::int32_t item : dataset.interactions().row(user)) {
      if (const std::int32_t index = local[static_cast<std::size_t>(item)]; index >= 0) {
        sampler.Exclude(index);
      }
    }
    base::Rng rng(static_cast<std::uint64_t>(split.config.seed), base::Stream::kSplit,
                  1 + static_cast<std::uint64_t>(user), row_of_user);
    sampler.Draw(split.config.negatives, rng, row);
    sampler.IncludeAll();
    split.test.candidates.AddRow(row);
  }
}

}  // namespace

void AddCandidates(const Dataset& dataset, Split& split) {
  if (split.test.rows() == 0) {
    return;
  }
  if (split.candidates == "given") {
    AddGiven(dataset, split);
  } else if (split.candidates == "sampled") {
    AddSampled(dataset, split);
  }
}

}  // namespace recforce::data
