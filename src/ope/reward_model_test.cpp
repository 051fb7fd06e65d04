// SPDX-License-Identifier: Apache-2.0
// Laws that are known, and what cross-fitting promises.
#include "recforce/ope/reward_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "support/decisions.h"
#include "support/error_of.h"

namespace recforce::ope {
namespace {

using test::ErrorOf;
using Doubles = std::vector<double>;

// Rounds that own their columns.
struct Owned {
  std::vector<std::int32_t> item;
  Doubles reward;
  Doubles weight;
  std::vector<std::int64_t> group;
  std::vector<std::int32_t> position;
  std::vector<float> context;
  std::int64_t columns = 0;
  std::vector<float> actions;
  std::int64_t features = 0;
  std::int64_t num_items = 0;

  [[nodiscard]] RewardRounds View() const {
    RewardRounds rounds;
    rounds.num_items = num_items;
    rounds.item = item;
    rounds.reward = reward;
    rounds.weight = weight;
    rounds.group = group;
    rounds.position = position;
    rounds.context = {context.data(), columns == 0 ? 0 : static_cast<std::int64_t>(context.size()) / columns, columns};
    rounds.action_context = {actions.data(), features == 0 ? 0 : num_items, features};
    return rounds;
  }
};

// Two context columns and a law for each item; `reward` makes a reward of the law's value.
template <class Law, class Reward>
Owned MakeRounds(int rounds, int items, const Law& law, const Reward& reward) {
  base::Rng rng(1, base::Stream::kTest);
  Owned owned;
  owned.num_items = items;
  owned.columns = 2;
  for (int r = 0; r < rounds; ++r) {
    const auto x0 = static_cast<float>(3.0 + 2.0 * rng.Normal());
    const auto x1 = static_cast<float>(0.5 * rng.Normal());
    owned.context.insert(owned.context.end(), {x0, x1});
    owned.item.push_back(static_cast<std::int32_t>(rng.Below(static_cast<std::uint64_t>(items))));
    owned.reward.push_back(reward(law(x0, x1, owned.item.back()), rng));
  }
  return owned;
}

double LinearLaw(double x0, double x1, std::int32_t item) { return 1.0 + 0.5 * x0 - x1 + item * (0.3 + 0.2 * x0); }

TEST(RewardModel, RecoversALinearLaw) {
  const Owned rounds =
      MakeRounds(4000, 3, LinearLaw, [](double mean, base::Rng& rng) { return mean + 0.1 * rng.Normal(); });
  const RewardModel model = RewardModel::Fit(rounds.View(), {.action_ridge = 0.1, .interaction_ridge = 0.1});
  EXPECT_EQ(model.law(), RewardLaw::kLinear);
  EXPECT_EQ(model.folds(), 5);
  Doubles q(3);
  for (std::int64_t r = 0; r < 50; ++r) {
    model.Predict(r, q);
    for (std::int32_t item = 0; item < 3; ++item) {
      const auto at = static_cast<std::size_t>(2 * r);
      EXPECT_NEAR(q[static_cast<std::size_t>(item)], LinearLaw(rounds.context[at], rounds.context[at + 1], item), 0.05);
      EXPECT_EQ(q[static_cast<std::size_t>(item)], model.PredictOne(r, item));
    }
  }
}

TEST(RewardModel, RecoversALogisticLaw) {
  const auto law = [](double x0, double x1, std::int32_t item) {
    return 1.0 / (1.0 + std::exp(3.0 - 0.6 * x0 - item + 0.8 * item * x1));
  };
  const Owned rounds =
      MakeRounds(40000, 3, law, [](double mean, base::Rng& rng) { return rng.Uniform() < mean ? 1.0 : 0.0; });
  const RewardModel model =
      RewardModel::Fit(rounds.View(), {.common_ridge = 1.0, .action_ridge = 1.0, .interaction_ridge = 1.0});
  EXPECT_EQ(model.law(), RewardLaw::kLogistic);
  Doubles q(3);
  double error = 0.0;
  for (std::int64_t r = 0; r < 500; ++r) {
    model.Predict(r, q);
    for (std::int32_t item = 0; item < 3; ++item) {
      const auto at = static_cast<std::size_t>(2 * r);
      error += std::fabs(q[static_cast<std::size_t>(item)] - law(rounds.context[at], rounds.context[at + 1], item));
    }
  }
  EXPECT_LT(error / 1500, 0.01);
}

// With one column, one item and no ridge to speak of the fit is that of a schoolbook regression.
TEST(RewardModel, LeastSquaresByHand) {
  Owned rounds;
  rounds.num_items = 1;
  rounds.columns = 1;
  rounds.context = {0, 1, 2};
  rounds.item = {0, 0, 0};
  rounds.reward = {1, 2, 6};  // slope 2.5, mean 3
  RewardModelOptions options{.folds = 1, .common_ridge = 1e-9, .action_ridge = 1e9, .interaction_ridge = 1e9};
  const RewardModel model = RewardModel::Fit(rounds.View(), options);
  EXPECT_NEAR(model.PredictOne(0, 0), 0.5, 1e-5);
  EXPECT_NEAR(model.PredictOne(1, 0), 3.0, 1e-6);
  EXPECT_NEAR(model.PredictOne(2, 0), 5.5, 1e-5);
}

TEST(RewardModel, RidgesShrinkItemsTowardsTheOthers) {
  Owned rounds;
  rounds.num_items = 3;
  for (int r = 0; r < 100; ++r) {
    rounds.item.push_back(r == 0 ? 1 : 0);
    rounds.reward.push_back(r == 0 ? 5.0 : 2.0);
  }
  // w0 = m, c0, c1 minimise 99 (2 - m - c0)^2 + (5 - m - c1)^2 + 10 c0^2 + 10 c1^2. With m free 0 = c0 + c1 (its
  // gradient), so c1 = -c0 = c: 99 (2 - m + c) = -10 c and 5 - m - c = 10 c, of which c = 297 / 1198, m = 5 - 11 c.
  const double c = 297.0 / 1198.0;
  const double m = 5.0 - 11.0 * c;
  const RewardModel model =
      RewardModel::Fit(rounds.View(), {.law = RewardLaw::kLinear, .folds = 1, .action_ridge = 10.0});
  EXPECT_NEAR(model.PredictOne(0, 0), m - c, 1e-6);
  EXPECT_NEAR(model.PredictOne(0, 1), m + c, 1e-6);
  EXPECT_NEAR(model.PredictOne(0, 2), m, 1e-6);  // never shown
}

TEST(RewardModel, WeightsActAsRepeats) {
  for (const RewardLaw law : {RewardLaw::kLinear, RewardLaw::kLogistic}) {
    Owned once = MakeRounds(60, 3, LinearLaw, [](double, base::Rng& rng) { return rng.Uniform() < 0.4 ? 1.0 : 0.0; });
    Owned repeated = once;
    for (std::size_t r = 0; r < 60; ++r) {
      once.weight.push_back(static_cast<double>(r % 3));  // none, one or two
      once.group.push_back(static_cast<std::int64_t>(r));
      repeated.weight.push_back(r % 3 == 0 ? 0.0 : 1.0);
      repeated.group.push_back(static_cast<std::int64_t>(r));
    }
    for (std::size_t r = 2; r < 60; r += 3) {
      repeated.item.push_back(once.item[r]);
      repeated.reward.push_back(once.reward[r]);
      repeated.weight.push_back(1.0);
      repeated.group.push_back(static_cast<std::int64_t>(r));
      repeated.context.insert(repeated.context.end(), {once.context[2 * r], once.context[2 * r + 1]});
    }
    const RewardModel a = RewardModel::Fit(once.View(), {.law = law});
    const RewardModel b = RewardModel::Fit(repeated.View(), {.law = law});
    for (std::int64_t r = 0; r < 60; ++r) {
      for (std::int32_t item = 0; item < 3; ++item) {
        EXPECT_NEAR(a.PredictOne(r, item), b.PredictOne(r, item), 1e-9);
      }
    }
  }
}

TEST(RewardModel, NoPredictionHasSeenItsFold) {
  Owned rounds = MakeRounds(200, 4, LinearLaw, [](double, base::Rng& rng) { return rng.Uniform() < 0.4 ? 1.0 : 0.0; });
  for (std::int64_t r = 0; r < 200; ++r) {
    rounds.group.push_back(r / 4);
  }
  const RewardModel before = RewardModel::Fit(rounds.View());
  for (int fold = 0; fold < before.folds(); ++fold) {
    Owned changed = rounds;
    for (std::int64_t r = 0; r < 200; ++r) {
      if (before.fold(r) == fold) {
        changed.reward[static_cast<std::size_t>(r)] = 1.0 - changed.reward[static_cast<std::size_t>(r)];
      }
    }
    const RewardModel after = RewardModel::Fit(changed.View());
    int moved = 0;
    for (std::int64_t r = 0; r < 200; ++r) {
      EXPECT_EQ(after.fold(r), before.fold(r));
      EXPECT_EQ(before.fold(r), before.fold(r / 4 * 4));  // groups stay together
      const bool is_same = after.PredictOne(r, 0) == before.PredictOne(r, 0);
      EXPECT_TRUE(is_same || before.fold(r) != fold);
      moved += is_same ? 0 : 1;
    }
    EXPECT_GT(moved, 100);
  }
}

TEST(RewardModel, EqualOnAnyNumberOfThreads) {
  const Owned rounds = MakeRounds(300, 4, LinearLaw, [](double mean, base::Rng&) { return mean; });
  const int threads = base::Threads();
  std::vector<Doubles> found;
  for (const int count : {1, 3}) {
    base::SetThreads(count);
    const RewardModel model = RewardModel::Fit(rounds.View());
    Doubles& q = found.emplace_back();
    for (std::int64_t r = 0; r < 300; ++r) {
      q.push_back(model.PredictOne(r, 1));
    }
  }
  base::SetThreads(threads);
  EXPECT_EQ(found[0], found[1]);
}

TEST(RewardModel, ManyRoundsAtOnceAreThoseOneByOne) {
  for (const int items : {4, 7}) {  // items 4 to 6 are never shown
    Owned rounds = MakeRounds(90, 4, LinearLaw, [](double, base::Rng& rng) { return rng.Uniform() < 0.4 ? 1.0 : 0.0; });
    rounds.num_items = items;
    const RewardModel model = RewardModel::Fit(rounds.View());
    Doubles q(static_cast<std::size_t>(40 * items));
    model.PredictRounds(20, {q.data(), 40, items});
    for (std::int64_t r = 0; r < 40; ++r) {
      Doubles alone(static_cast<std::size_t>(items));
      model.Predict(20 + r, alone);
      for (std::int32_t item = 0; item < items; ++item) {
        EXPECT_EQ(q[static_cast<std::size_t>(r * items + item)], model.PredictOne(20 + r, item));
        EXPECT_EQ(alone[static_cast<std::size_t>(item)], model.PredictOne(20 + r, item));
      }
      EXPECT_EQ(alone[static_cast<std::size_t>(items) - 1] == alone[static_cast<std::size_t>(items) - 2], items == 7);
    }
  }
}

TEST(RewardModel, FeaturesSpeakForItemsThatWereNeverShown) {
  // Items 0 to 7 on a line; the reward is the product of context and feature, item 5 is never shown.
  base::Rng rng(2, base::Stream::kTest);
  Owned rounds;
  rounds.num_items = 8;
  rounds.columns = 1;
  rounds.features = 1;
  for (int item = 0; item < 8; ++item) {
    rounds.actions.push_back(static_cast<float>(item));
  }
  for (int r = 0; r < 3000; ++r) {
    const auto item = static_cast<std::int32_t>(rng.Below(8));
    rounds.item.push_back(item == 5 ? 4 : item);
    rounds.context.push_back(static_cast<float>(rng.Normal()));
    rounds.reward.push_back(rounds.context.back() * static_cast<float>(rounds.item.back()));
  }
  const RewardModel model = RewardModel::Fit(rounds.View(), {.interaction_ridge = 1.0, .max_interactions = 0});
  for (std::int64_t r = 0; r < 20; ++r) {
    EXPECT_NEAR(model.PredictOne(r, 5), 5.0 * rounds.context[static_cast<std::size_t>(r)], 0.1);
  }
  // Hashed into fewer columns than there are products the model still stands, and is finite.
  rounds.columns = 3;
  rounds.context.resize(9000);
  const RewardModel hashed = RewardModel::Fit(rounds.View(), {.max_interactions = 0, .max_products = 2});
  EXPECT_TRUE(std::isfinite(hashed.PredictOne(7, 5)));
}

TEST(RewardModel, EqualRewardsAreNoTrouble) {
  Owned rounds = MakeRounds(50, 2, LinearLaw, [](double, base::Rng&) { return 0.0; });
  const RewardModel model = RewardModel::Fit(rounds.View());
  EXPECT_EQ(model.law(), RewardLaw::kLogistic);
  EXPECT_LT(model.PredictOne(0, 1), 1e-3);
  EXPECT_GE(model.PredictOne(0, 1), 0.0);
}

TEST(RewardModel, WhatCannotBeFittedIsRefused) {
  const auto error = [](const Owned& rounds, const RewardModelOptions& options) {
    return ErrorOf([&] { (void)RewardModel::Fit(rounds.View(), options); });
  };
  Owned rounds = MakeRounds(5, 2, LinearLaw, [](double, base::Rng&) { return 2.5; });
  EXPECT_EQ(error(rounds, {.common_ridge = 0.0}), "Usage: reward model: a ridge is '0'; expected numbers above 0");
  EXPECT_EQ(error(rounds, {.folds = 0}), "Usage: reward model: '0' folds; expected at least 1");
  EXPECT_EQ(
      error(rounds, {.law = RewardLaw::kLogistic}),
      "Data: reward model: reward of round 0 is neither 0 nor 1: '2.5'; expected 0 and 1 for a logistic law, or a "
      "linear one");
  rounds.group.assign(5, 3);
  EXPECT_EQ(error(rounds, {}),
            "Data: reward model: all rounds are of one user; expected two or more to fit on some and predict others");
  rounds.weight.assign(5, 0.0);
  EXPECT_EQ(error(rounds, {}), "Data: reward model: no round has a positive weight; expected at least one");
  rounds.weight[1] = 1.0;
  rounds.group = {0, 1, 2, 3, 4};
  EXPECT_EQ(error(rounds, {}), "Data: reward model: a fold has all rounds of positive weight; expected fewer folds");
}

TEST(RewardModel, RoundsOfALogAreItsSlots) {
  const auto log = test::FullLog();
  const LogRounds rounds(log);
  const RewardRounds& view = rounds.rounds();
  EXPECT_EQ(std::vector<std::int64_t>(view.group.begin(), view.group.end()), (std::vector<std::int64_t>{0, 0, 2, 2}));
  EXPECT_EQ(std::vector<std::int32_t>(view.position.begin(), view.position.end()),
            (std::vector<std::int32_t>{0, 1, 0, 1}));
  EXPECT_EQ(view.context_row[3], 1);
  EXPECT_EQ(view.context.rows, 2);
  const RewardModel model = RewardModel::Fit(view, {.folds = 2});
  EXPECT_TRUE(std::isfinite(model.PredictOne(3, 2)));
  const auto single = test::SingleActions({0, 1}, {0.5, 0.5}, {0, 1}, 2);
  EXPECT_TRUE(LogRounds(single).rounds().position.empty());
}

}  // namespace
}  // namespace recforce::ope
