// SPDX-License-Identifier: Apache-2.0
#include "algos/common/item_weights.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace recforce::algos {
namespace {

// Target 0 hears item 2; target 2 hears items 0 and 1.
const std::vector<ItemColumn> kColumns = {{{2, 0.5F}}, {}, {{1, 2.0F}, {0, 3.0F}}};

TEST(ItemWeights, RowsAreWhatColumnsSay) {
  const ItemWeights weights = WeightsFromColumns(kColumns);
  EXPECT_EQ(weights.offsets, (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(weights.targets, (std::vector<std::int32_t>{2, 2, 0}));
  EXPECT_EQ(weights.values, (std::vector<float>{3.0F, 2.0F, 0.5F}));
}

TEST(ItemWeights, ScoresAreSumsOverTheHistory) {
  const ItemWeightsRecommender model(WeightsFromColumns(kColumns));
  data::Csr users;
  users.AddRow(std::vector<std::int32_t>{0, 1});
  users.AddRow(std::vector<std::int32_t>{});
  users.AddRow(std::vector<std::int32_t>{2, 1});
  std::vector<float> scores(9, -1.0F);
  model.ScoreBatch({users.view()}, {scores.data(), 3, 3});
  EXPECT_EQ(scores, (std::vector<float>{0, 0, 5, 0, 0, 0, 0.5F, 0, 2}));
}

TEST(ItemWeights, DecayCountsEventsAfterTheLastOfAnItem) {
  const std::vector<std::int32_t> history = {7, 3, 5};
  const std::vector<std::int32_t> events = {7, 3, 5, 3};
  EXPECT_EQ(RecencyWeights(history, events, 0.5), (std::vector<float>{0.125F, 1.0F, 0.5F}));
  EXPECT_EQ(RecencyWeights(history, events, 0.0), (std::vector<float>{0.0F, 1.0F, 0.0F}));
  EXPECT_EQ(RecencyWeights(history, events, 1.0), (std::vector<float>{1.0F, 1.0F, 1.0F}));

  const ItemWeightsRecommender model(WeightsFromColumns(kColumns), 0.5);
  data::Csr users;
  users.AddRow(std::vector<std::int32_t>{0, 1});
  data::Csr sequence;
  sequence.AddRow(std::vector<std::int32_t>{0, 1, 1});
  std::vector<float> scores(3);
  model.ScoreBatch({.history = users.view(), .sequence = sequence.view()}, {scores.data(), 1, 3});
  EXPECT_EQ(scores, (std::vector<float>{0, 0, 0.25F * 3 + 2}));
}

std::string WhyRefused(const base::TensorSet& tensors, std::int64_t num_items) {
  try {
    LoadItemWeights(tensors, num_items);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    return error.what();
  }
  return "";
}

TEST(ItemWeights, LoadsWhatItExportedAndRefusesTheRest) {
  const base::TensorSet tensors = ExportItemWeights(WeightsFromColumns(kColumns));
  const ItemWeights again = LoadItemWeights(tensors, 3);
  EXPECT_EQ(again.values, WeightsFromColumns(kColumns).values);
  EXPECT_EQ(WhyRefused(tensors, 4), "tensors: 'offsets', 'targets' and 'values' are not the weights of 4 items");
  ItemWeights outside = WeightsFromColumns(kColumns);
  outside.targets[1] = 3;
  EXPECT_EQ(WhyRefused(ExportItemWeights(outside), 3),
            "tensors: a target is outside the catalogue: '3'; expected [0, 2]");
  ItemWeights falling = WeightsFromColumns(kColumns);
  falling.offsets = {0, 2, 1, 3};
  EXPECT_EQ(WhyRefused(ExportItemWeights(falling), 3),
            "tensors: 'offsets', 'targets' and 'values' are not the weights of 3 items");
}

TEST(Transpose, ListsTheRowsOfEachItem) {
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>{2, 0});
  rows.AddRow(std::vector<std::int32_t>{});
  rows.AddRow(std::vector<std::int32_t>{0});
  const data::Csr columns = Transpose(rows.view(), 4);
  EXPECT_EQ(columns.offsets, (std::vector<std::int64_t>{0, 2, 2, 3, 3}));
  EXPECT_EQ(columns.items, (std::vector<std::int32_t>{0, 2, 0}));
}

}  // namespace
}  // namespace recforce::algos
