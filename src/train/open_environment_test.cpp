// SPDX-License-Identifier: Apache-2.0
// Environments and policies by name and from bundles of made-up algorithms.
#include "train/open_environment.h"

#include <gtest/gtest.h>

#include "recforce/base/error.h"
#include "recforce/data/dataset.h"
#include "recforce/model/bundle.h"
#include "sim/policies.h"
#include "support/temp_dir.h"
#include "support/toy_environment.h"
#include "support/unsynced_file_system.h"

namespace recforce::train {
namespace {

struct UsersConfig {
  double pessimism = 0.0;
};
struct NoConfig {
  std::int64_t size = 1;
};

// Scores the items by their index, the last first.
class LastFirst final : public core::Recommender {
 public:
  explicit LastFirst(std::int64_t num_items) : num_items_(num_items) {}
  [[nodiscard]] std::int64_t NumItems() const override { return num_items_; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      for (std::int64_t item = 0; item < num_items_; ++item) {
        out.row(row)[item] = static_cast<float>(item);
      }
    }
  }

 private:
  std::int64_t num_items_;
};

core::Registry MakeRegistry() {
  static const config::FieldTable users_fields =
      config::Fields<UsersConfig>().Real("pessimism", &UsersConfig::pessimism, 0.0, 10.0, "How wary.").Take();
  static const config::FieldTable no_fields =
      config::Fields<NoConfig>().Int("size", &NoConfig::size, 0, 9, "A size.").Take();
  const auto load = [](const config::Section&, const base::TensorSet&, std::int64_t num_items, const std::string&) {
    return std::make_unique<LastFirst>(num_items);
  };
  core::Registry registry;
  core::AlgorithmSpec users;
  users.name = "users";
  users.make_config = [] { return config::Section::Make<UsersConfig>("users", users_fields); };
  users.load = load;
  users.load_environment = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                              const std::string&) {
    test::Toy toy = test::RandomToy(num_items, 1, {core::ChoiceLaw::kSoftmax, 0.0F});
    toy.identity = "users " + std::to_string(tensors.Get("weights").As<float>()[0]) + " " +
                   std::to_string(section.As<UsersConfig>().pessimism);
    toy.learnt = true;
    return std::make_shared<test::ToyEnvironment>(toy);
  };
  registry.Add(users);
  core::AlgorithmSpec scores;
  scores.name = "scores";
  scores.make_config = [] { return config::Section::Make<NoConfig>("scores", no_fields); };
  scores.load = load;
  registry.Add(scores);
  core::AlgorithmSpec slates = scores;
  slates.name = "slates";
  slates.load_policy = [](const config::Section&, const base::TensorSet&, std::int64_t num_items, const std::string&) {
    const std::vector<std::int64_t> counts(static_cast<std::size_t>(num_items), 1);
    return sim::MakePopularityPolicy(counts);
  };
  registry.Add(slates);
  return registry;
}

class OpenEnvironmentTest : public ::testing::Test {
 protected:
  // A bundle of the algorithm over items of these ids; where it was trained, if anywhere.
  std::string Write(const std::string& algorithm, const std::vector<std::string>& ids,
                    const std::string& trained_in = "") {
    model::Bundle bundle;
    bundle.manifest.algorithm = algorithm;
    bundle.manifest.num_items = static_cast<std::int64_t>(ids.size());
    if (!trained_in.empty()) {
      bundle.manifest.preprocessing = {{"trained_in", trained_in}, {"trained_in_learnt", "yes"}};
    }
    bundle.weights.AddOwned<float>("weights", {2.0F});
    data::AddStrings(bundle.catalogue, "item_ids", ids);
    const std::filesystem::path folder = dir_ / algorithm;
    model::WriteBundle(test::UnsyncedDisk(), folder, bundle);
    return folder.string();
  }

  template <class Action>
  static std::string UsageOf(const Action& action) {
    try {
      action();
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
      return error.what();
    }
    return "no error";
  }

  static std::vector<std::int32_t> FirstSlate(const core::SlatePolicy& policy, const core::Environment& environment,
                                              std::int64_t k) {
    const std::vector<std::int64_t> users = {0};
    std::vector<std::int32_t> slate(static_cast<std::size_t>(k));
    policy.Choose(*environment.Start(users, 1), 1, {slate.data(), 1, k});
    return slate;
  }

  [[nodiscard]] OpenedEnvironment Open(const std::string& source, double pessimism = 0.0) const {
    return OpenEnvironment(registry_, {.source = source, .pessimism = pessimism}, "cpu");
  }

  test::TempDir dir_;
  core::Registry registry_ = MakeRegistry();
};

TEST_F(OpenEnvironmentTest, WorldsComeWithNumberedItems) {
  const OpenedEnvironment opened = Open("world:tabular");
  EXPECT_EQ(opened.name, "world:tabular");
  ASSERT_EQ(static_cast<std::int64_t>(opened.item_ids.size()), opened.environment->NumItems());
  EXPECT_TRUE(std::is_sorted(opened.item_ids.begin(), opened.item_ids.end()));
  EXPECT_TRUE(opened.item_titles.empty());
}

TEST_F(OpenEnvironmentTest, RunsOfUserModelsStandForUsers) {
  const std::string run = Write("users", {"a", "b", "c"});
  const OpenedEnvironment opened = Open(run, 0.5);
  EXPECT_EQ(opened.name, run + " (users)");
  EXPECT_EQ(opened.item_ids, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(opened.environment->identity(), "users 2.000000 0.500000");
}

TEST_F(OpenEnvironmentTest, OtherModelsStandForNobody) {
  const std::string run = Write("scores", {"a", "b"});
  EXPECT_EQ(UsageOf([&] { (void)Open(run); }),
            run +
                ": the model stands for no users: 'scores'; expected a run of users, or one of world:tabular, "
                "world:linear, world:latent, world:burnout, world:mood");
  EXPECT_EQ(UsageOf([&] { (void)Open(""); }),
            "environment.source: is missing; expected one of world:tabular, world:linear, world:latent, world:burnout, "
            "world:mood, or the folder of a run of a user model");
  EXPECT_EQ(UsageOf([&] { (void)Open(Write("users", {"a"}), 11.0); }).substr(0, 22), "environment.pessimism ");
}

TEST_F(OpenEnvironmentTest, RecommendersShowTheirBestItems) {
  const OpenedEnvironment environment = Open(Write("users", {"a", "b", "c", "d"}));
  const std::string run = Write("scores", {"d", "b", "a"});
  const OpenedPolicy policy = OpenPolicy(registry_, run, "cpu");
  EXPECT_EQ(policy.name, run + " (scores)");
  EXPECT_EQ(policy.trained_in, "");
  const auto fitted = FitPolicy(policy, environment, 2, false);
  EXPECT_EQ(FirstSlate(*fitted, *environment.environment, 2), (std::vector<std::int32_t>{0, 1}));  // a, b
}

TEST_F(OpenEnvironmentTest, PoliciesOfTheirOwnChooseSlates) {
  const OpenedEnvironment environment = Open(Write("users", {"a", "b", "c"}));
  const OpenedPolicy policy = OpenPolicy(registry_, Write("slates", {"a", "b", "c"}), "cpu");
  const auto fitted = FitPolicy(policy, environment, 2, false);
  EXPECT_EQ(fitted, policy.policy);  // one catalogue, nothing to translate
  EXPECT_EQ(FirstSlate(*fitted, *environment.environment, 2), (std::vector<std::int32_t>{0, 1}));
}

TEST_F(OpenEnvironmentTest, CataloguesMustAgree) {
  const OpenedEnvironment environment = Open(Write("users", {"a", "b", "c"}));
  const OpenedPolicy other = OpenPolicy(registry_, Write("scores", {"a", "x"}), "cpu");
  EXPECT_EQ(
      UsageOf([&] { (void)FitPolicy(other, environment, 1, false); }),
      other.name + ": knows an item that '" + environment.name + "' has not: 'x'; expected a policy for its 3 items");
  const OpenedPolicy small = OpenPolicy(registry_, Write("slates", {"a"}), "cpu");
  EXPECT_EQ(UsageOf([&] { (void)FitPolicy(small, environment, 2, false); }),
            small.name + ": knows too few items to fill a slate: '1'; expected at least 2");
}

TEST_F(OpenEnvironmentTest, LearntUsersDoNotJudgeWhatTheyTrained) {
  const OpenedEnvironment environment = Open(Write("users", {"a", "b"}));
  const OpenedPolicy policy =
      OpenPolicy(registry_, Write("slates", {"a", "b"}, environment.environment->identity()), "cpu");
  EXPECT_TRUE(policy.trained_in_learnt);
  EXPECT_EQ(UsageOf([&] { (void)FitPolicy(policy, environment, 1, false); }),
            policy.name + ": comes from this very simulator, and has learnt its errors too: '" + environment.name +
                "'; expected a world, or users learnt from others. --allow-training-environment tries it all the same");
  EXPECT_EQ(FitPolicy(policy, environment, 1, true), policy.policy);
  const OpenedEnvironment others = Open(Write("users", {"a", "b"}), 1.0);
  EXPECT_EQ(FitPolicy(policy, others, 1, false), policy.policy);
}

TEST_F(OpenEnvironmentTest, BeliefsArePoliciesOfTheModelsItems) {
  const std::string run = Write("users", {"c", "a", "b"});
  const OpenedPolicy belief = OpenBelief(registry_, "top_k", run, "cpu");
  EXPECT_EQ(belief.name, "top_k:" + run + " (users)");
  EXPECT_EQ(belief.item_ids, (std::vector<std::string>{"c", "a", "b"}));
  const OpenedEnvironment own = Open(run);
  const std::vector<std::int32_t> best = FirstSlate(*belief.policy, *own.environment, 1);
  EXPECT_EQ(best, FirstSlate(*sim::MakeTopRewardPolicy(3), *own.environment, 1));
  // Other users, who call the items otherwise.
  const OpenedEnvironment others = Open(Write("users", {"a", "b", "c", "d"}), 1.0);
  const std::vector<std::int32_t> shown = FirstSlate(*FitPolicy(belief, others, 1, false), *others.environment, 1);
  EXPECT_EQ(others.item_ids[static_cast<std::size_t>(shown[0])], belief.item_ids[static_cast<std::size_t>(best[0])]);
}

TEST_F(OpenEnvironmentTest, BeliefsAreNotJudgedByThemselves) {
  const OpenedEnvironment environment = Open(Write("users", {"a", "b"}));
  const OpenedPolicy belief = OpenBelief(registry_, "greedy", dir_ / "users", "cpu");
  EXPECT_EQ(UsageOf([&] { (void)FitPolicy(belief, environment, 1, false); }),
            belief.name + ": comes from this very simulator, and has learnt its errors too: '" + environment.name +
                "'; expected a world, or users learnt from others. --allow-training-environment tries it all the same");
  EXPECT_EQ(FirstSlate(*FitPolicy(belief, environment, 1, true), *environment.environment, 1),
            FirstSlate(*sim::MakeGreedyPolicy(*environment.environment), *environment.environment, 1));
  const std::string scores = Write("scores", {"a"});
  EXPECT_EQ(UsageOf([&] { (void)OpenBelief(registry_, "greedy", scores, "cpu"); }),
            scores + ": the model stands for no users: 'scores'; expected a run of users");
}

}  // namespace
}  // namespace recforce::train
