// SPDX-License-Identifier: Apache-2.0
// Rolled evaluation of a run over the items that its test users rated, beside rows without which its numbers say
// nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "eval/rolled.h"
#include "recforce/base/stop_flag.h"
#include "recforce/core/algorithm.h"

namespace recforce::train {

struct RatedOptions {
  std::int64_t steps = 10;
  double liked_above = 3.0;  // an item with a greater value is liked
};

struct RatedRow {
  std::string name;
  std::vector<eval::Summary> all;   // [measures] over all test users
  std::vector<eval::Summary> full;  // [measures] over those who rated at least as many test items as the measure takes
};

struct RatedTable {
  std::vector<eval::RolledMeasure> measures;
  // The model; "random order", as it can be expected; "item popularity", by the training users who like an item; "item
  // mean", by the mean of its training values, with five of the overall mean added, so that one rating decides little;
  // and "oracle", the liked items first.
  std::vector<RatedRow> rows;
  std::int64_t users = 0;  // with test items
  std::int64_t items = 0;  // that they rated
  std::int64_t liked = 0;  // of these
};

// `data` and `changes` as those of EvaluateRun. Nothing is kept. Error(Usage): a split of another kind than
// user_time_ratio with one row a user, a log without values or one that keeps repeats.
RatedTable EvaluateRated(const core::Registry& registry, const std::filesystem::path& run,
                         const std::optional<std::string>& data, const std::vector<std::string>& changes,
                         const RatedOptions& options, const base::StopFlag* stop);

}  // namespace recforce::train
