// SPDX-License-Identifier: Apache-2.0
// Decision logs of simulated users, read back.
#include "sim/decision_recorder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "recforce/base/error.h"
#include "recforce/data/read_decisions.h"
#include "sim/drawing_policy.h"
#include "sim/policies.h"
#include "support/temp_dir.h"
#include "support/toy_environment.h"

namespace recforce::sim {
namespace {

constexpr core::ChoiceRule kShannon{core::ChoiceLaw::kSoftmax, 0.0F};
const std::vector<std::string> kIds = {"a", "b", "c", "d"};

struct Recorded {
  Outcome outcome;
  data::DecisionLog log;
};

Recorded Record(const core::Environment& world, const core::SlatePolicy& policy, const SimulationPlan& plan) {
  const test::TempDir dir;
  const std::filesystem::path path = dir / "log.jsonl";
  DecisionRecorder recorder(base::RealFileSystem(), path, "toy", kIds, policy, plan);
  SimulationHooks hooks;
  hooks.on_choice = [&](const core::Episodes& users, base::MatrixView<const std::int32_t> slates) {
    recorder.Choose(users, slates);
  };
  hooks.on_step = [&](const ShownStep& step) { recorder.Answer(step); };
  Recorded recorded;
  recorded.outcome = Simulate(world, policy, plan, hooks);
  recorder.Finish();
  recorded.log = data::ReadDecisionLog(path).log;
  return recorded;
}

TEST(DecisionRecorderTest, EverySlateIsALineWithTheClicksBefore) {
  test::Toy toy = test::RandomToy(4, 2, kShannon);
  toy.last_item = 2;  // who clicks it leaves
  const test::ToyEnvironment world(toy);
  const SimulationPlan plan{.users = 50, .horizon = 8, .slate = 2, .first_user = 100, .batch = 16, .memory = 8};
  const auto [outcome, log] = Record(world, *MakeRandomPolicy(4), plan);
  EXPECT_EQ(log.size(), std::accumulate(outcome.steps.begin(), outcome.steps.end(), std::int64_t{0}));
  EXPECT_EQ(log.item_ids, kIds);
  EXPECT_EQ(log.policies.front().name, "toy");
  EXPECT_NEAR(std::accumulate(log.reward.begin(), log.reward.end(), 0.0),
              std::accumulate(outcome.reward.begin(), outcome.reward.end(), 0.0), 1e-4);
  std::map<std::string, std::vector<std::int32_t>> clicks;  // of a user so far
  for (std::int64_t decision = 0; decision < log.size(); ++decision) {
    const auto at = static_cast<std::size_t>(decision);
    const std::string& user = log.user_ids[static_cast<std::size_t>(log.user[at])];
    EXPECT_EQ(log.session_ids[static_cast<std::size_t>(log.session[at])], user);
    EXPECT_GE(std::stoi(user), 100);
    const auto history = log.history.row(decision);
    EXPECT_EQ(std::vector(history.begin(), history.end()), clicks[user]) << user;
    for (std::int64_t slot = log.first[at]; slot < log.first[at + 1]; ++slot) {
      const auto place = static_cast<std::size_t>(slot);
      EXPECT_DOUBLE_EQ(log.propensity[place], slot == log.first[at] ? 1.0 / 4.0 : 1.0 / 3.0);
      if (log.reward[place] != 0.0) {
        clicks[user].push_back(log.item[place]);
      }
    }
  }
}

TEST(DecisionRecorderTest, TheLogOfOnePolicySaysWhatAnotherIsWorth) {
  const test::ToyEnvironment world(test::RandomToy(4, 2, kShannon));
  const SimulationPlan plan{.users = 40000, .horizon = 1, .slate = 1};
  const std::vector<float> logits = {1.0F, 0.0F, -1.0F, 2.0F};
  const auto log = Record(world, *MakeRandomPolicy(4), plan).log;
  double total = 0.0;
  for (const float logit : logits) {
    total += std::exp(static_cast<double>(logit));
  }
  std::vector<double> terms;
  for (std::size_t slot = 0; slot < log.item.size(); ++slot) {
    const double pi = std::exp(static_cast<double>(logits[static_cast<std::size_t>(log.item[slot])])) / total;
    terms.push_back(pi / log.propensity[slot] * log.reward[slot]);
  }
  const Estimate guess = MeanOf(terms);
  const Estimate truth = MeanOf(Simulate(world, *MakeDrawingPolicy(logits, ServingConfig{}.rule()),
                                         {.users = 40000, .horizon = 1, .slate = 1, .seed = 2})
                                    .reward);
  EXPECT_NEAR(guess.mean, truth.mean, 2.0 * std::hypot(guess.half_width95, truth.half_width95));
  EXPECT_LT(guess.half_width95, 0.1 * std::abs(truth.mean));  // the comparison says something
}

}  // namespace
}  // namespace recforce::sim
