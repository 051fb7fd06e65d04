// SPDX-License-Identifier: Apache-2.0
// What a policy promises in the simulator that it was trained in, and what it keeps in one that was learnt from other
// people, and in the world that both were learnt from. Slow.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <string>

#include "algos/register_all.h"
#include "recforce/core/algorithm.h"
#include "recforce/data/convert.h"
#include "sim/display_log.h"
#include "sim/linear_world.h"
#include "sim/policies.h"
#include "sim/runner.h"
#include "support/error_of.h"
#include "support/temp_dir.h"
#include "train/open_environment.h"
#include "train/run.h"

namespace recforce {
namespace {

using Values = std::map<std::string, std::string>;

const Values kUserModel = {{"gan_user_model.epochs", "12"},
                           {"gan_user_model.learning_rate", "0.003"},
                           {"gan_user_model.reward_layers", "[32, 32]"},
                           {"gan_user_model.history", "3"}};

class HeldOutUsers : public testing::Test {
 protected:
  void SetUp() override {
    algos::RegisterAll(registry_);
    WriteRandomLog();
  }

  // Random slates to users of the world, half of whom are for training and a quarter for testing.
  void WriteRandomLog() {
    const auto world = sim::LinearWorld::Make({.items = 30});
    sim::SimulationPlan plan{.users = 1000, .horizon = 20, .slate = 5};
    std::vector<std::string> ids;
    for (std::int64_t item = 0; item < world->NumItems(); ++item) {
      ids.push_back((item < 10 ? "0" : "") + std::to_string(item));  // as train::OpenEnvironment calls them
    }
    base::WriteAtomically(base::RealFileSystem(), dir_ / "log.tsv", [&](base::WritableFile& file) {
      sim::DisplayLogWriter log(file, ids, plan);
      sim::SimulationHooks hooks;
      hooks.on_step = [&log](const sim::ShownStep& step) { log.Add(step); };
      (void)sim::Simulate(*world, *sim::MakeRandomPolicy(world->NumItems()), plan, hooks);
      log.Finish();
    });
    data::ConvertOptions options;
    options.format = "displays";
    data::Convert(base::RealFileSystem(), dir_ / "log.tsv", options, dir_ / "data");
  }

  // Trains and returns the run folder.
  std::string Train(const std::string& model, const std::string& name, const Values& values) {
    config::Settings settings = train::MakeSettings(registry_.Get(model));
    settings.Set("model", model, "test");
    for (const auto& [key, value] : values) {
      settings.Set(key, value, "test");
    }
    train::RunOptions options;
    options.out = dir_ / name;
    train::Observer silent;
    train::Train(base::RealFileSystem(), registry_, settings, options, silent);
    return options.out.string();
  }

  [[nodiscard]] train::OpenedEnvironment Open(const std::string& source) const {
    return train::OpenEnvironment(registry_, {.source = source, .items = 30}, "cpu");
  }

  // Mean discounted returns in an environment: of the policy, and of random slates.
  struct Returns {
    double policy = 0.0;
    double random = 0.0;
  };
  [[nodiscard]] static Returns Try(const train::OpenedPolicy& policy, const train::OpenedEnvironment& users,
                                   bool allow) {
    const sim::SimulationPlan plan{.users = 500, .horizon = 20, .slate = 3};
    const auto mean = [&](const core::SlatePolicy& shown) {
      return sim::Summarize(sim::Simulate(*users.environment, shown, plan), plan, std::nullopt).discounted_return.mean;
    };
    return {mean(*train::FitPolicy(policy, users, plan.slate, allow)),
            mean(*sim::MakeRandomPolicy(users.environment->NumItems()))};
  }

  test::TempDir dir_;
  core::Registry registry_;
};

TEST_F(HeldOutUsers, APolicyIsTriedOnPeopleWhoDidNotMakeItsSimulator) {
  Values values = kUserModel;
  values["data"] = (dir_ / "data").string();
  const train::OpenedEnvironment training = Open(Train("gan_user_model", "users", values));
  values["split.swap"] = "true";
  const train::OpenedEnvironment held_out = Open(Train("gan_user_model", "judge", values));
  EXPECT_NE(training.environment->identity(), held_out.environment->identity());

  const train::OpenedPolicy policy = train::OpenPolicy(registry_,
                                                       Train("cdqn", "policy",
                                                             {{"environment.source", (dir_ / "users").string()},
                                                              {"cdqn.epochs", "4"},
                                                              {"cdqn.updates_per_epoch", "250"},
                                                              {"cdqn.hidden", "[64, 32]"},
                                                              {"cdqn.target_sync", "50"}}),
                                                       "cpu");
  EXPECT_NE(test::ErrorOf([&] { (void)train::FitPolicy(policy, training, 3, false); }).find("comes from this very"),
            std::string::npos);
  const Returns promised = Try(policy, training, true);
  const Returns kept = Try(policy, held_out, false);
  const Returns truly = Try(policy, Open("world:linear"), false);
  std::printf("| users | policy | random | gain |\n");
  for (const auto& [name, returns] :
       {std::pair{"of its training", promised}, {"held out", kept}, {"of the world", truly}}) {
    std::printf("| %s | %.3f | %.3f | %.3f |\n", name, returns.policy, returns.random, returns.policy - returns.random);
  }
  std::printf("return in the training simulator minus in the held-out one: %.3f\n", promised.policy - kept.policy);
  for (const Returns& returns : {promised, kept, truly}) {
    EXPECT_TRUE(std::isfinite(returns.policy));
    EXPECT_TRUE(std::isfinite(returns.random));
  }
  EXPECT_GT(kept.policy, kept.random);
}

}  // namespace
}  // namespace recforce
