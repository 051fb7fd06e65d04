// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/simulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "algos/gan_user_model/network.h"
#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "sim/check_environment.h"
#include "sim/random_slate.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kItems = 30;

ModelOptions SmallModel(StateKind state, std::int64_t members = 1) {
  ModelOptions options;
  options.shape.items = kItems;
  options.shape.dim = 6;
  options.shape.state = state;
  options.shape.memory = 4;
  options.shape.hidden = 5;
  options.shape.layers = {24, 10};
  options.shape.repeats = true;
  options.members = members;
  return options;
}

// A model that nobody trained, with strong opinions.
base::TensorSet Tensors(const ModelOptions& options, bool no_click) {
  const torch::NoGradGuard no_grad;
  base::TensorSet set;
  const UserParts parts(options.shape, no_click);
  for (std::int64_t member = 0; member < options.members; ++member) {
    std::vector<torch::Tensor> tensors = InitParts(
        options.shape, parts,
        {.item_deviation = 1.0, .no_click = 0.1, .seed = 5, .number = static_cast<std::uint64_t>(member)}, torch::kCPU);
    tensors[static_cast<std::size_t>(parts.out)].mul_(20.0);
    if (parts.repeat >= 0) {
      tensors[static_cast<std::size_t>(parts.repeat)].fill_(-0.7);
    }
    tensors[static_cast<std::size_t>(parts.out_bias)].fill_(0.3 * static_cast<double>(member));
    SaveParts(parts, tensors, set, MemberPrefix(member));
  }
  set.AddOwned("scale", std::vector<float>{1.5F}, {1});
  return set;
}

std::shared_ptr<const core::Environment> Users(const ModelOptions& options, const SimulatorOptions& use = {},
                                               bool no_click = true) {
  const base::TensorSet set = Tensors(options, no_click);
  return MakeSimulator(std::make_shared<const UserModel>(options, set), use, set);
}

TEST(GanSimulatorTest, KeepsWhatAnEnvironmentPromises) {
  for (const StateKind state : {StateKind::kPositions, StateKind::kLstm, StateKind::kNone}) {
    sim::CheckEnvironment(*Users(SmallModel(state)));
  }
  sim::CheckEnvironment(*Users(SmallModel(StateKind::kPositions), {}, false));
  sim::CheckEnvironment(*Users(SmallModel(StateKind::kLstm, 3), {.pessimism = 1.0}));
  sim::CheckEnvironment(*Users(SmallModel(StateKind::kLstm, 3), {.one_member_a_user = true}));
  ModelOptions sparse = SmallModel(StateKind::kPositions);
  sparse.law = core::ChoiceLaw::kSparsemax;
  sim::CheckEnvironment(*Users(sparse, {.reward = SimulatorReward::kAdvantage}));
}

// A user alone, and the same user among thousands on any number of threads.
TEST(GanSimulatorTest, AUserAloneIsTheSameToTheBit) {
  constexpr std::int64_t kUsers = 600;
  constexpr std::int64_t kShown = 5;
  for (const StateKind state : {StateKind::kPositions, StateKind::kLstm}) {
    const auto users = Users(SmallModel(state));
    std::vector<std::int64_t> numbers(kUsers);
    std::iota(numbers.begin(), numbers.end(), 0);
    const auto slate = [](std::int64_t user, int step, std::span<std::int32_t> out) {
      base::Rng rng(1, base::Stream::kTest, static_cast<std::uint64_t>(user), static_cast<std::uint32_t>(step));
      sim::DrawSlate(rng, kItems, out);
    };
    std::vector<core::Feedback> log;
    for (const int threads : {1, 2}) {
      base::SetThreads(threads);
      const auto episodes = users->Start(numbers, 9);
      std::vector<std::int32_t> slates(kUsers * kShown);
      for (int step = 0; step < 8; ++step) {
        for (std::int64_t user = 0; user < kUsers; ++user) {
          slate(user, step, std::span(slates).subspan(user * kShown, kShown));
        }
        core::Feedback feedback;
        episodes->Step({slates.data(), kUsers, kShown}, feedback);
        if (threads == 1) {
          log.push_back(feedback);
        } else {
          EXPECT_EQ(feedback.reward, log[step].reward);
          EXPECT_EQ(feedback.clicked, log[step].clicked);
        }
      }
    }
    for (const std::int64_t user : {0, 1, 333, 599}) {
      const auto alone = users->Start(std::vector<std::int64_t>{user}, 9);
      for (int step = 0; step < 8; ++step) {
        std::vector<std::int32_t> shown(kShown);
        slate(user, step, shown);
        core::Feedback feedback;
        alone->Step({shown.data(), 1, kShown}, feedback);
        EXPECT_EQ(feedback.reward[0], log[step].reward[user]);
        EXPECT_EQ(feedback.clicked[0], log[step].clicked[user]);
      }
    }
  }
}

TEST(GanSimulatorTest, RewardsAreWhatTheOptionsSay) {
  const ModelOptions options = SmallModel(StateKind::kPositions, 3);
  const base::TensorSet set = Tensors(options, true);
  const auto model = std::make_shared<const UserModel>(options, set);
  const std::vector<std::int32_t> recent = {4, 2, -1, -1};
  const base::MatrixView<const std::int32_t> clicks{recent.data(), 1, 4};
  const auto all = [&](const SimulatorOptions& use, bool rewards) {
    std::vector<float> out(kItems);
    const auto users = MakeSimulator(model, use, set);
    rewards ? users->RewardsAfter(clicks, {out.data(), 1, kItems})
            : users->UtilitiesAfter(clicks, {out.data(), 1, kItems});
    return out;
  };
  std::vector<float> traits(static_cast<std::size_t>(model->num_traits()));
  model->AfterClicks(recent, traits.data());
  std::vector<std::int32_t> items(kItems);
  std::iota(items.begin(), items.end(), 0);
  UserModel::Scratch scratch;
  std::vector<float> members(3 * kItems);
  model->Rewards(traits.data(), items, scratch, members.data());
  const std::vector<float> utilities = all({}, false);
  const std::vector<float> plain = all({}, true);
  const std::vector<float> wary = all({.pessimism = 2.0}, true);
  const std::vector<float> click = all({.reward = SimulatorReward::kClick}, true);
  const std::vector<float> advantage = all({.reward = SimulatorReward::kAdvantage}, true);
  for (std::size_t item = 0; item < kItems; ++item) {
    double mean = 0.0;
    double square = 0.0;
    for (std::size_t member = 0; member < 3; ++member) {
      mean += members[member * kItems + item] / 3.0;
    }
    for (std::size_t member = 0; member < 3; ++member) {
      square += std::pow(members[member * kItems + item] - mean, 2) / 3.0;
    }
    EXPECT_NEAR(plain[item], mean, 1e-5);
    EXPECT_NEAR(utilities[item], 1.5 * mean, 1e-5) << "utilities carry the scale, rewards do not";
    EXPECT_NEAR(wary[item], mean - 2.0 * std::sqrt(square), 1e-5);
    EXPECT_EQ(click[item], 1.0F);
    EXPECT_NEAR(advantage[item], mean - 0.1, 1e-5);
  }
  EXPECT_NEAR(*model->choice().no_click, 1.5 * 0.1, 1e-6);
}

TEST(GanSimulatorTest, WithoutChoosingNothingMembersAgreeOnTheMeanOfTheCatalogue) {
  const ModelOptions options = SmallModel(StateKind::kPositions, 2);
  const base::TensorSet set = Tensors(options, false);
  const UserModel model(options, set);
  EXPECT_FALSE(model.choice().no_click.has_value());
  std::vector<float> traits(static_cast<std::size_t>(model.num_traits()));
  model.AfterClicks({}, traits.data());
  std::vector<std::int32_t> items(kItems);
  std::iota(items.begin(), items.end(), 0);
  UserModel::Scratch scratch;
  std::vector<float> rewards(2 * kItems);
  model.Rewards(traits.data(), items, scratch, rewards.data());
  EXPECT_NEAR(std::accumulate(rewards.begin(), rewards.begin() + kItems, 0.0), 0.0, 1e-4);
  EXPECT_NEAR(std::accumulate(rewards.begin() + kItems, rewards.end(), 0.0), 0.0, 1e-4);
  EXPECT_THROW(
      MakeSimulator(std::make_shared<const UserModel>(options, set), {.reward = SimulatorReward::kAdvantage}, set),
      base::Error);
}

TEST(GanSimulatorTest, IdentityFollowsTensorsAndOptions) {
  const ModelOptions options = SmallModel(StateKind::kPositions, 2);
  const std::string plain = Users(options)->identity();
  EXPECT_EQ(plain, Users(options)->identity());
  EXPECT_NE(plain, Users(options, {.pessimism = 1.0})->identity());
  EXPECT_NE(plain, Users(options, {.reward = SimulatorReward::kClick})->identity());
  EXPECT_NE(plain, Users(options, {}, false)->identity());
  EXPECT_TRUE(Users(options)->learnt());
  EXPECT_EQ(Users(options)->item_features().rows, kItems);
  EXPECT_EQ(Users(options)->item_features().cols, 6);
}

TEST(GanSimulatorTest, ABadScaleIsRefused) {
  const ModelOptions options = SmallModel(StateKind::kPositions);
  base::TensorSet set = Tensors(options, true);
  set.AddOwned("scale", std::vector<float>{-1.0F}, {1});
  EXPECT_THROW(UserModel(options, set), base::Error);
}

}  // namespace
}  // namespace recforce::algos
