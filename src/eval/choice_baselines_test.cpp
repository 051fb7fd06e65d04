// SPDX-License-Identifier: Apache-2.0
// Baselines of choice: expectations of the uniform one, and fits that find what generated the choices.
#include "recforce/eval/choice_baselines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "eval/choice_logit.h"
#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/core/choice.h"
#include "recforce/eval/choice.h"
#include "support/displays.h"

namespace recforce::eval {
namespace {

using core::ChoiceLaw;
using core::ChoiceRule;
using test::MakeDisplays;
using test::Shown;

// What a model without a state says of each item.
std::vector<float> UtilitiesOf(const core::Recommender& model) {
  const data::Csr nobody{{0, 0}, {}};
  std::vector<float> scores(static_cast<std::size_t>(model.NumItems()));
  model.ScoreBatch({.history = nobody.view()}, {scores.data(), 1, model.NumItems()});
  return scores;
}

// Every user sees `pages` displays of two to five random items and chooses by `rule` and `utilities`.
data::DisplaySet Simulate(const ChoiceRule& rule, const std::vector<float>& utilities, std::int32_t users,
                          std::int32_t pages) {
  std::vector<std::vector<Shown>> all;
  for (std::int32_t user = 0; user < users; ++user) {
    base::Rng rng(9, base::Stream::kTest, static_cast<std::uint64_t>(user));
    std::vector<Shown> displays;
    for (std::int32_t page = 0; page < pages; ++page) {
      std::vector<std::int32_t> items;
      const std::size_t size = 2 + static_cast<std::size_t>(rng.Below(4));
      while (items.size() < size) {
        const auto item = static_cast<std::int32_t>(rng.Below(utilities.size()));
        if (std::find(items.begin(), items.end(), item) == items.end()) {
          items.push_back(item);
        }
      }
      std::vector<float> shown;
      for (const std::int32_t item : items) {
        shown.push_back(utilities[static_cast<std::size_t>(item)]);
      }
      displays.push_back({items, core::Choose(rule, shown, rng.Uniform())});
    }
    all.push_back(std::move(displays));
  }
  return MakeDisplays(all);
}

std::vector<float> SomeUtilities(std::size_t count) {
  base::Rng rng(4, base::Stream::kTest, 77);
  std::vector<float> utilities;
  for (std::size_t item = 0; item < count; ++item) {
    utilities.push_back(static_cast<float>(rng.Normal()));
  }
  return utilities;
}

TEST(ChoiceBaselinesTest, TheUniformChoiceHasTheExpectedPrecision) {
  const data::DisplaySet set = MakeDisplays({{{{0, 1, 2, 3}, 2}, {{1}, 0}, {{2, 3}, -1}}, {{{0, 3, 1}, 0}}});
  ChoiceOptions options;
  options.ties = ChoiceTies::kExpected;
  const ChoiceResult result = EvaluateChoices(*UniformChoice(5, false), set, options);
  EXPECT_DOUBLE_EQ(SummarizeChoices(result, ChoiceSubset::kAll).mean[0].value, (0.25 + 1.0 + 1.0 / 3) / 3);
  EXPECT_DOUBLE_EQ(SummarizeChoices(result, ChoiceSubset::kAll).mean[1].value, (0.5 + 1.0 + 2.0 / 3) / 3);
  EXPECT_NEAR(SummarizeChoices(result, ChoiceSubset::kAll).mean[2].value, (std::log(4.0) + std::log(3.0)) / 3, 1e-12);
  EXPECT_NEAR(SummarizeChoices(result, ChoiceSubset::kAll).relative_perplexity.value, 1.0, 1e-12);
  const ChoiceResult none = EvaluateChoices(*UniformChoice(5, true), set, options);
  EXPECT_NEAR(SummarizeChoices(none, ChoiceSubset::kAll).mean[2].value,
              (std::log(5.0) + std::log(2.0) + std::log(3.0) + std::log(4.0)) / 4, 1e-12);
  EXPECT_NEAR(SummarizeChoices(none, ChoiceSubset::kAll).relative_perplexity.value, 1.0, 1e-12);
}

TEST(ChoiceBaselinesTest, NewtonFindsTheCoefficientsThatGeneratedTheChoices) {
  const std::vector<float> feature = SomeUtilities(40);
  std::vector<float> utilities;
  for (const float x : feature) {
    utilities.push_back(0.7F * x);
  }
  const auto features_of = [&](const data::DisplaySet& set) {
    std::vector<double> features;
    for (const std::int32_t item : set.items) {
      features.push_back(feature[static_cast<std::size_t>(item)]);
    }
    return features;
  };
  // Standard errors of 40,000 choices are near .006 (beta) and .012 (no-click).
  const data::DisplaySet with_none = Simulate({ChoiceLaw::kSoftmax, -0.4F}, utilities, 2000, 20);
  const FeatureLogit both = FitFeatureLogit(with_none, features_of(with_none));
  EXPECT_NEAR(both.beta, 0.7, 0.025);
  EXPECT_NEAR(both.no_click, -0.4, 0.05);
  const data::DisplaySet without = Simulate({ChoiceLaw::kSoftmax, std::nullopt}, utilities, 2000, 20);
  const FeatureLogit alone = FitFeatureLogit(without, features_of(without));
  EXPECT_NEAR(alone.beta, 0.7, 0.025);
  EXPECT_EQ(alone.no_click, 0.0);
}

TEST(ChoiceBaselinesTest, NewtonStaysFiniteWhereOneFeatureDecidesAll) {
  const data::DisplaySet set = MakeDisplays({{{{0, 1}, 0}, {{1, 0}, 1}, {{0, 1}, 0}}});
  const FeatureLogit fit = FitFeatureLogit(set, std::vector<double>{1.0, 0.0, 0.0, 1.0, 1.0, 0.0});
  // beta is 3 times the probability of the item not chosen, 1 / (1 + e^beta).
  EXPECT_GT(fit.beta, 0.5);
  EXPECT_NEAR(fit.beta, 3.0 / (1.0 + std::exp(fit.beta)), 1e-6);
}

TEST(ChoiceBaselinesTest, PopularityRatesAreOfTheOtherUsers) {
  // Every item belongs to one user, so what the others say of it is the prior, and nothing speaks for a coefficient.
  const auto own = FitPopularityLogit(MakeDisplays({{{{0, 1}, 0}, {{0, 1}, 0}}, {{{2, 3}, 1}, {{2, 3}, 1}}}), 5);
  for (const float utility : UtilitiesOf(*own)) {
    EXPECT_NEAR(utility, 0.0, 1e-6);
  }
  EXPECT_FALSE(own->choice()->no_click.has_value());
  // Three users who agree. A choice of the fit sees 2 clicks in 2 against none in 2: the rates 2.2 / 3 and .2 / 3.
  const auto shared = FitPopularityLogit(MakeDisplays({{{{0, 1}, 0}}, {{{1, 0}, 1}}, {{{0, 1}, 0}}}), 3);
  const std::vector<float> utilities = UtilitiesOf(*shared);
  const double step = std::log(2.2 / 0.2);
  const double beta = utilities[0] / std::log(3.2 / 4.0);
  EXPECT_NEAR(beta, 3.0 * step / (1.0 + std::exp(beta * step)), 1e-5);
  EXPECT_NEAR(utilities[1], beta * std::log(0.2 / 4.0), 1e-5);
  EXPECT_NEAR(utilities[2], beta * std::log(0.2), 1e-5);
}

TEST(ChoiceBaselinesTest, PopularityLearnsHowOftenNothingIsClicked) {
  const data::DisplaySet set = Simulate({ChoiceLaw::kSoftmax, 0.5F}, SomeUtilities(30), 1000, 10);
  const auto model = FitPopularityLogit(set, 30);
  ASSERT_TRUE(model->choice()->no_click.has_value());
  const ChoiceResult result = EvaluateChoices(*model, set);
  EXPECT_LT(NoClickReliability(result).ece, 0.02);
  EXPECT_LT(ClickReliability(result).ece, 0.02);
  EXPECT_LT(SummarizeChoices(result, ChoiceSubset::kAll).relative_perplexity.high, 0.9);
}

// The loss by the definition, in a loop.
double NaiveLoss(const data::DisplaySet& set, const std::vector<double>& utilities, bool no_click, double l2) {
  double loss = 0.0;
  for (const double utility : utilities) {
    loss += 0.5 * l2 * utility * utility;
  }
  for (std::int64_t d = 0; d < set.size(); ++d) {
    double total = no_click ? std::exp(utilities.back()) : 0.0;
    for (const std::int32_t item : set.shown(d)) {
      total += std::exp(utilities[static_cast<std::size_t>(item)]);
    }
    const std::int32_t item = set.chosen(d);
    loss += std::log(total) - (item < 0 ? utilities.back() : utilities[static_cast<std::size_t>(item)]);
  }
  return loss;
}

TEST(ItemLogitTest, DerivativesAgreeWithDifferencesOfTheLoss) {
  const data::DisplaySet set = Simulate({ChoiceLaw::kSoftmax, 0.3F}, SomeUtilities(8), 10, 4);
  ASSERT_TRUE(set.has_no_clicks());
  ItemLogitLoss loss(set, 8);
  std::vector<double> at;
  std::vector<double> direction;
  for (std::size_t i = 0; i < loss.size(); ++i) {
    at.push_back(0.3 * static_cast<double>(i % 4) - 0.4);
    direction.push_back(0.5 - 0.2 * static_cast<double>(i % 5));
  }
  std::vector<double> gradient;
  EXPECT_NEAR(loss.Evaluate(at, 0.7, &gradient), NaiveLoss(set, at, true, 0.7), 1e-9);
  std::vector<double> curved(at.size());
  loss.Curvature(direction, 0.7, curved);
  const std::vector<double> diagonal = loss.Diagonal(0.7);
  constexpr double kStep = 1e-4;
  const auto moved = [&at](std::size_t i, double step) {
    std::vector<double> there = at;
    there[i] += step;
    return there;
  };
  std::vector<double> ahead = at;
  std::vector<double> behind = at;
  for (std::size_t i = 0; i < at.size(); ++i) {
    ahead[i] += kStep * direction[i];
    behind[i] -= kStep * direction[i];
    const double up = NaiveLoss(set, moved(i, kStep), true, 0.7);
    const double down = NaiveLoss(set, moved(i, -kStep), true, 0.7);
    EXPECT_NEAR(gradient[i], (up - down) / (2 * kStep), 1e-6);
    EXPECT_NEAR(diagonal[i], (up + down - 2 * NaiveLoss(set, at, true, 0.7)) / (kStep * kStep), 1e-5);
  }
  std::vector<double> gradient_ahead;
  std::vector<double> gradient_behind;
  (void)loss.Evaluate(ahead, 0.7, &gradient_ahead);
  (void)loss.Evaluate(behind, 0.7, &gradient_behind);
  for (std::size_t i = 0; i < at.size(); ++i) {
    EXPECT_NEAR(curved[i], (gradient_ahead[i] - gradient_behind[i]) / (2 * kStep), 1e-6);
  }
}

TEST(ItemLogitTest, TheGradientVanishesAtTheOptimum) {
  const data::DisplaySet set = Simulate({ChoiceLaw::kSoftmax, 0.3F}, SomeUtilities(50), 300, 5);
  ItemLogitLoss loss(set, 50);
  const std::vector<double> fit = MinimizeItemLogit(loss, 0.5, std::vector<double>(51, 0.0));
  std::vector<double> gradient;
  (void)loss.Evaluate(fit, 0.5, &gradient);
  for (const double entry : gradient) {
    EXPECT_NEAR(entry, 0.0, 1e-6);
  }
}

TEST(ItemLogitTest, FindsTheUtilitiesThatGeneratedTheChoices) {
  const std::vector<float> truth = SomeUtilities(20);
  const data::DisplaySet set = Simulate({ChoiceLaw::kSoftmax, 0.25F}, truth, 2000, 20);
  const auto model = FitItemLogit(set, 22, {.l2 = 0.1});
  const std::vector<float> fit = UtilitiesOf(*model);
  // Only differences can be found.
  const float none = *model->choice()->no_click;
  double sum = none;
  for (std::size_t item = 0; item < truth.size(); ++item) {
    EXPECT_NEAR(fit[item] - none, truth[item] - 0.25F, 0.12) << item;
    sum += fit[item];
  }
  EXPECT_NEAR(sum, 0.0, 1e-4);
  EXPECT_EQ(fit[20], 0.0F);  // never shown
  EXPECT_EQ(fit[21], 0.0F);
}

TEST(ItemLogitTest, ThePenaltyIsChosenByUsersThatTheFitDidNotSee) {
  // Where all choices are random a strong penalty foresees others best; where items differ a weak one does.
  const std::vector<float> alike(60, 0.0F);
  const std::vector<float> different = SomeUtilities(60);
  const auto spread = [](const core::Recommender& model) {
    double sum = 0.0;
    for (const float utility : UtilitiesOf(model)) {
      sum += std::abs(static_cast<double>(utility)) / 60;
    }
    return sum;
  };
  const data::DisplaySet random = Simulate({ChoiceLaw::kSoftmax, std::nullopt}, alike, 100, 3);
  const data::DisplaySet sharp = Simulate({ChoiceLaw::kSoftmax, std::nullopt}, different, 2000, 5);
  EXPECT_EQ(UtilitiesOf(*FitItemLogit(random, 60)), UtilitiesOf(*FitItemLogit(random, 60, {.l2 = 30.0})));
  EXPECT_LT(spread(*FitItemLogit(random, 60)), 0.2);
  EXPECT_GT(spread(*FitItemLogit(sharp, 60)), 0.6);
}

TEST(ItemLogitTest, IsTheSameOnAnyNumberOfThreads) {
  const data::DisplaySet set = Simulate({ChoiceLaw::kSoftmax, 0.25F}, SomeUtilities(40), 400, 5);
  const int threads = base::Threads();
  base::SetThreads(1);
  const std::vector<float> one = UtilitiesOf(*FitItemLogit(set, 40));
  base::SetThreads(3);
  EXPECT_EQ(UtilitiesOf(*FitItemLogit(set, 40)), one);
  base::SetThreads(threads);
}

TEST(ChoiceBaselinesTest, NothingCanBeLearntFromNothing) {
  for (const auto& fit : {+[] { (void)FitPopularityLogit({}, 3); }, +[] { (void)FitItemLogit({}, 3); }}) {
    try {
      fit();
      ADD_FAILURE() << "learnt something";
    } catch (const base::Error& error) {
      EXPECT_EQ(std::string(error.what()), "baseline of choices: no choices to learn from: 0; expected at least one");
      EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    }
  }
}

}  // namespace
}  // namespace recforce::eval
