// SPDX-License-Identifier: Apache-2.0
// How well a run's model foresees the choices of the test users, beside baselines that know no state.
#pragma once

#include <string>
#include <vector>

#include "recforce/base/stop_flag.h"
#include "recforce/core/recommender.h"
#include "recforce/data/split.h"
#include "recforce/eval/choice.h"

namespace recforce::train {

struct ChoiceRow {
  std::string name;  // of the algorithm, or of the baseline: "item_logit", "popularity_logit" or "uniform"
  eval::ChoiceResult result;
};

// The model first, then the baselines, which learn from the displays of the training users; without any there is only
// the uniform one. Empty without test displays. Ties are broken at random, whatever eval.ties, so that precision is
// what it can be expected to be: items that training never showed are all alike to a model, and baselines have many
// ties.
std::vector<ChoiceRow> MakeChoiceTable(const std::string& name, const core::Recommender& recommender,
                                       const data::Split& split, std::int64_t batch_size, const base::StopFlag* stop);

}  // namespace recforce::train
