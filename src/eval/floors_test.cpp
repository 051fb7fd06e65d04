// SPDX-License-Identifier: Apache-2.0
// Floors of an evaluation: rankings of the same candidates that know nothing of the user at hand.
#include "eval/floors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "support/fixed_scores.h"

namespace recforce::eval {
namespace {

using Items = std::vector<std::int32_t>;

// Knows the target of each training row: eight items, 3 points for item `row`, a share of the item's number otherwise.
class KnowsRows final : public core::Recommender {
 public:
  [[nodiscard]] std::int64_t NumItems() const override { return 8; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      for (std::int64_t item = 0; item < 8; ++item) {
        out.row(row)[static_cast<std::size_t>(item)] = item == users.TrainRow(row) ? 3.0F : 0.1F * float(item);
      }
      // What the model is shown belongs together: the input of row r is item (r + 1) mod 8.
      EXPECT_EQ(users.history.row(row)[0], (users.TrainRow(row) + 1) % 8);
    }
  }
};

// User u has seen (u + 1) mod 8 and is to find u, `times` rows each.
data::EvalSet EightUsers(std::int64_t times = 1) {
  data::EvalSet set;
  for (std::int32_t user = 0; user < 8; ++user) {
    for (std::int64_t n = 0; n < times; ++n) {
      set.users.push_back(user);
      set.train_rows.push_back(user);
      set.input.AddRow(Items{(user + 1) % 8});
      set.target.AddRow(Items{user});
    }
  }
  return set;
}

EvalOptions Options(const data::Csr& train, std::int64_t batch_size) {
  EvalOptions options;
  options.batch_size = batch_size;
  options.train = train.view();
  return options;
}

TEST(Floors, TellWhatIsPersonal) {
  const data::EvalSet set = EightUsers();
  data::Csr train;  // item 7 is had by three, 6 by two
  train.AddRow(Items{7, 6});
  train.AddRow(Items{7, 6});
  train.AddRow(Items{7});
  const KnowsRows model;
  const std::vector<Metric> metrics = ParseMetrics(std::vector<std::string>{"hr@1", "mrr@8"});
  for (const std::int64_t batch : {3, 8}) {
    const EvalOptions options = Options(train, batch);
    const EvalResult result = Evaluate(model, set, metrics, options);
    const FloorTable table = MeasureFloors("knows", model, set, result, options, 5);
    ASSERT_EQ(table.rows.size(), 4U);
    EXPECT_EQ(table.rows[0].name, "knows");
    EXPECT_EQ(table.rows[0].own[0].mean, 1.0);
    EXPECT_TRUE(table.rows[0].difference.empty());
    // Most of the training users have 7; user 6 has seen it and gets 6. Nobody else's target is first.
    EXPECT_EQ(table.rows[1].name, "popularity");
    EXPECT_DOUBLE_EQ(table.rows[1].own[0].mean, 2.0 / 8);
    // Means are 3 / 8 + 7 / 8 * 0.1 item: the order of the items' numbers again.
    EXPECT_EQ(table.rows[2].name, "mean user");
    EXPECT_DOUBLE_EQ(table.rows[2].own[0].mean, 2.0 / 8);
    EXPECT_DOUBLE_EQ(table.rows[2].difference[0].mean, 6.0 / 8);
    // Every user is scored as another: that one's item is first unless it is masked, and never the target, but where it
    // is masked the next is item 7, or 6.
    EXPECT_EQ(table.rows[3].name, "shuffled user");
    EXPECT_LE(table.rows[3].own[0].mean, 2.0 / 8);
    EXPECT_DOUBLE_EQ(table.rows[3].difference[0].mean, 1.0 - table.rows[3].own[0].mean);
    EXPECT_FALSE(table.impersonal.has_value());
  }
}

TEST(Floors, SayThatPopularityIsNotPersonal) {
  const data::EvalSet set = EightUsers();
  data::Csr train;
  train.AddRow(Items{7, 6});
  const test::FixedScores model({1, 2, 3, 4, 5, 6, 7, 8});
  const EvalOptions options = Options(train, 4);
  const std::vector<Metric> metrics = ParseMetrics(std::vector<std::string>{"novelty@2", "ndcg@5", "hr@1"});
  const FloorTable table = MeasureFloors("fixed", model, set, Evaluate(model, set, metrics, options), options, 5);
  ASSERT_TRUE(table.impersonal.has_value());
  EXPECT_EQ(table.impersonal->name, "ndcg@5");  // novelty measures no targets
  EXPECT_EQ(table.rows[3].difference[1].mean, 0.0);
  EXPECT_EQ(table.rows[2].own[1].mean, table.rows[0].own[1].mean);
}

// Ranks asks whose row each got: the score of item 0 is the training row.
class Names final : public core::Recommender {
 public:
  [[nodiscard]] std::int64_t NumItems() const override { return 1; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      out.row(row)[0] = static_cast<float>(users.TrainRow(row));
    }
  }
};

TEST(Floors, NobodyIsScoredAsHimself) {
  const Names model;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (const std::int64_t times : {1, 3}) {
      const data::EvalSet set = EightUsers(times);
      const auto shuffled = ShuffledUser(model, set, seed);
      std::vector<float> got(set.users.size());
      shuffled->ScoreBatch({.history = set.input.view(), .rows = set.train_rows}, {got.data(), set.rows(), 1});
      for (std::int64_t row = 0; row < set.rows(); ++row) {
        EXPECT_NE(got[row], set.users[row]);
        EXPECT_EQ(got[row], got[row / times * times]);  // all rows of a user as the same other
      }
      EXPECT_EQ(std::set<float>(got.begin(), got.end()).size(), 8U);
    }
  }
  data::EvalSet one;
  one.users = {4, 4};
  EXPECT_EQ(ShuffledUser(model, one, 1), nullptr);
}

TEST(SummarizeByUser, RowsOfAUserMoveTogether) {
  const std::vector<double> values = {1, 1, 0, 0};
  const Summary alone = SummarizeByUser(values, Items{0, 1, 2, 3});
  EXPECT_DOUBLE_EQ(alone.half_width95, Summarize(values).half_width95);
  // Two users: sums of deviations are 1 and -1, so 1.96 sqrt(2 / 1 * 2) / 4.
  const Summary pairs = SummarizeByUser(values, Items{0, 0, 1, 1});
  EXPECT_DOUBLE_EQ(pairs.mean, 0.5);
  EXPECT_DOUBLE_EQ(pairs.half_width95, 1.96 * 2.0 / 4.0);
  EXPECT_EQ(SummarizeByUser(values, Items{0, 0, 0, 0}).half_width95, 0.0);
}

}  // namespace
}  // namespace recforce::eval
