// SPDX-License-Identifier: Apache-2.0
#include "algos/common/factor_model.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace recforce::algos {
namespace {

FactorTables Tables() {
  FactorTables tables;
  tables.dim = 1;
  tables.users = {2.0F, -1.0F};
  tables.items = {1.0F, 0.5F, 0.0F};
  tables.item_bias = {0.25F, 0.0F, 1.0F};
  tables.user_counts = {1, 2};
  tables.fold_in_scale = 3.0F;
  return tables;
}

std::vector<float> Scores(const FactorRecommender& model, const core::UserBatch& users) {
  std::vector<float> scores(static_cast<std::size_t>(users.size() * 3));
  model.ScoreBatch(users, {scores.data(), users.size(), 3});
  return scores;
}

TEST(FactorRecommender, OwnVectorsStrangersAndEmptyHistories) {
  const FactorRecommender model(std::make_shared<FactorTables>(Tables()), 3,
                                {.unobserved_weight = 0.8, .reg = 0.25, .reg_exponent = 0.0});
  data::Csr users;
  users.AddRow(std::vector<std::int32_t>{0});
  users.AddRow(std::vector<std::int32_t>{0});
  users.AddRow(std::vector<std::int32_t>{});
  const std::vector<std::int32_t> rows = {1, -1, -1};
  // The stranger: (w - 1)^2 + 0.8 (1 + 0.25) w^2 + 0.25 w^2 is least at w = 1 / 2.25, times 3.
  const std::vector<float> scores = Scores(model, {.history = users.view(), .rows = rows});
  const std::vector<float> expected = {-0.75F, -0.5F, 1.0F, 0.25F + 4.0F / 3, 2.0F / 3, 1.0F, 0.25F, 0.0F, 1.0F};
  for (std::size_t at = 0; at < expected.size(); ++at) {
    EXPECT_NEAR(scores[at], expected[at], 1e-6) << at;
  }
}

TEST(FactorRecommender, VectorsAreWhatScoresAreMadeOf) {
  FactorTables tables = Tables();
  tables.dim = 2;
  tables.users = {2.0F, -1.0F, 0.5F, 3.0F};
  tables.items = {1.0F, 0.5F, 0.0F, 1.0F, -1.0F, 2.0F};
  const FactorRecommender model(std::make_shared<FactorTables>(tables), 3,
                                {.unobserved_weight = 0.0, .reg = 1.0, .reg_exponent = 0.0});
  data::Csr users;
  for (int user = 0; user < 40; ++user) {  // more than are folded in at once
    users.AddRow(user == 38 ? std::vector<std::int32_t>{} : std::vector<std::int32_t>{1});
  }
  std::vector<std::int32_t> rows(40, -1);
  rows[1] = 1;
  std::vector<float> vectors(80, -7.0F);
  model.Vectors({.history = users.view(), .rows = rows}, {vectors.data(), 40, 2});
  const std::vector<float> scores = Scores(model, {.history = users.view(), .rows = rows});
  for (std::size_t user = 0; user < 40; ++user) {
    // A stranger with item 1: (w . (0, 1) - 1)^2 + |w|^2 is least at (0, 1 / 2), times 3.
    const std::vector<float> expected = user == 1    ? std::vector<float>{0.5F, 3.0F}
                                        : user == 38 ? std::vector<float>{0.0F, 0.0F}
                                                     : std::vector<float>{0.0F, 1.5F};
    EXPECT_NEAR(vectors[2 * user], expected[0], 1e-6) << user;
    EXPECT_NEAR(vectors[2 * user + 1], expected[1], 1e-6) << user;
    EXPECT_NEAR(scores[3 * user + 2], -expected[0] + 2 * expected[1] + 1.0F, 1e-5) << user;
  }
}

TEST(FactorRecommender, GrownHistoriesAreFoldedInWhenAsked) {
  data::Csr users;
  users.AddRow(std::vector<std::int32_t>{0});  // training user 1, who had two items
  const std::vector<std::int32_t> rows = {1};
  const auto tables = std::make_shared<FactorTables>(Tables());
  const FactorRecommender kept(tables, 3, {.grown = false});
  const FactorRecommender folded(tables, 3, {.grown = true});
  const std::vector<float> stranger = Scores(folded, {.history = users.view()});
  EXPECT_EQ(Scores(folded, {.history = users.view(), .rows = rows}), stranger);
  EXPECT_NE(Scores(kept, {.history = users.view(), .rows = rows}), stranger);
}

TEST(FoldIn, RidgeGrowsWithTheHistory) {
  const FoldIn fold_in = {.unobserved_weight = 0.5, .reg = 0.1, .reg_exponent = 1.0};
  EXPECT_DOUBLE_EQ(fold_in.Ridge(3, 10), 0.1 * 8);
}

// The two users with item 0, of weights 2 and -1 (and 5 and -1), fold in to 1 / 2 each.
TEST(CalibrateFoldIn, IsALeastSquaresFit) {
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>{0});
  rows.AddRow(std::vector<std::int32_t>{0});
  const FoldIn fold_in = {.unobserved_weight = 0.0, .reg = 1.0, .reg_exponent = 0.0};
  FactorTables tables = Tables();
  EXPECT_NEAR(CalibrateFoldIn(tables, rows.view(), fold_in), (2.0 - 1.0) * 0.5 / (2 * 0.25), 1e-6);
  tables.users[0] = 5.0F;
  EXPECT_NEAR(CalibrateFoldIn(tables, rows.view(), fold_in), 4.0, 1e-6);
  tables.users[0] = -5.0F;  // no positive factor fits
  EXPECT_EQ(CalibrateFoldIn(tables, rows.view(), fold_in), 1.0F);
  EXPECT_EQ(CalibrateFoldIn(tables, data::Csr().view(), fold_in), 1.0F);
}

TEST(FactorRecommender, SaysWhatToDoWhenAUserCannotBeFoldedIn) {
  const FactorRecommender model(std::make_shared<FactorTables>(Tables()), 3,
                                {.unobserved_weight = 0.0, .reg = 0.0, .hint = "use a larger x.reg"});
  data::Csr users;
  users.AddRow(std::vector<std::int32_t>{2});
  try {
    Scores(model, {users.view()});
    FAIL() << "a vector was found";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kDiverged);
    EXPECT_STREQ(error.what(),
                 "folding in: the least-squares problem of a user is not positive definite; use a larger x.reg");
  }
}

std::string WhyRefused(FactorTables tables, std::int64_t items, std::int64_t dim) {
  base::TensorSet set;
  tables.Save(set, "best.");
  try {
    FactorTables::Load(set, "best.", items, dim);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    return error.what();
  }
  return "";
}

TEST(FactorTables, LoadWhatWasSavedAndRefuseTheRest) {
  EXPECT_EQ(WhyRefused(Tables(), 3, 1), "");
  EXPECT_EQ(WhyRefused(Tables(), 4, 1), "tensors: tensor 'best.item_factors' has another shape; expected 4 x 1");
  EXPECT_EQ(WhyRefused(Tables(), 3, 2), "tensors: tensor 'best.item_factors' has another shape; expected 3 x 2");
  FactorTables infinite = Tables();
  infinite.users[0] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(WhyRefused(infinite, 3, 1), "tensors: tensor 'best.user_factors' holds NaN or infinity");
}

TEST(NormalTable, RowsDoNotDependOnEachOther) {
  const std::vector<float> three = NormalTable(3, 2, 0.5, 1, 0);
  const std::vector<float> two = NormalTable(2, 2, 0.5, 1, 0);
  EXPECT_TRUE(std::equal(two.begin(), two.end(), three.begin()));
  EXPECT_NE(NormalTable(2, 2, 0.5, 1, 1), two);
  EXPECT_NE(NormalTable(2, 2, 0.5, 2, 0), two);
}

}  // namespace
}  // namespace recforce::algos
