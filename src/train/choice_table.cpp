// SPDX-License-Identifier: Apache-2.0
#include "train/choice_table.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "recforce/eval/choice_baselines.h"

namespace recforce::train {

std::vector<ChoiceRow> MakeChoiceTable(const std::string& name, const core::Recommender& recommender,
                                       const data::Split& split, const std::string& ties, std::int64_t batch_size,
                                       const base::StopFlag* stop) {
  std::vector<ChoiceRow> rows;
  if (split.test_displays.size() == 0) {
    return rows;
  }
  eval::ChoiceOptions options;
  options.batch_size = batch_size;
  options.ties = ties == "optimistic" ? eval::ChoiceTies::kOptimistic : eval::ChoiceTies::kPessimistic;
  rows.push_back({name, eval::EvaluateChoices(recommender, split.test_displays, options, stop)});

  options.ties = eval::ChoiceTies::kExpected;
  const auto add = [&](const char* baseline, const std::unique_ptr<core::Recommender>& of) {
    rows.push_back({baseline, eval::EvaluateChoices(*of, split.test_displays, options, stop)});
  };
  const data::DisplaySet& train = split.train_displays;
  if (train.size() > 0) {
    add("item_logit", eval::FitItemLogit(train, split.num_items(), {}, stop));
    add("popularity", eval::FitPopularityLogit(train, split.num_items()));
  }
  // The uniform choice may be nothing where the model may choose nothing, or else the log does.
  const bool in_log = std::any_of(train.choice.begin(), train.choice.end(), [](std::int32_t c) { return c < 0; });
  const std::optional<core::ChoiceRule> rule = recommender.choice();
  add("uniform", eval::UniformChoice(split.num_items(), rule ? rule->no_click.has_value() : in_log));
  return rows;
}

}  // namespace recforce::train
