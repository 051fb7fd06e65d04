// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/replay.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "recforce/base/error.h"
#include "support/standing_users.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kUsers = 2;

// Steps of two users with memory 1 and slates of 2. Step t: user 0 earns t + 1, user 1 earns 10 (t + 1); states before
// are t and 100 + t, after t + 1 and 101 + t, so that whatever is drawn tells where it comes from.
struct Ring {
  explicit Ring(std::int64_t capacity) : replay(kUsers, 1, 2, capacity) {}
  void Add(bool last = false, std::vector<std::uint8_t> shown = {1, 1}, std::vector<std::uint8_t> left = {0, 0}) {
    const std::vector<std::int32_t> before = {step, 100 + step};
    const std::vector<std::int32_t> slates = {step, step + 1, 100 + step, 101 + step};
    const auto reward = static_cast<float>(step + 1);
    const core::Feedback feedback{{reward, 10.0F * reward}, {0, 1}};
    test::StandingUsers after({step + 1, 101 + step}, 1);
    after.Leave(left);
    replay.Add({before.data(), kUsers, 1}, {slates.data(), kUsers, 2}, feedback, shown, after, last);
    ++step;
  }
  // Every transition that can be drawn, by its state before.
  std::map<std::int32_t, std::size_t> Drawn(std::int64_t steps) {
    replay.Draw(3, 5, 400, steps, 0.5, batch);
    std::map<std::int32_t, std::size_t> at;
    for (std::size_t row = 0; row < batch.recent.size(); ++row) {
      at[batch.recent[row]] = row;
    }
    return at;
  }
  Replay replay;
  ReplayBatch batch;
  std::int32_t step = 0;
};

TEST(ReplayTest, ForgetsTheOldestStepsFirst) {
  Ring ring(5);  // rounded up to three steps of two users
  for (int step = 0; step < 5; ++step) {
    ring.Add();
  }
  EXPECT_EQ(ring.replay.size(), 6);
  EXPECT_EQ(ring.replay.shown(), 6);
  const auto drawn = ring.Drawn(1);
  std::set<std::int32_t> states;
  for (const auto& [state, row] : drawn) {
    states.insert(state);
    EXPECT_EQ(ring.batch.slates[row * 2], state);
    EXPECT_EQ(ring.batch.after[row], state + 1);
    EXPECT_EQ(ring.batch.clicked[row], state < 100 ? 0 : 1);
    const float step = static_cast<float>(state % 100 + 1);
    EXPECT_EQ(ring.batch.reward[row], state < 100 ? step : 10.0F * step);
    EXPECT_EQ(ring.batch.discount[row], 0.5F);
  }
  EXPECT_EQ(states, (std::set<std::int32_t>{2, 3, 4, 102, 103, 104}));
}

TEST(ReplayTest, ReturnsOfSeveralStepsEndWhereTheRoundTheRingOrTheUserEnds) {
  Ring ring(10);
  ring.Add();
  ring.Add(false, {1, 1}, {0, 1});  // user 1 leaves
  ring.Add(true, {1, 0}, {0, 1});   // the horizon is over
  ring.Add();
  ring.Add();
  const auto drawn = ring.Drawn(3);
  EXPECT_EQ(drawn.count(102), 0U) << "nothing was shown to who had left";
  const auto expect = [&](std::int32_t state, float reward, float discount, std::int32_t after) {
    ASSERT_EQ(drawn.count(state), 1U);
    const std::size_t row = drawn.at(state);
    EXPECT_EQ(ring.batch.reward[row], reward) << state;
    EXPECT_EQ(ring.batch.discount[row], discount) << state;
    EXPECT_EQ(ring.batch.after[row], after) << state;
  };
  expect(0, 1.0F + 0.5F * 2.0F + 0.25F * 3.0F, 0.125F, 3);
  expect(1, 2.0F + 0.5F * 3.0F, 0.25F, 3);
  expect(2, 3.0F, 0.5F, 3);
  expect(3, 4.0F + 0.5F * 5.0F, 0.25F, 5);
  expect(100, 10.0F + 0.5F * 20.0F, 0.0F, 102);
  expect(101, 20.0F, 0.0F, 102);
}

TEST(ReplayTest, StepsAfterTheRingTurnedAreFound) {
  Ring ring(6);
  for (int step = 0; step < 4; ++step) {
    ring.Add();  // step 3 lies where step 0 was
  }
  const auto drawn = ring.Drawn(2);
  EXPECT_EQ(ring.batch.reward[drawn.at(2)], 3.0F + 0.5F * 4.0F);
  EXPECT_EQ(ring.batch.after[drawn.at(2)], 4);
  EXPECT_EQ(ring.batch.reward[drawn.at(3)], 4.0F);
}

TEST(ReplayTest, DrawsFollowFromSeedAndUpdate) {
  Ring ring(100);
  for (int step = 0; step < 30; ++step) {
    ring.Add();
  }
  ReplayBatch a;
  ReplayBatch b;
  ring.replay.Draw(1, 2, 20, 1, 0.5, a);
  ring.replay.Draw(1, 2, 20, 1, 0.5, b);
  EXPECT_EQ(a.recent, b.recent);
  ring.replay.Draw(1, 3, 20, 1, 0.5, b);
  EXPECT_NE(a.recent, b.recent);
}

TEST(ReplayTest, SavedAndLoadedDrawsAndGoesOnAlike) {
  Ring ring(6);
  for (int step = 0; step < 4; ++step) {
    ring.Add(step == 1);
  }
  Ring other(6);
  other.step = ring.step;
  base::TensorSet state;
  ring.replay.Save(state, "replay.");
  other.replay.Load(state, "replay.", 1000);
  for (int more = 0; more < 3; ++more) {
    EXPECT_EQ(ring.Drawn(2), other.Drawn(2));
    EXPECT_EQ(ring.batch.reward, other.batch.reward);
    EXPECT_EQ(ring.replay.shown(), other.replay.shown());
    ring.Add();
    other.Add();
  }
}

TEST(ReplayTest, RefusesAStateOfAnotherShapeOrCatalogue) {
  Ring ring(6);
  ring.Add();
  base::TensorSet state;
  ring.replay.Save(state, "replay.");
  Replay narrow(kUsers, 1, 1, 6);
  EXPECT_THROW(narrow.Load(state, "replay.", 1000), base::Error);
  Ring other(6);
  try {
    other.replay.Load(state, "replay.", 50);
    FAIL() << "item 100 of 50 was accepted";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    EXPECT_STREQ(error.what(), "tensors: tensor 'replay.before' holds a number out of range");
  }
}

}  // namespace
}  // namespace recforce::algos
