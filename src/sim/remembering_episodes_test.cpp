// SPDX-License-Identifier: Apache-2.0
#include "sim/remembering_episodes.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "recforce/base/error.h"
#include "sim/environment_config.h"
#include "sim/worlds.h"

namespace recforce::sim {
namespace {

constexpr std::int64_t kUsers = 50;

std::vector<std::int64_t> Numbers() {
  std::vector<std::int64_t> users(kUsers);
  std::iota(users.begin(), users.end(), 0);
  return users;
}

std::vector<std::int32_t> Row(const core::Episodes& episodes, std::int64_t row) {
  const auto recent = episodes.recent().row(row);
  return {recent.begin(), recent.end()};
}

// The world of one remembered click, once as it is and once with five.
struct Both {
  std::shared_ptr<const core::Environment> world = MakeWorld("tabular", {});
  std::unique_ptr<core::Episodes> plain = world->Start(Numbers(), 3);
  std::unique_ptr<core::Episodes> longer = RememberClicks(world->Start(Numbers(), 3), 5);
  core::Feedback feedback;

  void Step() {
    std::vector<std::int32_t> buffer;
    for (std::int64_t user = 0; user < kUsers; ++user) {
      const auto first = static_cast<std::int32_t>((user + plain->steps()[0]) % 8);
      buffer.insert(buffer.end(), {first, first + 1, first + 2});
    }
    const base::MatrixView<const std::int32_t> slates{buffer.data(), kUsers, 3};
    core::Feedback other;
    plain->Step(slates, feedback);
    longer->Step(slates, other);
    ASSERT_EQ(feedback.clicked, other.clicked);
    ASSERT_EQ(feedback.reward, other.reward);
  }
};

TEST(RememberingEpisodesTest, ShowMoreClicksOfTheSameUsers) {
  Both both;
  ASSERT_EQ(both.plain->recent().cols, 1);
  std::vector<std::vector<std::int32_t>> clicks(kUsers, std::vector<std::int32_t>(5, -1));
  for (int step = 0; step < 9; ++step) {
    both.Step();
    for (std::int64_t user = 0; user < kUsers; ++user) {
      auto& expected = clicks[static_cast<std::size_t>(user)];
      if (both.feedback.clicked[static_cast<std::size_t>(user)] >= 0) {
        expected.pop_back();
        expected.insert(expected.begin(), Row(*both.plain, user)[0]);
      }
      EXPECT_EQ(Row(*both.longer, user), expected);
    }
  }
}

TEST(RememberingEpisodesTest, ForksAndSavedStatesKeepThem) {
  Both both;
  for (int step = 0; step < 6; ++step) {
    both.Step();
  }
  const std::vector<std::int32_t> rows = {7, 3, 7};
  const auto fork = both.longer->Fork(rows, 5);
  EXPECT_EQ(fork->recent().cols, 5);
  for (std::int64_t row = 0; row < 3; ++row) {
    EXPECT_EQ(Row(*fork, row), Row(*both.longer, rows[static_cast<std::size_t>(row)]));
  }
  const auto resumed = RememberClicks(both.world->Start(Numbers(), 99), 5);
  resumed->LoadState(both.longer->SaveState());
  for (std::int64_t user = 0; user < kUsers; ++user) {
    EXPECT_EQ(Row(*resumed, user), Row(*both.longer, user));
  }
  const auto fewer = RememberClicks(both.world->Start(Numbers(), 99), 4);
  EXPECT_THROW(fewer->LoadState(both.longer->SaveState()), base::Error);
}

}  // namespace
}  // namespace recforce::sim
