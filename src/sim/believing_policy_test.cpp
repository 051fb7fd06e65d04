// SPDX-License-Identifier: Apache-2.0
// A policy that looks at a model where its users are others.
#include "sim/believing_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/policies.h"
#include "support/standing_users.h"
#include "support/toy_environment.h"

namespace recforce::sim {
namespace {

using Slate = std::vector<std::int32_t>;

constexpr core::ChoiceRule kSoftmax{core::ChoiceLaw::kSoftmax, 0.0F};

std::shared_ptr<const core::Environment> Users(std::uint64_t seed, std::int64_t items = 6) {
  return std::make_shared<test::ToyEnvironment>(test::RandomToy(items, seed, kSoftmax));
}

Slate Chosen(const core::SlatePolicy& policy, const core::Episodes& episodes, std::int64_t k) {
  Slate slates(static_cast<std::size_t>(episodes.size() * k));
  policy.Choose(episodes, 1, {slates.data(), episodes.size(), k});
  return slates;
}

// 0: before the first click; then after a click on each item.
test::StandingUsers Everywhere(const core::Environment& environment, std::int64_t memory) {
  std::vector<std::int32_t> recent(static_cast<std::size_t>((environment.NumItems() + 1) * memory), -1);
  for (std::int64_t item = 0; item < environment.NumItems(); ++item) {
    recent[static_cast<std::size_t>((item + 1) * memory)] = static_cast<std::int32_t>(item);
  }
  return {std::move(recent), memory, &environment};
}

TEST(BelievingPolicyTest, ItActsOnTheModelAndNotOnTheUsers) {
  const auto model = Users(1);
  const auto truth = Users(2);
  for (const std::string& name : ImmediatePolicyNames()) {
    const auto believing = MakeBelievingPolicy(model, MakeImmediatePolicy(name, *model));
    const Slate shown = Chosen(*believing, Everywhere(*truth, 3), 2);
    EXPECT_EQ(shown, Chosen(*MakeImmediatePolicy(name, *model), Everywhere(*model, 3), 2)) << name;
    EXPECT_NE(shown, Chosen(*MakeImmediatePolicy(name, *truth), Everywhere(*truth, 3), 2)) << name;
  }
}

// The model remembers three clicks; users who are known by fewer or by more are seen alike.
TEST(BelievingPolicyTest, MemoriesNeedNotAgree) {
  const auto model = Users(1);
  const auto greedy = MakeBelievingPolicy(model, MakeGreedyPolicy(*model));
  const Slate expected = Chosen(*MakeGreedyPolicy(*model), Everywhere(*model, 3), 2);
  EXPECT_EQ(Chosen(*greedy, Everywhere(*model, 1), 2), expected);
  EXPECT_EQ(Chosen(*greedy, Everywhere(*model, 5), 2), expected);
}

TEST(BelievingPolicyTest, NamesAreThoseOfThePolicies) {
  const auto users = Users(3);
  for (const std::string& name : ImmediatePolicyNames()) {
    EXPECT_NE(MakeImmediatePolicy(name, *users), nullptr) << name;
  }
  EXPECT_EQ(MakeImmediatePolicy("random", *users), nullptr);
}

}  // namespace
}  // namespace recforce::sim
