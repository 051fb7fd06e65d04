// SPDX-License-Identifier: Apache-2.0
// Targets of fixed networks, from explicit loops over Q in double precision, in a world of three items.
#include "algos/cdqn/targets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "algos/cdqn/test_networks.h"
#include "sim/tabular_world.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kItems = 4;
constexpr std::int64_t kSlate = 2;

using Items = std::vector<std::int32_t>;
using Span = std::span<const std::int32_t>;

class CdqnTargetsTest : public testing::Test {
 protected:
  static CdqnShape Shape(bool cascade) {
    return {.items = kItems, .embedding = 3, .positions = cascade ? kSlate : 1, .hidden = {9, 4}};
  }
  // Three transitions: an ordinary one, one whose user left, one of two steps.
  CdqnTargetsTest() {
    batch_ = {.recent = {-1, 2, 1},
              .slates = {0, 3, 1, 2, 3, 0},
              .clicked = {1, -1, 0},
              .reward = {1.5F, -0.25F, 2.0F},
              .discount = {0.9F, 0.0F, 0.81F},
              .after = {3, 2, 0}};
  }
  std::vector<float> Make(TargetOptions options, bool double_q, const core::Environment* environment = nullptr) const {
    options.slate = kSlate;
    const bool cascade = options.method == CdqnMethod::kCascade;
    const CdqnScorer value(Value(cascade));
    const CdqnScorer choose(Choose(cascade));
    return Targets(options, value, double_q ? choose : value, environment, batch_);
  }
  static CdqnParams Value(bool cascade) { return test::RandomParams(Shape(cascade), 40); }
  static CdqnParams Choose(bool cascade) { return test::RandomParams(Shape(cascade), 41); }
  [[nodiscard]] Span After(std::size_t row) const { return {batch_.after.data() + row, 1}; }
  [[nodiscard]] Span Recent(std::size_t row) const { return {batch_.recent.data() + row, 1}; }
  [[nodiscard]] double Return(std::size_t row, double next) const {
    return double{batch_.reward[row]} + double{batch_.discount[row]} * next;
  }
  ReplayBatch batch_;
};

TEST_F(CdqnTargetsTest, PaperGivesAllPlacesTheReturnOfTheCascade) {
  for (const bool double_q : {false, true}) {
    const std::vector<float> y = Make({.target = CdqnTarget::kPaper}, double_q);
    ASSERT_EQ(y.size(), 6U);
    const CdqnParams value = Value(true);
    const CdqnParams choose = double_q ? Choose(true) : value;
    for (std::size_t row = 0; row < 3; ++row) {
      const Items first = {test::NaiveBest(choose, After(row), {}).item};
      const std::int32_t second = test::NaiveBest(choose, After(row), first).item;
      const double expected = Return(row, test::NaiveQ(value, After(row), first, second));
      EXPECT_NEAR(y[row], expected, 1e-5);
      EXPECT_NEAR(y[3 + row], expected, 1e-5);
    }
    EXPECT_EQ(y[1], -0.25F) << "nothing follows a user who left";
  }
}

TEST_F(CdqnTargetsTest, IntraSlateTakesTheNextPlacesBest) {
  for (const bool double_q : {false, true}) {
    const std::vector<float> y = Make({.target = CdqnTarget::kIntraSlate}, double_q);
    ASSERT_EQ(y.size(), 6U);
    const CdqnParams value = Value(true);
    const CdqnParams choose = double_q ? Choose(true) : value;
    for (std::size_t row = 0; row < 3; ++row) {
      const Items first = {batch_.slates[row * 2]};
      const std::int32_t second = test::NaiveBest(choose, Recent(row), first).item;
      EXPECT_NEAR(y[row], test::NaiveQ(value, Recent(row), first, second), 1e-5);
      const std::int32_t next = test::NaiveBest(choose, After(row), {}).item;
      EXPECT_NEAR(y[3 + row], Return(row, test::NaiveQ(value, After(row), {}, next)), 1e-5);
    }
  }
}

TEST_F(CdqnTargetsTest, DoubleChoosesAndValuesApart) {
  const CdqnParams value = Value(true);
  const CdqnParams choose = Choose(true);
  int differ = 0;
  for (std::size_t row = 0; row < 3; ++row) {
    differ += test::NaiveBest(value, After(row), {}).item != test::NaiveBest(choose, After(row), {}).item ? 1 : 0;
  }
  EXPECT_GT(differ, 0) << "both networks choose alike: nothing was tested";
}

TEST_F(CdqnTargetsTest, AdditiveAddsTheBestItems) {
  for (const bool double_q : {false, true}) {
    const std::vector<float> y = Make({.method = CdqnMethod::kAdditive}, double_q);
    ASSERT_EQ(y.size(), 3U);
    const CdqnParams value = Value(false);
    const CdqnParams choose = double_q ? Choose(false) : value;
    for (std::size_t row = 0; row < 3; ++row) {
      std::vector<std::pair<double, std::int32_t>> order;
      for (std::int32_t item = 0; item < kItems; ++item) {
        order.emplace_back(-test::NaiveQ(choose, After(row), {}, item), item);
      }
      std::sort(order.begin(), order.end());
      const double next =
          test::NaiveQ(value, After(row), {}, order[0].second) + test::NaiveQ(value, After(row), {}, order[1].second);
      EXPECT_NEAR(y[row], Return(row, next), 1e-5);
    }
  }
}

TEST_F(CdqnTargetsTest, SlateQWeighsWhatMayBeChosen) {
  const std::vector<float> rewards = test::RandomNumbers((kItems + 1) * kItems, 50);
  const core::ChoiceRule rule{core::ChoiceLaw::kSoftmax, 0.0F};
  const sim::TabularWorld world(std::make_shared<sim::TabularProblem>(kItems, rule, rewards), "toy");
  for (const bool double_q : {false, true}) {
    const std::vector<float> y = Make({.method = CdqnMethod::kSlateQ}, double_q, &world);
    const CdqnParams value = Value(false);
    const CdqnParams choose = double_q ? Choose(false) : value;
    for (std::size_t row = 0; row < 3; ++row) {
      const float* u = rewards.data() + After(row)[0] * kItems;
      const auto worth = [&](const CdqnParams& params, const Items& slate) {
        double mass = 1.0;
        double sum = test::NaiveQ(params, After(row), {}, kItems);
        for (const std::int32_t item : slate) {
          mass += std::exp(double{u[item]});
          sum += std::exp(double{u[item]}) * test::NaiveQ(params, After(row), {}, item);
        }
        return sum / mass;
      };
      Items slate;
      while (slate.size() < 2) {
        std::int32_t best = -1;
        double most = -1e30;
        for (std::int32_t item = 0; item < kItems; ++item) {
          Items longer = slate;
          longer.push_back(item);
          if ((slate.empty() || slate[0] != item) && worth(choose, longer) > most) {
            most = worth(choose, longer);
            best = item;
          }
        }
        slate.push_back(best);
      }
      EXPECT_NEAR(y[row], Return(row, worth(value, slate)), 1e-5);
    }
  }
}

TEST_F(CdqnTargetsTest, SlateQJudgesWhatWasClickedOrNothing) {
  Items memory;
  const auto items = JudgedItems({.method = CdqnMethod::kSlateQ, .slate = kSlate}, kItems, batch_, memory);
  EXPECT_EQ(items.cols, 1);
  EXPECT_EQ(Items(items.data, items.data + 3), (Items{3, kItems, 3}));
  const auto slates = JudgedItems({.slate = kSlate}, kItems, batch_, memory);
  EXPECT_EQ(Items(slates.data, slates.data + 6), batch_.slates);
}

}  // namespace
}  // namespace recforce::algos
