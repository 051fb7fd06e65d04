// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/topk_reinforce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "algos/topk_reinforce/learner.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kItems = 25;

// Users with rewards of 0, 1 and 2, seconds between events, and propensities.
struct Log {
  data::Csr rows;
  std::vector<float> values, propensities;
  std::vector<std::int64_t> times;
  std::vector<std::int32_t> contexts;
  explicit Log(std::int64_t users, std::uint64_t rewards = 3) {
    for (std::int64_t user = 0; user < users; ++user) {
      base::Rng rng(5, base::Stream::kTest, static_cast<std::uint64_t>(user));
      std::vector<std::int32_t> row;
      std::int64_t now = 1000 * user;
      for (std::uint64_t left = 1 + rng.Below(9); left > 0; --left) {
        row.push_back(static_cast<std::int32_t>(rng.Below(kItems)));
        values.push_back(static_cast<float>(rng.Below(rewards)));
        propensities.push_back(static_cast<float>(0.02 + 0.9 * rng.Uniform()));
        now += static_cast<std::int64_t>(rng.Below(100));
        times.push_back(now);
        contexts.push_back(static_cast<std::int32_t>(times.size() % 5) - 1);
      }
      rows.AddRow(row);
    }
    values[0] = 1.0F;
  }
  [[nodiscard]] core::TrainView View(bool with_propensities = true) const {
    core::TrainView view = {.interactions = rows.view(), .num_items = kItems};
    view.values = values;
    view.times = times;
    view.contexts = contexts;
    view.num_contexts = 4;
    if (with_propensities) {
      view.propensities = propensities;
    }
    return view;
  }
};

TEST(PolicyLogTest, ReturnsAreDiscountedSumsOfWhatFollows) {
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>{4, 7, 4, 2});
  const std::vector<float> values = {1.0F, 0.0F, 3.0F, 2.0F};
  const std::vector<std::int64_t> times = {0, 10, 100, 130};
  core::TrainView view = {.interactions = rows.view(), .num_items = kItems};
  view.values = values;
  view.times = times;
  const PolicyLog log = MakePolicyLog(view, {.discount = 0.5});
  EXPECT_EQ(log.item, (std::vector<std::int32_t>{4, 7, 4, 2}));
  EXPECT_EQ(log.ret, (std::vector<float>{1.0F + 0.75F + 0.25F, 0.0F, 4.0F, 2.0F}));
  // The state moves with what brought something; item 7 is decided from the state after item 4.
  const auto inputs = log.inputs.row(0);
  EXPECT_EQ(std::vector<std::int32_t>(inputs.begin(), inputs.end()), (std::vector<std::int32_t>{25, 4, 4, 2, 25}));
  EXPECT_EQ(log.offsets, (std::vector<std::int64_t>{0, 1, 3, 4, 4, 4}));
  EXPECT_EQ(MakePolicyLog(view, {.discount = 0.5, .horizon_seconds = 100.0}).ret,
            (std::vector<float>{1.75F, 0.0F, 4.0F, 2.0F}));
  EXPECT_EQ(MakePolicyLog(view, {.discount = 0.5, .horizon_seconds = 29.0}).ret,
            (std::vector<float>{1.0F, 0.0F, 3.0F, 2.0F}));
  EXPECT_EQ(MakePolicyLog(view, {.clip = 2.0, .discount = 0.0}).ret, (std::vector<float>{1.0F, 0.0F, 2.0F, 2.0F}));
  EXPECT_EQ(MakePolicyLog(view, {.use_values = false, .discount = 0.0}).ret, std::vector<float>(4, 1.0F));
  EXPECT_EQ(MakePolicyLog(view, {.discount = 0.0, .novelty_boost = 4.0}).ret,
            (std::vector<float>{4.0F, 0.0F, 3.0F, 8.0F}));
  EXPECT_EQ(MakePolicyLog(view, {.discount = 0.0, .novelty_boost = 4.0, .novelty_days = 50.0 / 86400.0}).ret,
            (std::vector<float>{4.0F, 0.0F, 12.0F, 8.0F}));
}

template <class Make>
std::string ErrorOf(const Make& make) {
  try {
    make();
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

TEST(PolicyLogTest, RefusesWhatCannotBeARewardOrAProbability) {
  Log log(3);
  log.values[1] = -1.0F;
  EXPECT_EQ(ErrorOf([&] { MakePolicyLog(log.View(), {}); }),
            "topk_reinforce: a reward is below zero or no number: '-1'; expected rewards of 0 or more, or "
            "topk_reinforce.reward one");
  log.values[1] = 0.0F;
  log.propensities[0] = 0.0F;
  EXPECT_EQ(ErrorOf([&] { MakePolicyLog(log.View(), {}); }),
            "topk_reinforce: a propensity is no probability: '0'; expected a number above 0 and at most 1");
}

struct Case {
  std::string name;
  PolicyOptions options;
  bool propensities = false;
};

std::vector<Case> Cases() {
  PolicyOptions plain;
  plain.shape = {.items = kItems, .embedding = 4, .hidden = 6};
  plain.lanes = 7;
  plain.steps = 3;
  plain.correction.top_k = 3;
  plain.returns.discount = 0.8;
  plain.learning_rate = 0.01;
  std::vector<Case> cases = {{"plain", plain}};
  const auto add = [&](std::string name, const std::function<void(Case&)>& change) {
    cases.push_back({std::move(name), plain});
    change(cases.back());
  };
  add("gru, logged propensities", [](Case& c) {
    c.options.shape.cell = nn::Cell::kGru;
    c.propensities = true;
  });
  add("normalised weights, entropy, divergence, temperature", [](Case& c) {
    c.options.correction.normalised = true;
    c.options.entropy_weight = 0.2;
    c.options.kl_weight = 0.3;
    c.options.temperature = 1.4;
  });
  add("contexts", [](Case& c) { c.options.shape.contexts = 4; });
  add("contexts, sampled", [](Case& c) {
    c.options.shape.contexts = 4;
    c.options.sampled = true;
    c.options.negatives = 9;
  });
  add("sampled", [](Case& c) {
    c.options.sampled = true;
    c.options.negatives = 9;
  });
  add("sampled, weights from the draws, with repeats", [](Case& c) {
    c.options.sampled = true;
    c.options.negatives = 9;
    c.options.unique = false;
    c.options.proposal = "unigram";
    c.options.exact_weights = false;
    c.options.shape.cell = nn::Cell::kGruAfter;
  });
  return cases;
}

TEST(TopKReinforceTest, HandWrittenStepsAreThoseOfAutograd) {
  const Log log(40);
  for (Case& now : Cases()) {
    std::vector<base::TensorSet> sets;
    std::vector<core::Metrics> metrics;
    std::vector<std::unique_ptr<PolicyLearner>> learners;
    for (const bool autograd : {false, true}) {
      now.options.autograd = autograd;
      learners.push_back(
          std::make_unique<PolicyLearner>(log.View(now.propensities), now.options, core::TrainerContext{}));
      learners.back()->Epoch({.epoch = 0});
      metrics.push_back(learners.back()->Epoch({.epoch = 1}));
      sets.emplace_back();
      learners.back()->Export(sets.back());
    }
    for (std::size_t at = 0; at + 1 < metrics[0].size(); ++at) {
      EXPECT_NEAR(metrics[0][at].second, metrics[1][at].second, 2e-4) << now.name << ": " << metrics[0][at].first;
    }
    for (const auto& [name, tensor] : sets[0].tensors()) {
      const auto ours = tensor.As<float>();
      const auto theirs = sets[1].Get(name).As<float>();
      for (std::size_t at = 0; at < ours.size(); ++at) {
        ASSERT_NEAR(ours[at], theirs[at], 1e-3) << now.name << ": " << name << " " << at;
      }
    }
  }
}

// Events without a reward teach the behaviour head and nothing else.
TEST(TopKReinforceTest, EventsWithoutRewardMoveBetaAlone) {
  Log log(30);
  Case plain = Cases()[0];
  std::fill(log.values.begin(), log.values.end(), 0.0F);
  log.values[0] = 1e-30F;  // something has to be good
  PolicyLearner learner(log.View(false), plain.options, {});
  const PolicyParams before = learner.params().Clone();
  learner.Epoch({.epoch = 0});
  EXPECT_FALSE(torch::equal(learner.params().beta.weight, before.beta.weight));
  EXPECT_LT((learner.params().pi.bias - before.pi.bias).abs().max().item<double>(), 1e-12);
  EXPECT_LT((learner.params().inputs - before.inputs).abs().max().item<double>(), 1e-12);
}

TEST(TopKReinforceTest, ALogWithoutRewardsIsRefused) {
  Log log(3);
  std::fill(log.values.begin(), log.values.end(), 0.0F);
  EXPECT_EQ(ErrorOf([&] { PolicyLearner(log.View(), Cases()[0].options, {}); }),
            "topk_reinforce: no event of the log has a reward: nothing says what is good; expected values above 0, or "
            "topk_reinforce.reward one");
}

// Everybody is alike; the page decides what is good.
TEST(TopKReinforceTest, WhatIsKnownOfTheRequestDecides) {
  data::Csr rows;
  std::vector<float> values;
  std::vector<std::int32_t> contexts;
  for (std::int64_t user = 0; user < 400; ++user) {
    base::Rng rng(9, base::Stream::kTest, static_cast<std::uint64_t>(user));
    std::vector<std::int32_t> row;
    for (int event = 0; event < 6; ++event) {
      row.push_back(static_cast<std::int32_t>(rng.Below(kItems)));
      contexts.push_back(static_cast<std::int32_t>(rng.Below(3)) - 1);
      values.push_back(row.back() == 4 + contexts.back() ? 1.0F : 0.0F);  // 3 where nothing is known, 4 and 5
    }
    rows.AddRow(row);
  }
  core::TrainView view = {.interactions = rows.view(), .num_items = kItems};
  view.values = values;
  view.contexts = contexts;
  view.num_contexts = 2;
  PolicyOptions options = Cases()[0].options;
  options.shape = {.items = kItems, .embedding = 8, .hidden = 16, .contexts = 2};
  options.correction.top_k = 1;
  options.lanes = 64;
  options.steps = 8;
  PolicyLearner learner(view, options, {});
  for (std::int64_t epoch = 0; epoch < 60; ++epoch) {
    learner.Epoch({.epoch = epoch});
  }
  data::Csr histories;
  for (int user = 0; user < 3; ++user) {
    histories.AddRow({});
  }
  const std::vector<std::int32_t> asked = {-1, 0, 1};
  std::vector<float> scores(3 * kItems);
  learner.recommender().ScoreBatch({.history = histories.view(), .contexts = asked}, {scores.data(), 3, kItems});
  for (std::int64_t user = 0; user < 3; ++user) {
    const auto row = scores.begin() + user * kItems;
    EXPECT_EQ(std::max_element(row, row + kItems) - row, 3 + user);
  }
}

// On a log whose actions depend on the context, the behaviour head learns them better than frequencies do.
TEST(TopKReinforceTest, TheBehaviourHeadLearnsTheLoggingPolicy) {
  data::Csr rows;
  std::vector<double> count(kItems, 1.0);
  double total = kItems;
  for (std::int64_t user = 0; user < 600; ++user) {
    base::Rng rng(8, base::Stream::kTest, static_cast<std::uint64_t>(user));
    std::vector<std::int32_t> row = {static_cast<std::int32_t>(rng.Below(kItems))};
    for (int event = 0; event < 8; ++event) {
      // Two items follow each one, with probabilities of .7 and .3.
      row.push_back(static_cast<std::int32_t>((2 * row.back() + (rng.Uniform() < 0.7 ? 1 : 5)) % kItems));
      count[static_cast<std::size_t>(row.back())] += 1.0;
      total += 1.0;
    }
    rows.AddRow(row);
  }
  PolicyOptions options = Cases()[0].options;
  options.shape = {.items = kItems, .embedding = 16, .hidden = 32};
  options.lanes = 64;
  options.steps = 8;
  PolicyLearner learner({.interactions = rows.view(), .num_items = kItems}, options, {});
  double nll = 0.0;
  for (std::int64_t epoch = 0; epoch < 30; ++epoch) {
    nll = learner.Epoch({.epoch = epoch})[1].second;
  }
  // Eight events have an entropy of H(.7) = .611, the first one log 25.
  const double floor = (8.0 * .6109 + std::log(25.0)) / 9.0;
  EXPECT_LT(nll - floor, .05);
  double frequency = 0.0;
  for (const double c : count) {
    frequency -= c / total * std::log(c / total);
  }
  EXPECT_LT(nll, frequency - 1.0);
}

}  // namespace
}  // namespace recforce::algos
