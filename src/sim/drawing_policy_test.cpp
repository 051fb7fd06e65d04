// SPDX-License-Identifier: Apache-2.0
// Slates of policies that draw: how often they come against the probabilities that they are said to have.
#include "sim/drawing_policy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "recforce/base/error.h"
#include "sim/policies.h"
#include "sim/score_users.h"
#include "sim/translated_policy.h"
#include "support/toy_environment.h"

namespace recforce::sim {
namespace {

constexpr core::ChoiceRule kAlways{core::ChoiceLaw::kSoftmax, std::nullopt};
constexpr std::int64_t kUsers = 40000;

// Draws in proportion to 1, 2, 3, 4.
const std::vector<float> kLogits = {0.0F, std::log(2.0F), std::log(3.0F), std::log(4.0F)};

std::unique_ptr<core::Episodes> Strangers() {
  const test::ToyEnvironment world(test::RandomToy(4, 1, kAlways));
  std::vector<std::int64_t> users(kUsers);
  std::iota(users.begin(), users.end(), 0);
  return world.Start(users, 1);
}

// Slates of two for each stranger, and what they are said to have been likely.
struct Shown {
  std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> count;
  std::map<std::pair<std::int32_t, std::int32_t>, double> probability;
};

Shown Show(const core::SlatePolicy& policy) {
  const std::unique_ptr<core::Episodes> episodes = Strangers();
  std::vector<std::int32_t> slates(2 * kUsers);
  std::vector<double> propensity(2 * kUsers);
  policy.Choose(*episodes, 7, {slates.data(), kUsers, 2});
  policy.Propensities(*episodes, {slates.data(), kUsers, 2}, {propensity.data(), kUsers, 2});
  Shown shown;
  for (std::size_t at = 0; at < slates.size(); at += 2) {
    const std::pair slate(slates[at], slates[at + 1]);
    ++shown.count[slate];
    shown.probability[slate] = propensity[at] * propensity[at + 1];
  }
  return shown;
}

void ExpectFrequenciesAsSaid(const core::SlatePolicy& policy, std::size_t slates) {
  const Shown shown = Show(policy);
  EXPECT_EQ(shown.count.size(), slates);
  double sum = 0.0;
  for (const auto& [slate, count] : shown.count) {
    const double p = shown.probability.at(slate);
    sum += p;
    const double error = std::sqrt(p * (1.0 - p) / static_cast<double>(kUsers));
    EXPECT_NEAR(static_cast<double>(count) / static_cast<double>(kUsers), p, 4.5 * error + 1e-12)
        << slate.first << ", " << slate.second;
  }
  EXPECT_NEAR(sum, 1.0, 1e-9);
}

TEST(DrawingPolicyTest, SlatesComeAsOftenAsIsSaid) {
  ExpectFrequenciesAsSaid(*MakeDrawingPolicy(kLogits, ServingConfig{}.rule()), 12);
  ExpectFrequenciesAsSaid(*MakeDrawingPolicy(kLogits, {.greedy = 0.5, .candidates = 3, .temperature = 2.0}), 2);
  ExpectFrequenciesAsSaid(*MakeRandomPolicy(4), 12);
}

TEST(DrawingPolicyTest, ProbabilitiesAreThoseOfDrawsWithoutReplacement) {
  const Shown shown = Show(*MakeDrawingPolicy(kLogits, ServingConfig{}.rule()));
  EXPECT_NEAR(shown.probability.at({3, 0}), 0.4 / 6.0, 1e-6);
  EXPECT_NEAR(shown.probability.at({0, 3}), 0.1 * 4.0 / 9.0, 1e-6);
}

TEST(DrawingPolicyTest, ThePolicyOfAnotherCatalogueSaysTheSame) {
  const std::shared_ptr<const core::SlatePolicy> drawn =
      MakeDrawingPolicy(std::vector<float>(kLogits.begin(), kLogits.begin() + 3), ServingConfig{}.rule());
  const Shown shown = Show(*MakeTranslatedPolicy(drawn, {3, 1, 0}, 4));
  EXPECT_EQ(shown.count.size(), 6U);  // item 2 is unknown to it
  EXPECT_NEAR(shown.probability.at({0, 3}), 0.5 / 3.0, 1e-6);
}

// Scores what was clicked last by 1, and records what it is asked.
class LastClick final : public core::Recommender {
 public:
  [[nodiscard]] std::int64_t NumItems() const override { return 4; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      std::fill(out.row(row).begin(), out.row(row).end(), 0.0F);
      const auto events = users.events().row(row);
      if (!events.empty()) {
        out.row(row)[static_cast<std::size_t>(events.back())] = std::log(3.0F);
      }
      length = static_cast<std::int64_t>(events.size());
    }
  }
  mutable std::int64_t length = 0;
};

TEST(DrawingPolicyTest, ARecommenderIsAskedWithTheClicksSoFar) {
  const test::ToyEnvironment world(test::RandomToy(4, 1, kAlways));
  const std::vector<std::int64_t> users = {5};
  const auto episodes = world.Start(users, 1);
  core::Feedback feedback;
  for (const std::int32_t item : {1, 2, 1}) {
    episodes->Step({&item, 1, 1}, feedback);
  }
  for (const bool repeats : {false, true}) {
    const auto model = std::make_shared<LastClick>();
    const auto policy = MakeDrawingPolicy(model, repeats, ServingConfig{}.rule());
    const std::int32_t shown = 1;
    double propensity = 0.0;
    policy->Propensities(*episodes, {&shown, 1, 1}, {&propensity, 1, 1});
    EXPECT_NEAR(propensity, 0.5, 1e-6);
    EXPECT_EQ(model->length, repeats ? 3 : 2);
    EXPECT_EQ(policy->memory(), kRecommenderClicks);
  }
}

TEST(DrawingPolicyTest, MorePlacesThanItemsAreRefused) {
  std::vector<std::int32_t> slates(5);
  const test::ToyEnvironment world(test::RandomToy(4, 1, kAlways));
  const std::vector<std::int64_t> users = {5};
  try {
    MakeDrawingPolicy(kLogits, ServingConfig{}.rule())->Choose(*world.Start(users, 1), 1, {slates.data(), 1, 5});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(std::string(error.what()), "slate has more items than there are to choose from: '5'; expected at most 4");
  }
}

}  // namespace
}  // namespace recforce::sim
