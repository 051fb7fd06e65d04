// SPDX-License-Identifier: Apache-2.0
// Estimators of slates. Expectations are sums over all 24 slates of three out of four items, so each estimator can be
// held to equality under the users it is made for, and to a difference under others.
#include "recforce/ope/slates.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "recforce/ope/pseudo_inverse.h"
#include "support/all_slates.h"
#include "support/error_of.h"

namespace recforce::ope {
namespace {

using test::ErrorOf;
using test::Sequential;
using test::Slate;
using Column = std::vector<double>;
using Reward = std::function<double(const Slate&, std::size_t)>;

constexpr std::size_t kLength = 3;
constexpr std::int32_t kItems = 4;
const Sequential kLogging = {{0.4, 0.3, 0.2, 0.1}};
const Sequential kPolicy = {{0.1, 0.2, 0.2, 0.5}};

// Slot k's reward under three kinds of users, and under those of the position-based model.
double OwnItem(const Slate& slate, std::size_t k) {
  return 0.1 * (slate[k] + 1) + 0.3 * static_cast<double>(k) * slate[k];
}
double ItemsBefore(const Slate& slate, std::size_t k) {
  return k == 0 ? OwnItem(slate, k) : OwnItem(slate, k) * (slate[k - 1] == 3 ? 0.2 : 1.0);
}
double AllItems(const Slate& slate, std::size_t k) { return OwnItem(slate, k) * (slate.back() == 0 ? 3.0 : 1.0); }
const Column kExamined = {1.0, 0.6, 0.3};
double Examined(const Slate& slate, std::size_t k) { return kExamined[k] * (0.1 + 0.2 * slate[k]); }

// All slates as rounds. Marginals come from the laws themselves.
struct Everything {
  explicit Everything(const Reward& reward_of) {
    const Slate flat = test::Flat(slates);
    const Column under_logging = SlateMarginals({kLength, kItems, flat, logged});
    const Column under_policy = SlateMarginals({kLength, kItems, flat, chosen});
    Column policy_slots;
    Column logging_slots;
    for (const Slate& slate : slates) {
      for (std::size_t k = 0; k < kLength; ++k) {
        reward.push_back(reward_of(slate, k));
        step.push_back(kPolicy.Step(slate, k) / kLogging.Step(slate, k));
        position.push_back(under_policy[k * kItems + slate[k]] / under_logging[k * kItems + slate[k]]);
        for (std::size_t slot = 0; slot < kLength; ++slot) {
          policy_slots.push_back(under_policy[slot * kItems + slate[k]]);
          logging_slots.push_back(under_logging[slot * kItems + slate[k]]);
        }
      }
    }
    examined = ExaminedRatios(kExamined, policy_slots, logging_slots);
    const Column gram = SlateGram({kLength, kItems, flat, logged});
    const Column scores = PseudoInverseScores(SymmetricPseudoInverse(gram, kLength * kItems), under_policy);
    for (const Slate& slate : slates) {
      pi_weight.push_back(PseudoInverseWeight(scores, slate, kItems));
    }
    PredictBadly();
  }

  // q_logged is any function of a slot's prefix; q_policy its mean over the policy's next item.
  void PredictBadly() {
    const auto guess = [](const Slate& slate, std::size_t k) {
      return std::sin(1.0 + slate[k] + 2.0 * (k > 0 ? slate[k - 1] : 7) + static_cast<double>(k));
    };
    for (const Slate& slate : slates) {
      for (std::size_t k = 0; k < kLength; ++k) {
        q_logged.push_back(guess(slate, k));
        double mean = 0.0;
        for (std::int32_t item = 0; item < kItems; ++item) {
          Slate other(slate.begin(), slate.begin() + static_cast<std::ptrdiff_t>(k));
          if (std::find(other.begin(), other.end(), item) == other.end()) {
            other.push_back(item);
            mean += kPolicy.Step(other, k) * guess(other, k);
          }
        }
        q_policy.push_back(mean);
      }
    }
  }
  [[nodiscard]] SlateRounds rounds() const {
    return {kLength, reward, step, position, examined, q_logged, q_policy, pi_weight};
  }
  // E under logging of an estimator that is a mean.
  [[nodiscard]] double Expected(SlateEstimator estimator) const {
    const Terms terms = EstimateSlates(estimator, rounds());
    EXPECT_TRUE(terms.IsMean());
    return std::inner_product(logged.begin(), logged.end(), terms.ratios.front().numerator.begin(), 0.0);
  }
  [[nodiscard]] double Truth() const {
    double truth = 0.0;
    for (std::size_t i = 0; i < reward.size(); ++i) {
      truth += chosen[i / kLength] * reward[i];
    }
    return truth;
  }

  std::vector<Slate> slates = test::AllSlates(kItems, kLength);
  Column logged = kLogging.Chances(slates);
  Column chosen = kPolicy.Chances(slates);
  Column reward, step, position, examined, q_logged, q_policy, pi_weight;
};

TEST(OpeSlates, ExactUnderTheUsersTheyAreMadeFor) {
  const Everything own(OwnItem);
  const Everything before(ItemsBefore);
  const Everything all(AllItems);
  const Everything pbm(Examined);
  for (const Everything* world : {&own, &before, &all, &pbm}) {
    EXPECT_NEAR(world->Expected(SlateEstimator::kSips), world->Truth(), 1e-12);
  }
  for (const Everything* world : {&own, &before, &pbm}) {
    EXPECT_NEAR(world->Expected(SlateEstimator::kRips), world->Truth(), 1e-12);
    EXPECT_NEAR(world->Expected(SlateEstimator::kCascadeDr), world->Truth(), 1e-12);
  }
  for (const Everything* world : {&own, &pbm}) {
    EXPECT_NEAR(world->Expected(SlateEstimator::kIips), world->Truth(), 1e-12);
    EXPECT_NEAR(world->Expected(SlateEstimator::kPseudoInverse), world->Truth(), 1e-10);
  }
  EXPECT_NEAR(pbm.Expected(SlateEstimator::kPbm), pbm.Truth(), 1e-12);
}

TEST(OpeSlates, BiasedUnderOthers) {
  const Everything before(ItemsBefore);
  const Everything all(AllItems);
  const Everything own(OwnItem);
  EXPECT_GT(std::abs(before.Expected(SlateEstimator::kIips) - before.Truth()), 0.05);
  EXPECT_GT(std::abs(before.Expected(SlateEstimator::kPseudoInverse) - before.Truth()), 0.001);
  EXPECT_GT(std::abs(all.Expected(SlateEstimator::kRips) - all.Truth()), 0.05);
  EXPECT_GT(std::abs(own.Expected(SlateEstimator::kPbm) - own.Truth()), 0.05);
}

TEST(OpeSlates, WeightsAverageToOne) {
  // With the reward 1 in the last slot alone, an estimate is the mean of that slot's weight.
  const Everything world([](const Slate&, std::size_t k) { return k == kLength - 1 ? 1.0 : 0.0; });
  for (const SlateEstimator estimator : {SlateEstimator::kSips, SlateEstimator::kIips, SlateEstimator::kRips,
                                         SlateEstimator::kPseudoInverse, SlateEstimator::kCascadeDr}) {
    EXPECT_NEAR(world.Expected(estimator), 1.0, 1e-10);
  }
}

TEST(OpeSlates, CascadeWithoutPredictionsIsRips) {
  const Everything world(AllItems);
  const Column zeros(world.reward.size(), 0.0);
  SlateRounds rounds = world.rounds();
  rounds.q_logged = zeros;
  rounds.q_policy = zeros;
  const Column cascade = EstimateSlates(SlateEstimator::kCascadeDr, rounds).ratios.front().numerator;
  const Column rips = EstimateSlates(SlateEstimator::kRips, rounds).ratios.front().numerator;
  ASSERT_EQ(cascade.size(), rips.size());
  for (std::size_t i = 0; i < rips.size(); ++i) {
    EXPECT_DOUBLE_EQ(cascade[i], rips[i]);
  }
}

TEST(OpeSlates, TwoSlatesByHand) {
  const Column reward = {1.0, 2.0, 0.0, 1.0};
  const Column step = {2.0, 3.0, 0.5, 1.0};
  const Column position = {2.0, 1.0, 0.5, 4.0};
  const Column pi_weight = {3.0, -1.0};
  const SlateRounds rounds = {
      .length = 2, .reward = reward, .step_ratio = step, .position_ratio = position, .pi_weight = pi_weight};
  const auto value = [&](SlateEstimator estimator) { return EstimateSlates(estimator, rounds).Value(); };
  EXPECT_DOUBLE_EQ(value(SlateEstimator::kSips), (6.0 * 3.0 + 0.5 * 1.0) / 2.0);
  EXPECT_DOUBLE_EQ(value(SlateEstimator::kIips), (2.0 + 2.0 + 4.0) / 2.0);
  EXPECT_DOUBLE_EQ(value(SlateEstimator::kRips), (2.0 + 12.0 + 0.5) / 2.0);
  EXPECT_DOUBLE_EQ(value(SlateEstimator::kSelfNormalisedSips), (6.0 * 3.0 + 0.5 * 1.0) / 6.5);
  EXPECT_DOUBLE_EQ(value(SlateEstimator::kSelfNormalisedIips), 2.0 / 2.5 + (2.0 + 4.0) / 5.0);
  EXPECT_DOUBLE_EQ(value(SlateEstimator::kSelfNormalisedRips), 2.0 / 2.5 + (12.0 + 0.5) / 6.5);
  EXPECT_DOUBLE_EQ(value(SlateEstimator::kPseudoInverse), (3.0 * 3.0 - 1.0 * 1.0) / 2.0);
  EXPECT_DOUBLE_EQ(value(SlateEstimator::kWeightedPseudoInverse), (3.0 * 3.0 - 1.0 * 1.0) / 2.0);
}

TEST(OpeSlates, SelfNormalisedAtMostTheLength) {
  const bool holds = rc::check("self-normalised estimates of rewards in [0, 1] are in [0, L]", [] {
    const auto length = *rc::gen::inRange<std::size_t>(1, 5);
    const auto n = *rc::gen::inRange<std::size_t>(1, 10);
    Column reward(n * length);
    Column ratio(n * length);
    for (std::size_t i = 0; i < reward.size(); ++i) {
      reward[i] = *rc::gen::inRange(0, 2);
      ratio[i] = *rc::gen::inRange(0, 10000) / 100.0;
    }
    const SlateRounds rounds = {
        .length = static_cast<std::int64_t>(length), .reward = reward, .step_ratio = ratio, .position_ratio = ratio};
    for (const SlateEstimator estimator : {SlateEstimator::kSelfNormalisedSips, SlateEstimator::kSelfNormalisedIips,
                                           SlateEstimator::kSelfNormalisedRips}) {
      const double value = EstimateSlates(estimator, rounds).Value();
      RC_ASSERT(value >= 0.0 && value <= static_cast<double>(length) + 1e-9);
    }
  });
  EXPECT_TRUE(holds);
}

TEST(OpeSlates, OneSlotIsASingleAction) {
  const Column reward = {1.0, 0.0, 1.0};
  const Column ratio = {0.5, 2.0, 1.5};
  const SlateRounds rounds = {.length = 1, .reward = reward, .step_ratio = ratio, .position_ratio = ratio};
  for (const SlateEstimator estimator : {SlateEstimator::kSips, SlateEstimator::kIips, SlateEstimator::kRips}) {
    EXPECT_DOUBLE_EQ(EstimateSlates(estimator, rounds).Value(), 2.0 / 3.0);
  }
}

TEST(OpeSlates, NamesAreFound) {
  std::set<std::string_view> names;
  for (const SlateEstimatorInfo& info : SlateEstimators()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(FindSlateEstimator(info.name), info.estimator);
  }
  EXPECT_EQ(names.size(), 10U);
  EXPECT_EQ(FindSlateEstimator("ips"), std::nullopt);
}

TEST(OpeSlates, RefuseBadInput) {
  const Column two = {1.0, 1.0};
  const Column three = {1.0, 1.0, 1.0};
  const Column negative = {1.0, -1.0};
  EXPECT_EQ(ErrorOf([&] { (void)EstimateSlates(SlateEstimator::kSips, {.length = 2, .reward = three}); }),
            "Data: off-policy evaluation: rewards of slates: 3 values; expected rows of 2, at least one");
  EXPECT_EQ(ErrorOf([&] { (void)EstimateSlates(SlateEstimator::kSips, {.length = 2, .reward = two}); }),
            "Data: off-policy evaluation: ratios of steps: 0 values; expected 2, one for each slot");
  EXPECT_EQ(ErrorOf([&] {
              (void)EstimateSlates(SlateEstimator::kIips, {.length = 2, .reward = two, .position_ratio = negative});
            }),
            "Data: off-policy evaluation: ratios of positions: -1 at index 1; expected finite numbers from 0 on");
  EXPECT_EQ(ErrorOf([&] {
              (void)EstimateSlates(SlateEstimator::kPseudoInverse, {.length = 2, .reward = two, .pi_weight = two});
            }),
            "Data: off-policy evaluation: weights of the pseudo-inverse: 2 values; expected 1, one for each slate");
  EXPECT_EQ(ErrorOf([&] {
              (void)EstimateSlates(SlateEstimator::kCascadeDr,
                                   {.length = 2, .reward = two, .step_ratio = two, .q_logged = two});
            }),
            "Data: off-policy evaluation: predicted rewards of the policy's slots: 0 values; expected 2, one for each "
            "slot");
  EXPECT_EQ(ErrorOf([&] { (void)ExaminedRatios(Column{1.0}, Column{0.5}, Column{0.0}); }),
            "Data: off-policy evaluation: the logging policy's chance that an item is examined: 0 at index 0; expected "
            "numbers above 0, since the item was shown");
}

}  // namespace
}  // namespace recforce::ope
