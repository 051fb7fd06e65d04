// SPDX-License-Identifier: Apache-2.0
// The evaluation of choices with recommenders whose utilities are known, against values computed by hand, and the
// calibration of a true model.
#include "recforce/eval/choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "support/displays.h"
#include "support/error_of.h"

namespace recforce::eval {
namespace {

using core::ChoiceLaw;
using core::ChoiceRule;
using test::ErrorOf;
using test::MakeDisplays;
using test::Shown;
using Items = std::vector<std::int32_t>;

// Utilities that a function of the events before gives.
class FakeModel : public core::Recommender {
 public:
  using Utility = std::function<float(std::span<const std::int32_t> events, std::int32_t item)>;
  FakeModel(std::int64_t num_items, Utility utility, std::optional<ChoiceRule> rule)
      : num_items_(num_items), utility_(std::move(utility)), rule_(rule) {}
  [[nodiscard]] std::int64_t NumItems() const override { return num_items_; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    rows_ += users.size();
    largest_batch_ = std::max(largest_batch_, users.size());
    for (std::int64_t row = 0; row < users.size(); ++row) {
      const auto history = users.history.row(row);
      const auto events = users.events().row(row);
      seen_.push_back(
          {Items(history.begin(), history.end()), Items(events.begin(), events.end()), users.TrainRow(row)});
      for (std::int32_t item = 0; item < num_items_; ++item) {
        out.row(row)[static_cast<std::size_t>(item)] = utility_(events, item);
      }
    }
  }
  [[nodiscard]] std::optional<ChoiceRule> choice() const override { return rule_; }

  struct Row {
    Items history;
    Items events;
    std::int32_t train_row;
  };
  mutable std::vector<Row> seen_;
  mutable std::int64_t rows_ = 0;
  mutable std::int64_t largest_batch_ = 0;

 private:
  std::int64_t num_items_;
  Utility utility_;
  std::optional<ChoiceRule> rule_;
};

// The same utilities for everybody.
FakeModel Fixed(std::vector<float> utilities, std::optional<ChoiceRule> rule) {
  const auto num_items = static_cast<std::int64_t>(utilities.size());
  return FakeModel(
      num_items, [utilities](auto, std::int32_t item) { return utilities[static_cast<std::size_t>(item)]; }, rule);
}

void ExpectValues(const std::vector<double>& values, const std::vector<double>& expected) {
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t at = 0; at < values.size(); ++at) {
    if (std::isnan(expected[at])) {
      EXPECT_TRUE(std::isnan(values[at])) << "choice " << at << ": " << values[at];
    } else {
      EXPECT_NEAR(values[at], expected[at], 1e-6) << "choice " << at;
    }
  }
}
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

const double kLog2 = std::log(2.0);
const double kLog3 = std::log(3.0);

// Utilities whose exponentials are 1, 2, 3, 4; of items 4 and 5 again 2.
std::vector<float> Logs() {
  return {0.0F, std::log(2.0F), std::log(3.0F), std::log(4.0F), std::log(2.0F), std::log(2.0F)};
}

TEST(ChoiceTest, PrecisionCountsClicksAmongTheBestShown) {
  const data::DisplaySet set =
      MakeDisplays({{{{0, 3, 1}, 1}, {{0, 3, 1}, 2}, {{0, 3, 1}, 0}}, {{{2}, 0}, {{2, 3}, -1}, {{2, 3}, 0}}});
  const ChoiceResult result = EvaluateChoices(Fixed(Logs(), std::nullopt), set);
  ExpectValues(result.Of(ChoiceMeasure::kPrecision1), {1, 0, 0, 1, kNone, 0});
  ExpectValues(result.Of(ChoiceMeasure::kPrecision2), {1, 1, 0, 1, kNone, 1});
  // Without a rule there are no probabilities.
  ExpectValues(result.Of(ChoiceMeasure::kNll), {kNone, kNone, kNone, kNone, kNone, kNone});
  ExpectValues(result.Of(ChoiceMeasure::kClickNll), {kNone, kNone, kNone, kNone, kNone, kNone});
  EXPECT_TRUE(result.item_probability.empty());
  EXPECT_TRUE(ClickReliability(result).bins.empty());
  const ChoiceSummary all = SummarizeChoices(result, ChoiceSubset::kAll);
  EXPECT_EQ(all.choices, 6);
  EXPECT_EQ(all.clicks, 5);
  EXPECT_EQ(all.users, 2);
  EXPECT_DOUBLE_EQ(all.mean[0].value, 0.6 - 0.2);
  EXPECT_DOUBLE_EQ(all.mean[1].value, 0.8);
  EXPECT_DOUBLE_EQ(all.user_mean[0].value, (1.0 / 3.0 + 1.0 / 2.0) / 2.0);
  EXPECT_DOUBLE_EQ(all.user_mean[1].value, (2.0 / 3.0 + 1.0) / 2.0);
  EXPECT_TRUE(std::isnan(all.mean[2].value));
  EXPECT_TRUE(std::isnan(all.mean[2].low));
  EXPECT_TRUE(std::isnan(all.relative_perplexity.value));
}

TEST(ChoiceTest, TiesStandLastFirstOrAnywhere) {
  // Items 1, 4 and 5 are equal, item 3 is better, item 0 worse.
  const data::DisplaySet set =
      MakeDisplays({{{{1, 4, 5}, 0}, {{1, 4, 5, 3}, 1}, {{4, 1}, 0}, {{4}, 0}, {{0, 4, 1, 5}, 2}}});
  const auto values = [&](ChoiceTies ties, ChoiceMeasure measure) {
    ChoiceOptions options;
    options.ties = ties;
    return EvaluateChoices(Fixed(Logs(), std::nullopt), set, options).Of(measure);
  };
  ExpectValues(values(ChoiceTies::kPessimistic, ChoiceMeasure::kPrecision1), {0, 0, 0, 1, 0});
  ExpectValues(values(ChoiceTies::kPessimistic, ChoiceMeasure::kPrecision2), {0, 0, 1, 1, 0});
  ExpectValues(values(ChoiceTies::kOptimistic, ChoiceMeasure::kPrecision1), {1, 0, 1, 1, 1});
  ExpectValues(values(ChoiceTies::kOptimistic, ChoiceMeasure::kPrecision2), {1, 1, 1, 1, 1});
  ExpectValues(values(ChoiceTies::kExpected, ChoiceMeasure::kPrecision1), {1.0 / 3, 0, 0.5, 1, 1.0 / 3});
  ExpectValues(values(ChoiceTies::kExpected, ChoiceMeasure::kPrecision2), {2.0 / 3, 1.0 / 3, 1, 1, 2.0 / 3});
}

TEST(ChoiceTest, ShannonsLikelihoodWithoutNoClick) {
  const data::DisplaySet set = MakeDisplays({{{{0, 1, 2}, 2}, {{3}, 0}, {{0, 2}, -1}}});
  const ChoiceResult result = EvaluateChoices(Fixed(Logs(), ChoiceRule{}), set);
  // 3 / (1 + 2 + 3), certainty, and a display that the model has no word for.
  ExpectValues(result.Of(ChoiceMeasure::kNll), {kLog2, 0.0, kNone});
  ExpectValues(result.Of(ChoiceMeasure::kFenchelYoung), {kLog2, 0.0, kNone});
  ExpectValues(result.Of(ChoiceMeasure::kClickNll), {kLog2, 0.0, kNone});
  ExpectValues(result.Of(ChoiceMeasure::kBrier), {1.0 / 36 + 1.0 / 9 + 1.0 / 4, 0.0, kNone});
  ExpectValues(result.item_probability, {1.0 / 6, 1.0 / 3, 0.5, 1.0, 0.25, 0.75});
  const ChoiceSummary all = SummarizeChoices(result, ChoiceSubset::kAll);
  EXPECT_NEAR(all.mean[2].value, kLog2 / 2, 1e-6);
  EXPECT_NEAR(all.relative_perplexity.value, std::exp((kLog2 - kLog3) / 2), 1e-6);
}

TEST(ChoiceTest, ShannonsLikelihoodWithNoClick) {
  // Nothing weighs 2: the choices have the probabilities 3 / 8, 4 / 6 and 2 / 6.
  const data::DisplaySet set = MakeDisplays({{{{0, 1, 2}, 2}, {{3}, 0}, {{0, 2}, -1}}});
  const ChoiceResult result = EvaluateChoices(Fixed(Logs(), ChoiceRule{ChoiceLaw::kSoftmax, std::log(2.0F)}), set);
  ExpectValues(result.Of(ChoiceMeasure::kNll), {std::log(8.0 / 3), std::log(1.5), kLog3});
  ExpectValues(result.Of(ChoiceMeasure::kFenchelYoung), {std::log(8.0 / 3), std::log(1.5), kLog3});
  ExpectValues(result.Of(ChoiceMeasure::kClickNll), {kLog2, 0.0, kNone});
  ExpectValues(result.Of(ChoiceMeasure::kBrier), {(1.0 + 4.0 + 25.0 + 4.0) / 64, 2.0 / 9, (1.0 + 9.0) / 36 + 4.0 / 9});
  ExpectValues(result.no_click_probability, {0.25, 1.0 / 3, 1.0 / 3});
  const ChoiceSummary all = SummarizeChoices(result, ChoiceSubset::kAll);
  // The uniform choice is one of 4, 2 and 3.
  EXPECT_NEAR(all.relative_perplexity.value, std::cbrt(8.0 / 3 * 1.5 * 3 / 24), 1e-6);
}

TEST(ChoiceTest, ChoicesThatALawRulesOutHaveAFloor) {
  // Sparsemax of (1, .4, -.3, 0) is (.8, .2, 0, 0).
  const data::DisplaySet set = MakeDisplays({{{{0, 1, 2, 3}, 0}, {{0, 1, 2, 3}, 2}, {{2, 1}, 1}}});
  const ChoiceResult result =
      EvaluateChoices(Fixed({1.0F, 0.4F, -0.3F, 0.0F}, ChoiceRule{ChoiceLaw::kSparsemax, std::nullopt}), set);
  const double floor = -std::log(1e-12);
  ExpectValues(result.Of(ChoiceMeasure::kNll), {-std::log(0.8), floor, -std::log(0.85)});
  ExpectValues(result.Of(ChoiceMeasure::kClickNll), {-std::log(0.8), floor, -std::log(0.85)});
  // max <p, r> - |p|^2 / 2 = .54; less the utility of the choice, plus 1/2.
  EXPECT_NEAR(result.Of(ChoiceMeasure::kFenchelYoung)[0], 0.04, 1e-6);
  EXPECT_NEAR(result.Of(ChoiceMeasure::kFenchelYoung)[1], 1.34, 1e-6);
  EXPECT_EQ(SummarizeChoices(result, ChoiceSubset::kAll).floored, 1);
}

TEST(ChoiceTest, WhatASoftmaxAllButRulesOutHasTheSameFloorAndAnExactLoss) {
  const data::DisplaySet set = MakeDisplays({{{{0, 1}, 1}, {{0, 1}, 0}}});
  const ChoiceResult result = EvaluateChoices(Fixed({900.0F, 0.0F}, ChoiceRule{}), set);
  ExpectValues(result.Of(ChoiceMeasure::kNll), {-std::log(1e-12), 0.0});
  ExpectValues(result.Of(ChoiceMeasure::kClickNll), {-std::log(1e-12), 0.0});
  ExpectValues(result.Of(ChoiceMeasure::kFenchelYoung), {900.0, 0.0});
  EXPECT_EQ(SummarizeChoices(result, ChoiceSubset::kAll).floored, 1);
}

TEST(ChoiceTest, OtherLawsDivideByWhatTheyLeaveToClicks) {
  // Sparsemax of (.5, .1) and .3 for nothing: tau is -.1 / 3, so 8 / 15, 2 / 15 and 1 / 3.
  const data::DisplaySet set = MakeDisplays({{{{0, 1}, 0}, {{0, 1}, -1}}});
  const ChoiceResult result = EvaluateChoices(Fixed({0.5F, 0.1F}, ChoiceRule{ChoiceLaw::kSparsemax, 0.3F}), set);
  ExpectValues(result.Of(ChoiceMeasure::kNll), {-std::log(8.0 / 15), kLog3});
  ExpectValues(result.Of(ChoiceMeasure::kClickNll), {-std::log(0.8), kNone});
  // A model that is sure of nothing being clicked says nothing of what is.
  const ChoiceResult sure = EvaluateChoices(Fixed({0.5F, 0.1F}, ChoiceRule{ChoiceLaw::kSparsemax, 5.0F}), set);
  ExpectValues(sure.Of(ChoiceMeasure::kClickNll), {-std::log(1e-12), kNone});
}

TEST(ChoiceTest, HistoriesAreWhatTheUserClickedBefore) {
  const data::DisplaySet set = MakeDisplays(
      {{{{3, 1}, 0}, {{1, 2}, -1}, {{5, 2}, 0}, {{3, 4}, 0}, {{0, 1}, 1}}, {}, {{{2, 1}, -1}, {{2, 0}, 0}, {{1}, 0}}});
  const FakeModel model = Fixed(Logs(), std::nullopt);
  const ChoiceResult result = EvaluateChoices(model, set);
  // Both displays after the click on 3 share a row, as do the first ones of both users.
  const std::vector<std::pair<Items, Items>> expected = {
      {{}, {}}, {{3}, {3}}, {{3, 5}, {3, 5}}, {{5, 3}, {3, 5, 3}}, {{2}, {2}}};
  ASSERT_EQ(model.seen_.size(), expected.size());
  for (std::size_t row = 0; row < expected.size(); ++row) {
    EXPECT_EQ(model.seen_[row].history, expected[row].first) << row;
    EXPECT_EQ(model.seen_[row].events, expected[row].second) << row;
    EXPECT_EQ(model.seen_[row].train_row, -1);
  }
  EXPECT_EQ(result.has_history, (std::vector<std::uint8_t>{0, 1, 1, 1, 1, 0, 0, 1}));
}

TEST(ChoiceTest, TrainingUsersKeepTheirRows) {
  const data::DisplaySet set = MakeDisplays({{{{3, 1}, -1}, {{1, 2}, 0}}, {{{2, 1}, 0}}, {{{2, 1}, 0}}});
  const FakeModel model = Fixed(Logs(), std::nullopt);
  const std::vector<std::int32_t> rows = {7, -1, 4};
  (void)EvaluateChoices(model, set, {.rows = rows});
  ASSERT_EQ(model.seen_.size(), 3U);  // user 0 has clicked nothing yet at the second display
  EXPECT_EQ(model.seen_[0].train_row, 7);
  EXPECT_EQ(model.seen_[1].train_row, -1);
  EXPECT_EQ(model.seen_[2].train_row, 4);
}

// Utilities that depend on the last event.
float WithState(std::span<const std::int32_t> events, std::int32_t item) {
  const std::uint32_t last = events.empty() ? 1000U : static_cast<std::uint32_t>(events.back());
  const std::uint32_t mixed = (last * 2654435761U ^ static_cast<std::uint32_t>(item) * 2246822519U) * 3266489917U;
  return static_cast<float>(mixed >> 16U) / 32768.0F - 1.0F + 0.02F * static_cast<float>(item);
}

// Choices by `rule` over the utilities WithState.
data::DisplaySet Simulate(const ChoiceRule& rule, std::int32_t users, std::int32_t pages, std::int32_t items) {
  std::vector<std::vector<Shown>> all;
  for (std::int32_t user = 0; user < users; ++user) {
    base::Rng rng(5, base::Stream::kTest, static_cast<std::uint64_t>(user));
    std::vector<Shown> displays;
    Items events;
    for (std::int32_t page = 0; page < pages; ++page) {
      Items catalogue(static_cast<std::size_t>(items));
      for (std::int32_t item = 0; item < items; ++item) {
        catalogue[static_cast<std::size_t>(item)] = item;
      }
      rng.Shuffle(std::span(catalogue));
      catalogue.resize(1 + static_cast<std::size_t>(rng.Below(5)));
      std::vector<float> utilities;
      for (const std::int32_t item : catalogue) {
        utilities.push_back(WithState(events, item));
      }
      const std::int32_t choice = core::Choose(rule, utilities, rng.Uniform());
      if (choice >= 0) {
        events.push_back(catalogue[static_cast<std::size_t>(choice)]);
      }
      displays.push_back({catalogue, choice});
    }
    all.push_back(std::move(displays));
  }
  return MakeDisplays(all);
}

// Whether two vectors are equal, where NaN is equal to itself.
bool Same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

TEST(ChoiceTest, NeitherBatchesNorThreadsChangeAnything) {
  const ChoiceRule rule{ChoiceLaw::kEntmax15, 0.2F};
  const data::DisplaySet set = Simulate(rule, 40, 12, 30);
  const FakeModel model(30, WithState, rule);
  const ChoiceResult expected = EvaluateChoices(model, set);
  const ChoiceSummary summary = SummarizeChoices(expected, ChoiceSubset::kSeveralShown);
  const int threads = base::Threads();
  for (const auto& [batch, count] : std::vector<std::pair<std::int64_t, int>>{{1, 1}, {7, 2}, {100, 3}}) {
    base::SetThreads(count);
    const FakeModel again(30, WithState, rule);
    const ChoiceResult result = EvaluateChoices(again, set, {.batch_size = batch});
    EXPECT_EQ(again.largest_batch_, batch);
    for (std::size_t measure = 0; measure < kChoiceMeasures; ++measure) {
      EXPECT_TRUE(Same(result.values[measure], expected.values[measure])) << kChoiceMeasureNames[measure];
    }
    EXPECT_EQ(result.item_probability, expected.item_probability);
    const ChoiceSummary repeated = SummarizeChoices(result, ChoiceSubset::kSeveralShown);
    EXPECT_EQ(repeated.mean[2].low, summary.mean[2].low);
    EXPECT_EQ(repeated.mean[2].high, summary.mean[2].high);
    EXPECT_EQ(repeated.relative_perplexity.low, summary.relative_perplexity.low);
  }
  base::SetThreads(threads);
}

TEST(ChoiceTest, SubsetsLeaveOutWhatIsTooEasyOrHasNoHistory) {
  const data::DisplaySet set = MakeDisplays({{{{3}, 0}, {{0, 1}, 0}, {{3}, 0}}, {{{0, 3}, 1}, {{1, 2}, -1}}});
  const ChoiceResult result = EvaluateChoices(Fixed(Logs(), ChoiceRule{}), set);
  const auto summary = [&](ChoiceSubset subset) { return SummarizeChoices(result, subset); };
  EXPECT_EQ(summary(ChoiceSubset::kAll).choices, 5);
  EXPECT_EQ(summary(ChoiceSubset::kSeveralShown).choices, 3);
  EXPECT_EQ(summary(ChoiceSubset::kWithHistory).choices, 3);
  const ChoiceSummary both = summary(ChoiceSubset::kSeveralShownWithHistory);
  EXPECT_EQ(both.choices, 2);
  EXPECT_EQ(both.clicks, 1);
  EXPECT_EQ(both.users, 2);
  EXPECT_DOUBLE_EQ(summary(ChoiceSubset::kAll).mean[0].value, 0.75);
  EXPECT_DOUBLE_EQ(summary(ChoiceSubset::kSeveralShown).mean[0].value, 0.5);
  EXPECT_DOUBLE_EQ(summary(ChoiceSubset::kWithHistory).mean[0].value, 0.5);
  EXPECT_DOUBLE_EQ(both.mean[0].value, 0.0);
  EXPECT_NEAR(both.mean[2].value, kLog3, 1e-6);
  // The second user has no choice that counts there.
  EXPECT_NEAR(both.user_mean[2].value, kLog3, 1e-6);
}

TEST(ChoiceTest, IntervalsDrawUsersWithAllTheirChoices) {
  // Three hits of one user, a miss of the other: any draw of two users gives 1, 3/4 or 0.
  const data::DisplaySet set = MakeDisplays({{{{0, 3}, 1}, {{0, 3}, 1}, {{0, 3}, 1}}, {{{0, 3}, 0}}});
  const ChoiceSummary all = SummarizeChoices(EvaluateChoices(Fixed(Logs(), ChoiceRule{}), set), ChoiceSubset::kAll);
  EXPECT_DOUBLE_EQ(all.mean[0].value, 0.75);
  EXPECT_DOUBLE_EQ(all.mean[0].low, 0.0);
  EXPECT_DOUBLE_EQ(all.mean[0].high, 1.0);
  EXPECT_DOUBLE_EQ(all.user_mean[0].value, 0.5);
  // With the same value of everybody there is nothing to draw from.
  EXPECT_DOUBLE_EQ(all.mean[1].low, 1.0);
  EXPECT_DOUBLE_EQ(all.mean[1].high, 1.0);
  // 4/5 of 1/2 and 1/5 of 1/2.
  EXPECT_NEAR(all.relative_perplexity.low, 1.0 / 1.6, 1e-6);
  EXPECT_NEAR(all.relative_perplexity.high, 1.0 / 0.4, 1e-6);
}

TEST(ChoiceTest, EqualPredictionsShareABin) {
  // Probabilities 1/4 and 3/4; the likelier is chosen in all four.
  const data::DisplaySet set = MakeDisplays({{{{0, 2}, 1}, {{0, 2}, 1}}, {{{2, 0}, 0}, {{0, 2}, 1}}});
  const Reliability table = ClickReliability(EvaluateChoices(Fixed(Logs(), ChoiceRule{}), set));
  ASSERT_EQ(table.bins.size(), 2U);
  EXPECT_EQ(table.bins[0].count, 4);
  EXPECT_NEAR(table.bins[0].predicted, 0.25, 1e-6);
  EXPECT_EQ(table.bins[0].observed, 0.0);
  EXPECT_NEAR(table.bins[1].predicted, 0.75, 1e-6);
  EXPECT_EQ(table.bins[1].observed, 1.0);
  EXPECT_NEAR(table.ece, 0.25, 1e-6);
}

TEST(ChoiceTest, BinsHoldAsManyPredictionsAsEachOther) {
  // 30 single items of utility item / 10, chosen from against 0 of nothing; every third click comes true.
  std::vector<Shown> displays;
  std::vector<float> utilities;
  for (std::int32_t item = 0; item < 30; ++item) {
    displays.push_back({{item}, item % 3 == 0 ? 0 : -1});
    utilities.push_back(static_cast<float>(item) / 10.0F);
  }
  const ChoiceResult result =
      EvaluateChoices(Fixed(utilities, ChoiceRule{ChoiceLaw::kSoftmax, 0.0F}), MakeDisplays({displays}));
  const Reliability clicks = ClickReliability(result);
  const Reliability none = NoClickReliability(result);
  ASSERT_EQ(clicks.bins.size(), 10U);
  ASSERT_EQ(none.bins.size(), 10U);
  double error = 0.0;
  for (std::size_t bin = 0; bin < 10; ++bin) {
    double mean = 0.0;
    for (std::size_t item = 3 * bin; item < 3 * bin + 3; ++item) {
      mean += 1.0 / (1.0 + std::exp(-static_cast<double>(utilities[item]))) / 3;
    }
    EXPECT_EQ(clicks.bins[bin].count, 3);
    EXPECT_NEAR(clicks.bins[bin].predicted, mean, 1e-9);
    EXPECT_NEAR(clicks.bins[bin].observed, 1.0 / 3, 1e-12);
    EXPECT_NEAR(none.bins[9 - bin].predicted, 1.0 - mean, 1e-9);
    EXPECT_NEAR(none.bins[9 - bin].observed, 2.0 / 3, 1e-12);
    error += std::abs(mean - 1.0 / 3) / 10;
  }
  EXPECT_NEAR(clicks.ece, error, 1e-9);
  EXPECT_NEAR(none.ece, error, 1e-9);
}

TEST(ChoiceTest, CalibrationIsOfTheChoicesOfTheSubset) {
  // After the first click every display has two items of probability 1/4 and 3/4.
  const data::DisplaySet set = MakeDisplays({{{{1}, 0}, {{0, 2}, 1}, {{0, 2}, 0}}});
  const ChoiceResult result = EvaluateChoices(Fixed(Logs(), ChoiceRule{}), set);
  EXPECT_NEAR(ClickReliability(result, ChoiceSubset::kWithHistory).ece, 0.25, 1e-6);
  EXPECT_NEAR(ClickReliability(result).ece, (0.25 * 4 + 0.0) / 5, 1e-6);  // the single item is foreseen
  EXPECT_TRUE(NoClickReliability(result).bins.empty());
  EXPECT_TRUE(std::isnan(NoClickReliability(result).ece));
}

TEST(ChoiceTest, TheTrueModelIsCalibrated) {
  for (const ChoiceRule& rule : {ChoiceRule{ChoiceLaw::kSoftmax, 0.5F}, ChoiceRule{ChoiceLaw::kSparsemax, 0.5F},
                                 ChoiceRule{ChoiceLaw::kEntmax15, std::nullopt}}) {
    const data::DisplaySet set = Simulate(rule, rule.law == ChoiceLaw::kSoftmax ? 5000 : 2000, 20, 25);
    const ChoiceResult result = EvaluateChoices(FakeModel(25, WithState, rule), set);
    EXPECT_LT(ClickReliability(result).ece, 0.01);
    EXPECT_LT(ClickReliability(result, ChoiceSubset::kSeveralShownWithHistory).ece, 0.01);
    if (rule.no_click) {
      EXPECT_LT(NoClickReliability(result).ece, 0.01);
    }
    // One of half the differences between utilities is not, and less likely.
    const FakeModel flat(
        25, [](auto events, auto item) { return 0.5F * WithState(events, item); }, rule);
    const ChoiceResult worse = EvaluateChoices(flat, set);
    EXPECT_GT(ClickReliability(worse).ece, 0.02);
    if (rule.law == ChoiceLaw::kSoftmax) {
      const Comparison difference = CompareChoices(result, worse, ChoiceMeasure::kNll, 1, 200);
      EXPECT_LT(difference.ci_high, 0.0);
      EXPECT_LT(difference.p, 0.01);
    }
  }
}

TEST(CompareChoicesTest, WeighsChoicesAndDrawsUsers) {
  const data::DisplaySet set =
      MakeDisplays({{{{0, 3}, 1}, {{0, 3}, 1}, {{0, 3}, -1}, {{0, 3}, 1}}, {{{0, 3}, 0}}, {{{0, 3}, -1}}});
  const ChoiceResult a = EvaluateChoices(Fixed(Logs(), std::nullopt), set);
  const ChoiceResult b = EvaluateChoices(Fixed({1, 1, 1, 0, 1, 1}, std::nullopt), set);
  const Comparison result = CompareChoices(a, b, ChoiceMeasure::kPrecision1);
  EXPECT_DOUBLE_EQ(result.mean_a, 0.75);
  EXPECT_DOUBLE_EQ(result.mean_b, 0.25);
  EXPECT_DOUBLE_EQ(result.difference, 0.5);
  EXPECT_EQ(result.users, 2);  // the third clicked nothing
  EXPECT_EQ(result.users_where_a_wins, 1);
  EXPECT_EQ(result.users_where_b_wins, 1);
  EXPECT_DOUBLE_EQ(result.ci_low, -1.0);
  EXPECT_DOUBLE_EQ(result.ci_high, 1.0);
  // |3 - 1| is reached by every choice of signs.
  EXPECT_DOUBLE_EQ(result.p, 1.0);
  const Comparison mirrored = CompareChoices(b, a, ChoiceMeasure::kPrecision1);
  EXPECT_EQ(mirrored.difference, -result.difference);
  EXPECT_EQ(mirrored.ci_low, -result.ci_high);
  EXPECT_EQ(mirrored.p, result.p);
}

TEST(CompareChoicesTest, WithOneChoiceAUserIsTheComparisonOfUsers) {
  const ChoiceRule rule{ChoiceLaw::kSoftmax, 0.0F};
  const data::DisplaySet set = Simulate(rule, 60, 1, 30);
  const ChoiceResult a = EvaluateChoices(FakeModel(30, WithState, rule), set);
  const ChoiceResult b = EvaluateChoices(Fixed(std::vector<float>(30, 0.0F), rule), set);
  const Comparison expected = ComparePaired(a.Of(ChoiceMeasure::kNll), b.Of(ChoiceMeasure::kNll), 3, 500);
  const int threads = base::Threads();
  for (const int count : {1, 3}) {
    base::SetThreads(count);
    const Comparison result = CompareChoices(a, b, ChoiceMeasure::kNll, 3, 500);
    EXPECT_EQ(result.difference, expected.difference);
    EXPECT_EQ(result.ci_low, expected.ci_low);
    EXPECT_EQ(result.ci_high, expected.ci_high);
    EXPECT_EQ(result.p, expected.p);
    EXPECT_EQ(result.users_where_a_wins, expected.users_where_a_wins);
  }
  base::SetThreads(threads);
}

TEST(CompareChoicesTest, RefusesWhatCannotBeCompared) {
  const data::DisplaySet set = MakeDisplays({{{{0, 3}, 1}}});
  const ChoiceResult soft = EvaluateChoices(Fixed(Logs(), ChoiceRule{}), set);
  const ChoiceResult none = EvaluateChoices(Fixed(Logs(), ChoiceRule{ChoiceLaw::kSoftmax, 0.0F}), set);
  const ChoiceResult sparse = EvaluateChoices(Fixed(Logs(), ChoiceRule{ChoiceLaw::kSparsemax, std::nullopt}), set);
  const ChoiceResult ruleless = EvaluateChoices(Fixed(Logs(), std::nullopt), set);
  const ChoiceResult other = EvaluateChoices(Fixed(Logs(), ChoiceRule{}), MakeDisplays({{{{0, 3}, 0}}}));
  const auto compare = [](const ChoiceResult& a, const ChoiceResult& b, ChoiceMeasure measure) {
    return ErrorOf([&] { (void)CompareChoices(a, b, measure); });
  };
  EXPECT_EQ(compare(soft, other, ChoiceMeasure::kNll),
            "Data: comparison of choices: different choices: '1' and '1'; expected the same displays and clicks under "
            "both models");
  EXPECT_EQ(compare(soft, none, ChoiceMeasure::kNll),
            "Data: comparison of choices: one model alone may choose nothing, so they do not foresee the same: 'nll'; "
            "expected click_nll, p@1 or p@2");
  EXPECT_EQ(compare(soft, none, ChoiceMeasure::kClickNll), "");
  EXPECT_EQ(compare(soft, sparse, ChoiceMeasure::kNll), "");
  EXPECT_EQ(compare(soft, sparse, ChoiceMeasure::kFenchelYoung),
            "Data: comparison of choices: the losses of two laws of choice have different units: 'fenchel_young'; "
            "expected nll, click_nll, brier, p@1 or p@2");
  EXPECT_EQ(compare(soft, ruleless, ChoiceMeasure::kNll),
            "Data: comparison of choices: no choice has a value of both models: 'nll'; expected at least one");
}

TEST(ChoiceTest, SaysWhatItCannotMeasure) {
  EXPECT_EQ(ErrorOf([] { (void)EvaluateChoices(Fixed(Logs(), std::nullopt), MakeDisplays({})); }),
            "Data: evaluation of choices: no choices to evaluate: 0; expected at least one");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(ErrorOf([&] {
              (void)EvaluateChoices(Fixed({0.0F, nan}, ChoiceRule{}), MakeDisplays({{{{0, 1}, 0}}}));
            }),
            "Diverged: evaluation of choices: the score of an item is 'nan'; expected a finite number");
  // Nobody asked for item 1.
  EXPECT_EQ(ErrorOf([&] { (void)EvaluateChoices(Fixed({0.0F, nan}, ChoiceRule{}), MakeDisplays({{{{0}, 0}}})); }), "");
  const ChoiceSummary empty = SummarizeChoices(EvaluateChoices(Fixed(Logs(), ChoiceRule{}), MakeDisplays({{{{0}, 0}}})),
                                               ChoiceSubset::kWithHistory);
  EXPECT_EQ(empty.choices, 0);
  EXPECT_TRUE(std::isnan(empty.mean[0].value));
}

TEST(ChoiceTest, StopsWhenAsked) {
  base::StopFlag stop;
  stop.Set();
  EXPECT_THROW((void)EvaluateChoices(Fixed(Logs(), ChoiceRule{}), MakeDisplays({{{{0}, 0}}}), {}, &stop), base::Error);
}

}  // namespace
}  // namespace recforce::eval
