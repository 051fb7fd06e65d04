// SPDX-License-Identifier: Apache-2.0
// A policy that calls items otherwise than its environment does.
#include "sim/translated_policy.h"

#include <gtest/gtest.h>

#include "sim/policies.h"
#include "support/toy_environment.h"

namespace recforce::sim {
namespace {

using Slate = std::vector<std::int32_t>;

// Shows what the user clicked last, and keeps what it saw.
class Watching final : public core::SlatePolicy {
 public:
  void Choose(const core::Episodes& episodes, std::uint64_t /*seed*/,
              base::MatrixView<std::int32_t> slates) const override {
    const auto recent = episodes.recent().row(0);
    seen.assign(recent.begin(), recent.end());
    EXPECT_EQ(episodes.users()[0], 5);
    EXPECT_EQ(episodes.steps()[0], 3);
    slates.row(0)[0] = seen[0];
  }
  mutable Slate seen;
};

TEST(TranslatedPolicyTest, ItemsAreCalledByTheirNamesOnEitherSide) {
  const test::ToyEnvironment world(test::RandomToy(4, 1, {core::ChoiceLaw::kSoftmax, std::nullopt}));
  const std::vector<std::int64_t> users = {5};
  const auto episodes = world.Start(users, 1);
  core::Feedback feedback;
  for (const std::int32_t item : {1, 0, 3}) {
    episodes->Step({&item, 1, 1}, feedback);
  }
  // The policy's items 0, 1, 2 are 3, 2, 1 of the world, and item 0 of the world is unknown to it.
  const auto watching = std::make_shared<Watching>();
  const auto policy = MakeTranslatedPolicy(watching, {3, 2, 1}, 4);
  Slate slate(1);
  policy->Choose(*episodes, 1, {slate.data(), 1, 1});
  EXPECT_EQ(watching->seen, (Slate{0, 2, -1}));
  EXPECT_EQ(slate, Slate{3});
}

TEST(TranslatedPolicyTest, RewardsOfKnownItemsAreSeen) {
  test::Toy toy = test::RandomToy(4, 1, {core::ChoiceLaw::kSoftmax, 0.0F});
  toy.rewards[0] = 9.0F;  // unknown to the policy
  toy.rewards[1] = 1.0F;
  toy.rewards[2] = 3.0F;
  toy.rewards[3] = 2.0F;
  const test::ToyEnvironment world(toy);
  const std::vector<std::int64_t> users = {0, 1};
  const auto policy = MakeTranslatedPolicy(MakeTopRewardPolicy(3), {3, 2, 1}, 4);
  Slate slates(4);
  policy->Choose(*world.Start(users, 1), 1, {slates.data(), 2, 2});
  EXPECT_EQ(slates, (Slate{2, 3, 2, 3}));
}

}  // namespace
}  // namespace recforce::sim
