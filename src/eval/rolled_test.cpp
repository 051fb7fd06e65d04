// SPDX-License-Identifier: Apache-2.0
// Rolled evaluation, by hand: what is taken, what joins the history, and what floor and ceiling are.
#include "eval/rolled.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "recforce/data/convert.h"
#include "recforce/data/split.h"
#include "support/fixed_scores.h"
#include "support/temp_dir.h"

namespace recforce::eval {
namespace {

using Items = std::vector<std::int32_t>;

// Likes what is near the newest event of the history: score -|item - newest|.
class NearTheNewest final : public core::Recommender {
 public:
  [[nodiscard]] std::int64_t NumItems() const override { return 20; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      const std::int32_t newest = users.history.row(row).back();
      for (std::int32_t item = 0; item < 20; ++item) {
        out.row(row)[static_cast<std::size_t>(item)] = -std::fabs(static_cast<float>(item - newest));
      }
    }
  }
};

data::EvalSet Users(const std::vector<Items>& inputs, const std::vector<Items>& offered) {
  data::EvalSet set;
  for (std::size_t user = 0; user < inputs.size(); ++user) {
    set.users.push_back(static_cast<std::int32_t>(user));
    set.input.AddRow(inputs[user]);
    set.target.AddRow(offered[user]);
  }
  return set;
}

// User 0 is at 10 and is offered 9, 12 and 6, which are liked but for 9, and 13: takes 9, which moves nothing, 12, and
// from there 13. User 1, at 10 as well, takes 8 (not liked; 12 is as near), 12, and from there 14. Who stayed at 10
// would have taken 7 in place of it. User 2 is offered one item and does not like it.
TEST(Rolled, WhatWasLikedMovesTheUser) {
  const data::EvalSet set = Users({{10}, {3, 10}, {10}}, {{9, 12, 6, 13}, {12, 8, 14, 7}, {4}});
  const std::vector<char> liked = {0, 1, 1, 0, 1, 0, 1, 0, 0};
  const RatedItems rated{set, liked};
  for (const std::int64_t batch : {1, 2, 3}) {
    const RollOptions options{.steps = 3, .batch_size = batch};
    const std::vector<RolledMeasure> measures = RolledMeasures(3);
    ASSERT_EQ(measures.size(), 2U);
    EXPECT_EQ(measures[0].name, "precision@3");
    EXPECT_EQ(measures[1].name, "ndcg@3");
    const std::vector<double> values = RollModel(NearTheNewest(), rated, options);
    const double second = 1.0 / std::log2(3.0);
    EXPECT_DOUBLE_EQ(values[0], 1.0 / 3);
    EXPECT_DOUBLE_EQ(values[1], second / (1.0 + second));
    EXPECT_DOUBLE_EQ(values[2], 2.0 / 3);
    EXPECT_DOUBLE_EQ(values[4], 0.0);  // one item, not liked
    EXPECT_DOUBLE_EQ(values[5], 0.0);
  }
}

// User 1 of above, with ties either way.
TEST(Rolled, TiesGoAgainstTheModel) {
  const data::EvalSet set = Users({{10}}, {{12, 8, 14, 7}});
  const std::vector<char> liked = {1, 0, 1, 0};
  const RatedItems rated{set, liked};
  // Pessimistic: 8, which moves nothing; 12, and on from there 14.
  const std::vector<double> last = RollModel(NearTheNewest(), rated, {.steps = 3});
  EXPECT_DOUBLE_EQ(last[0], 2.0 / 3);
  EXPECT_DOUBLE_EQ(last[1], (1.0 / std::log2(3.0) + 0.5) / (1.0 + 1.0 / std::log2(3.0)));
  // Optimistic: 12, then 14 as near as 10 was, then 8.
  const std::vector<double> first = RollModel(NearTheNewest(), rated, {.steps = 3, .ties = core::Ties::kRelevantFirst});
  EXPECT_DOUBLE_EQ(first[1], 1.0);
}

// A recommender whose scores are the same for all is rolled as RollScores ranks.
TEST(Rolled, FixedScoresNeedNoRolling) {
  const data::EvalSet set = Users({{0}, {1}}, {{5, 4, 3, 2, 1, 6, 7}, {6, 2}});
  const std::vector<char> liked = {0, 1, 0, 1, 1, 0, 0, 1, 0};
  const RatedItems rated{set, liked};
  const std::vector<float> scores = {0, 3, 3, 1, 2, 2, 5, 0};
  const std::vector<double> wide(scores.begin(), scores.end());
  for (const core::Ties ties : {core::Ties::kRelevantFirst, core::Ties::kRelevantLast}) {
    const RollOptions options{.steps = 6, .ties = ties};
    EXPECT_EQ(RollModel(test::FixedScores(scores), rated, options), RollScores(wide, rated, options));
  }
  // 6, then 2 and 1 (liked) before 5 and 4 with 4 last among these: 3 of the first 5 but for the tie.
  const std::vector<double> values = RollScores(wide, rated, {.steps = 5});
  EXPECT_DOUBLE_EQ(values[0], 3.0 / 5);  // 6 - 1 2 + + 5 - 4 +
  EXPECT_DOUBLE_EQ(values[2], 1.0 / 5);  // two items, one liked: precision divides by five
  EXPECT_DOUBLE_EQ(values[3], 1.0);
}

// The mean over all orders of a user with two liked of four is what RollAtRandom says.
TEST(Rolled, RandomOrderIsTheMeanOfAllOrders) {
  const data::EvalSet set = Users({{0}}, {{1, 2, 3, 4, 5, 6}});
  const std::vector<char> liked = {1, 1, 0, 0, 0, 0};
  const RatedItems rated{set, liked};
  const RollOptions options{.steps = 5};
  std::vector<double> order = {1, 2, 3, 4, 5, 6};
  std::vector<double> sums(2, 0.0);
  double count = 0.0;
  do {
    std::vector<double> scores(7, 0.0);
    std::copy(order.begin(), order.end(), scores.begin() + 1);
    const std::vector<double> values = RollScores(scores, rated, options);
    sums[0] += values[0];
    sums[1] += values[1];
    ++count;
  } while (std::next_permutation(order.begin(), order.end()));
  const std::vector<double> expected = RollAtRandom(rated, options);
  EXPECT_NEAR(expected[0], sums[0] / count, 1e-12);
  EXPECT_NEAR(expected[1], sums[1] / count, 1e-12);
  EXPECT_DOUBLE_EQ(expected[0], 5.0 * (2.0 / 6) / 5.0);
}

TEST(Rolled, OracleAndUsersWithFullLists) {
  const data::EvalSet set = Users({{0}, {0}, {0}}, {{1, 2, 3, 4, 5, 6}, {1, 2}, {3}});
  const std::vector<char> liked = {0, 0, 1, 0, 1, 0, 1, 1, 0};
  const RatedItems rated{set, liked};
  const RollOptions options{.steps = 5};
  const std::vector<double> values = RollOracle(rated, options);
  EXPECT_EQ(values, (std::vector<double>{0.4, 1.0, 0.4, 1.0, 0.0, 0.0}));
  EXPECT_DOUBLE_EQ(SummarizeRolled(values, rated, options, 0).mean, 0.8 / 3);
  EXPECT_DOUBLE_EQ(SummarizeRolled(values, rated, options, 1).mean, 2.0 / 3);
  const Summary full = SummarizeRolled(values, rated, options, 0, 5);
  EXPECT_EQ(full.users, 1);
  EXPECT_DOUBLE_EQ(full.mean, 0.4);
}

TEST(Rolled, MeasuresEndWithTheSteps) {
  const auto names = [](std::int64_t steps) {
    std::vector<std::string> found;
    for (const RolledMeasure& measure : RolledMeasures(steps)) {
      found.push_back(measure.name);
    }
    return found;
  };
  EXPECT_EQ(names(10), (std::vector<std::string>{"precision@5", "precision@10", "ndcg@5", "ndcg@10"}));
  EXPECT_EQ(names(7), (std::vector<std::string>{"precision@5", "precision@7", "ndcg@5", "ndcg@7"}));
  EXPECT_EQ(names(2), (std::vector<std::string>{"precision@2", "ndcg@2"}));
}

// MovieLens-100k, the last floor(0.2 n) ratings of each user, to the digits of a short reference in another language.
// (Where floor(0.8 n) are for training instead, random order has .535 .462 .587 .636 and the oracle .833 .665 .962
// .962.)
TEST(Rolled, FloorAndCeilingOfMovieLens) {
  const std::filesystem::path folder = test::RealData().value_or("") / "ml-100k";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no ml-100k in RECFORCE_DATA or ../shared/data";
  }
  const test::TempDir dir;
  (void)data::Convert(base::RealFileSystem(), folder, {}, dir / "data");
  const data::Dataset dataset = data::Dataset::Open(dir / "data");
  data::SplitConfig config;
  config.kind = "user_time_ratio";
  config.validation_ratio = 0.0;
  config.test_ratio = 0.2;
  config.catalogue = "all";
  const data::Split split = data::MakeSplit(dataset, config);
  std::vector<char> liked;  // the test items of a user are its last, in the same order; all items are in the catalogue
  std::vector<double> likes(static_cast<std::size_t>(dataset.num_items()), 0.0);
  std::size_t place = 0;
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    const std::size_t trained = split.train.row(user).size();
    const auto items = dataset.interactions().row(user);
    for (std::size_t at = 0; at < items.size(); ++at, ++place) {
      const bool likes_it = dataset.values()[place] > 3.0F;
      if (at < trained) {
        likes[static_cast<std::size_t>(items[at])] += likes_it ? 1.0 : 0.0;
      } else {
        liked.push_back(likes_it ? 1 : 0);
      }
    }
  }
  const RatedItems rated{split.test, liked};
  const RollOptions options{.steps = 10};
  const auto expect = [&](const std::vector<double>& values, const std::vector<double>& means) {
    for (std::size_t measure = 0; measure < means.size(); ++measure) {
      EXPECT_NEAR(SummarizeRolled(values, rated, options, measure).mean, means[measure], 5e-5);
    }
  };
  expect(RollAtRandom(rated, options), {0.5256, 0.4444, 0.5972, 0.6417});
  expect(RollScores(likes, rated, options), {0.6218, 0.5103, 0.7175, 0.7442});
  expect(RollOracle(rated, options), {0.8074, 0.6391, 0.9608, 0.9608});
}

}  // namespace
}  // namespace recforce::eval
