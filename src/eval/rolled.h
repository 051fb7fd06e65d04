// SPDX-License-Identifier: Apache-2.0
// Rolled evaluation over rated items (the offline test of Liu et al., DRR, 2018): the items that a user rated in the
// test part are offered, the model takes one at a time, and what was liked joins the user's history before the next.
// As nothing else is offered, the band between no knowledge and the best order is narrow: rows for both belong to any
// result. Internal.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/stop_flag.h"
#include "recforce/core/recommender.h"
#include "recforce/core/topk.h"
#include "recforce/data/split.h"
#include "recforce/eval/evaluator.h"

namespace recforce::eval {

// Who is asked. A row is a user, and its targets are the items offered: those the user rated.
struct RatedItems {
  const data::EvalSet& set;
  std::span<const char> liked;  // parallel to set.target.items
};

struct RollOptions {
  std::int64_t steps = 10;        // items taken, fewer where fewer are offered
  std::int64_t batch_size = 500;  // users scored at once
  core::Ties ties = core::Ties::kRelevantLast;
};

// precision or ndcg at k. Precision divides by k, however few items are offered; NDCG is that of the items taken, over
// that of the liked items first, and 0 for a user who liked nothing.
struct RolledMeasure {
  bool is_ndcg;
  std::int64_t k;
  std::string name;  // "precision@5"
};
// At 5, 10 and `steps`, as far as they are no more than `steps`.
std::vector<RolledMeasure> RolledMeasures(std::int64_t steps);

// Each gives [users, measures], row-major.
// The model takes items. REQUIRES: a recommender over the catalogue of the items offered.
std::vector<double> RollModel(const core::Recommender& recommender, const RatedItems& rated, const RollOptions& options,
                              const base::StopFlag* stop = nullptr);
// Items in the order of scores that are the same for all users. scores: [catalogue].
std::vector<double> RollScores(std::span<const double> scores, const RatedItems& rated, const RollOptions& options);
// What a random order can expect, exactly.
std::vector<double> RollAtRandom(const RatedItems& rated, const RollOptions& options);
// The liked items first.
std::vector<double> RollOracle(const RatedItems& rated, const RollOptions& options);

// Of one measure over the users with at least `least` items offered.
Summary SummarizeRolled(std::span<const double> values, const RatedItems& rated, const RollOptions& options,
                        std::size_t measure, std::int64_t least = 1);

}  // namespace recforce::eval
