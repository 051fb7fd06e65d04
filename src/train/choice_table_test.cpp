// SPDX-License-Identifier: Apache-2.0
// The rows that a model of choice stands in, over a split made by hand.
#include "train/choice_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/displays.h"

namespace recforce::train {
namespace {

using eval::ChoiceSubset;
using test::MakeDisplays;

// Item 0 before all others, which are equal.
class FirstItem : public core::Recommender {
 public:
  explicit FirstItem(std::optional<core::ChoiceRule> rule) : rule_(rule) {}
  [[nodiscard]] std::int64_t NumItems() const override { return 4; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t user = 0; user < users.size(); ++user) {
      std::fill(out.row(user).begin(), out.row(user).end(), 0.0F);
      out.row(user)[0] = 1.0F;
    }
  }
  [[nodiscard]] std::optional<core::ChoiceRule> choice() const override { return rule_; }

 private:
  std::optional<core::ChoiceRule> rule_;
};

data::Split MakeSplit() {
  data::Split split;
  split.catalogue = {0, 1, 2, 3};
  // Item 1 is chosen, whatever it stands beside.
  split.train_displays = MakeDisplays({{{{0, 1}, 1}, {{2, 1}, 1}}, {{{1, 2, 0}, 0}}, {{{0, 2}, 0}}, {{{1, 0}, 0}}});
  split.test_displays = MakeDisplays({{{{1, 0}, 0}, {{1, 2, 3}, 0}}, {{{2, 3}, 1}}});
  return split;
}

double MeanOf(const ChoiceRow& row, eval::ChoiceMeasure measure) {
  return SummarizeChoices(row.result, ChoiceSubset::kAll).mean[static_cast<std::size_t>(measure)].value;
}

TEST(ChoiceTableTest, TheModelStandsBesideBaselinesThatLearntFromTraining) {
  const auto rows = MakeChoiceTable("mine", FirstItem(core::ChoiceRule{}), MakeSplit(), 500, nullptr);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].name, "mine");
  EXPECT_EQ(rows[1].name, "item_logit");
  EXPECT_EQ(rows[2].name, "popularity_logit");
  EXPECT_EQ(rows[3].name, "uniform");
  // Ties are broken at random, the model's too: it knows nothing of items 1 to 3.
  EXPECT_DOUBLE_EQ(MeanOf(rows[0], eval::ChoiceMeasure::kPrecision1), (0.0 + 1.0 / 3 + 1.0 / 2) / 3);
  EXPECT_GE(MeanOf(rows[1], eval::ChoiceMeasure::kPrecision1), 2.0 / 3);
  EXPECT_GE(MeanOf(rows[2], eval::ChoiceMeasure::kPrecision1), 2.0 / 3);
  EXPECT_DOUBLE_EQ(MeanOf(rows[3], eval::ChoiceMeasure::kPrecision1), (0.5 + 1.0 / 3 + 0.5) / 3);
  EXPECT_NEAR(MeanOf(rows[3], eval::ChoiceMeasure::kNll), std::log(12.0) / 3, 1e-12);
  EXPECT_LT(MeanOf(rows[1], eval::ChoiceMeasure::kNll), MeanOf(rows[3], eval::ChoiceMeasure::kNll));
}

TEST(ChoiceTableTest, ScoresThatAreNoUtilitiesHaveNoLikelihood) {
  const auto rows = MakeChoiceTable("mine", FirstItem(std::nullopt), MakeSplit(), 1, nullptr);
  EXPECT_DOUBLE_EQ(MeanOf(rows[0], eval::ChoiceMeasure::kPrecision1), 5.0 / 18);
  EXPECT_TRUE(std::isnan(MeanOf(rows[0], eval::ChoiceMeasure::kNll)));
}

TEST(ChoiceTableTest, TheUniformChoiceMayBeNothingWhereTheModelsMay) {
  const core::ChoiceRule with_none{core::ChoiceLaw::kSoftmax, 0.0F};
  data::Split split = MakeSplit();
  EXPECT_TRUE(MakeChoiceTable("m", FirstItem(with_none), split, 9, nullptr)[3].result.rule->no_click);
  EXPECT_FALSE(MakeChoiceTable("m", FirstItem(std::nullopt), split, 9, nullptr)[3].result.rule->no_click);
  split.train_displays.choice[0] = -1;
  EXPECT_TRUE(MakeChoiceTable("m", FirstItem(std::nullopt), split, 9, nullptr)[3].result.rule->no_click);
}

TEST(ChoiceTableTest, WithoutDisplaysThereIsLess) {
  data::Split split = MakeSplit();
  split.train_displays = {};
  const auto rows = MakeChoiceTable("mine", FirstItem(std::nullopt), split, 500, nullptr);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].name, "uniform");
  split.test_displays = {};
  EXPECT_TRUE(MakeChoiceTable("mine", FirstItem(std::nullopt), split, 500, nullptr).empty());
}

}  // namespace
}  // namespace recforce::train
