// SPDX-License-Identifier: Apache-2.0
#include "train/bundle_parts.h"

#include <cstddef>
#include <cstdint>

#include "recforce/base/text.h"
#include "recforce/data/csr.h"

namespace recforce::train {

std::vector<std::pair<std::string, std::string>> PreprocessingTexts(const data::Preprocessing& preprocessing) {
  std::vector<std::pair<std::string, std::string>> texts = {{"source", preprocessing.source},
                                                            {"format", preprocessing.format}};
  if (preprocessing.min_rating) {
    texts.emplace_back("min_rating", base::FormatReal(*preprocessing.min_rating));
  }
  texts.emplace_back("min_user_interactions", std::to_string(preprocessing.min_user_interactions));
  texts.emplace_back("min_item_interactions", std::to_string(preprocessing.min_item_interactions));
  texts.emplace_back("duplicates", preprocessing.duplicates);
  texts.emplace_back("rows_read", std::to_string(preprocessing.rows_read));
  texts.emplace_back("rows_below_rating", std::to_string(preprocessing.rows_below_rating));
  texts.emplace_back("duplicates_removed", std::to_string(preprocessing.duplicates_removed));
  texts.emplace_back("rows_of_rare_items", std::to_string(preprocessing.rows_of_rare_items));
  texts.emplace_back("rows_of_rare_users", std::to_string(preprocessing.rows_of_rare_users));
  texts.emplace_back("displays_of_absent_users", std::to_string(preprocessing.displays_of_absent_users));
  texts.emplace_back("candidates_of_absent_users", std::to_string(preprocessing.candidates_of_absent_users));
  if (!preprocessing.displays.empty()) {
    texts.emplace_back("displays", preprocessing.displays);
  }
  return texts;
}

base::TensorSet CatalogueTensors(const std::vector<std::string>& ids, const std::vector<std::string>& titles) {
  base::TensorSet set;
  data::AddStrings(set, "item_ids", ids);
  if (!titles.empty()) {
    data::AddStrings(set, "item_titles", titles);
  }
  return set;
}

base::TensorSet CatalogueTensors(const data::Dataset& dataset, const data::Split& split) {
  std::vector<std::string> ids;
  std::vector<std::string> titles;
  for (const std::int32_t item : split.catalogue) {
    ids.emplace_back(dataset.item_ids()[item]);
    if (dataset.item_titles().size() != 0) {
      titles.emplace_back(dataset.item_titles()[item]);
    }
  }
  base::TensorSet set = CatalogueTensors(ids, titles);
  if (!dataset.contexts().empty()) {
    data::AddStrings(set, "context_names", dataset.context_names().ToVector());
  }
  return set;
}

base::TensorSet HistoryTensors(const data::Dataset& dataset, const data::Split& split) {
  std::vector<std::int32_t> catalogue_index(static_cast<std::size_t>(dataset.num_items()), -1);
  for (std::size_t index = 0; index < split.catalogue.size(); ++index) {
    catalogue_index[static_cast<std::size_t>(split.catalogue[index])] = static_cast<std::int32_t>(index);
  }
  data::Csr histories;
  std::vector<std::int32_t> row;
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    row.clear();
    for (const std::int32_t item : dataset.interactions().row(user)) {
      if (const std::int32_t index = catalogue_index[static_cast<std::size_t>(item)]; index >= 0) {
        row.push_back(index);
      }
    }
    histories.AddRow(row);
  }
  base::TensorSet set;
  data::AddStrings(set, "user_ids", dataset.user_ids().ToVector());
  std::vector<std::int32_t> train_rows(static_cast<std::size_t>(dataset.num_users()), -1);
  for (std::size_t at = 0; at < split.train_users.size(); ++at) {
    train_rows[static_cast<std::size_t>(split.train_users[at])] = static_cast<std::int32_t>(at);
  }
  set.AddOwned("train_rows", std::move(train_rows));
  set.AddOwned("offsets", std::move(histories.offsets));
  set.AddOwned("items", std::move(histories.items));
  return set;
}

}  // namespace recforce::train
