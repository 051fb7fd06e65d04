// SPDX-License-Identifier: Apache-2.0
#include "train/choice_table.h"

#include "recforce/eval/choice_baselines.h"

namespace recforce::train {

std::vector<ChoiceRow> MakeChoiceTable(const std::string& name, const core::Recommender& recommender,
                                       const data::Split& split, std::int64_t batch_size, const base::StopFlag* stop) {
  std::vector<ChoiceRow> rows;
  if (split.test_displays.size() == 0) {
    return rows;
  }
  eval::ChoiceOptions options;
  options.batch_size = batch_size;
  options.ties = eval::ChoiceTies::kExpected;
  const auto add = [&](const std::string& row, const core::Recommender& of) {
    rows.push_back({row, eval::EvaluateChoices(of, split.test_displays, options, stop)});
  };
  add(name, recommender);
  const data::DisplaySet& train = split.train_displays;
  if (train.size() > 0) {
    add("item_logit", *eval::FitItemLogit(train, split.num_items(), {}, stop));
    add("popularity_logit", *eval::FitPopularityLogit(train, split.num_items()));
  }
  // The uniform choice may be nothing where the model may choose nothing, or else the log does.
  const std::optional<core::ChoiceRule> rule = recommender.choice();
  add("uniform", *eval::UniformChoice(split.num_items(), rule ? rule->no_click.has_value() : train.has_no_clicks()));
  return rows;
}

}  // namespace recforce::train
