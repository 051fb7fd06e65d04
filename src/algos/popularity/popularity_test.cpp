// SPDX-License-Identifier: Apache-2.0
#include "algos/popularity/popularity.h"

#include <gtest/gtest.h>

#include <vector>

namespace recforce::algos {
namespace {

TEST(Popularity, ScoresAreSharesOfUsers) {
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>{0, 2});
  rows.AddRow(std::vector<std::int32_t>{2});
  rows.AddRow(std::vector<std::int32_t>{});
  rows.AddRow(std::vector<std::int32_t>{2, 3});
  const core::AlgorithmSpec spec = PopularitySpec();
  const auto trainer = spec.make_trainer(spec.make_config(), {rows.view(), 4}, {});
  trainer->Epoch({});
  std::vector<float> scores(2 * 4);
  trainer->Current().ScoreBatch({rows.view().Slice(1, 3)}, {scores.data(), 2, 4});
  // Four users: item 0 one of them, item 1 none, item 2 three, item 3 one.
  EXPECT_EQ(scores, (std::vector<float>{0.25F, 0.0F, 0.75F, 0.25F, 0.25F, 0.0F, 0.75F, 0.25F}));
}

TEST(Popularity, RefusesTensorsOfAnotherCatalogue) {
  base::TensorSet tensors;
  tensors.AddOwned("scores", std::vector<float>{1.0F, 2.0F});
  const core::AlgorithmSpec spec = PopularitySpec();
  try {
    spec.load(spec.make_config(), tensors, 3, "cpu");
    FAIL() << "two scores passed for three items";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    EXPECT_STREQ(error.what(), "tensors: tensor 'scores' has 2 entries; expected 3");
  }
}

}  // namespace
}  // namespace recforce::algos
