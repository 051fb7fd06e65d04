// SPDX-License-Identifier: Apache-2.0
// Values of slates worked by hand, and searches against a loop over all slates.
#include "sim/slate_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <string>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"

namespace recforce::sim {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// V by its definition.
double NaiveValue(const core::ChoiceRule& rule, const std::vector<float>& utilities, const std::vector<float>& rewards,
                  const std::vector<std::int32_t>& slate) {
  std::vector<float> u;
  for (const std::int32_t item : slate) {
    u.push_back(utilities[static_cast<std::size_t>(item)]);
  }
  std::vector<double> p(u.size());
  (void)core::ChoiceProbabilities(rule, u, p);
  double value = 0.0;
  for (std::size_t i = 0; i < slate.size(); ++i) {
    value += p[i] * static_cast<double>(rewards[static_cast<std::size_t>(slate[i])]);
  }
  return value;
}

// The largest V of any k items.
double BestOfAll(const core::ChoiceRule& rule, const std::vector<float>& utilities, const std::vector<float>& rewards,
                 std::size_t k) {
  double best = -1e300;
  for (std::uint32_t mask = 0; mask < 1U << utilities.size(); ++mask) {
    std::vector<std::int32_t> slate;
    for (std::size_t item = 0; item < utilities.size(); ++item) {
      if ((mask >> item & 1U) != 0) {
        slate.push_back(static_cast<std::int32_t>(item));
      }
    }
    if (slate.size() == k) {
      best = std::max(best, NaiveValue(rule, utilities, rewards, slate));
    }
  }
  return best;
}

struct Users {
  std::vector<float> utilities;
  std::vector<float> rewards;
};
Users RandomUser(std::size_t items, std::uint64_t number, double scale) {
  base::Rng rng(7, base::Stream::kTest, number);
  Users user;
  for (std::size_t i = 0; i < items; ++i) {
    user.utilities.push_back(static_cast<float>(scale * rng.Normal()));
    user.rewards.push_back(static_cast<float>(3.0 * rng.Uniform() - 1.0));
  }
  return user;
}

const std::vector<core::ChoiceRule>& Rules() {
  static const std::vector<core::ChoiceRule> rules = {{core::ChoiceLaw::kSoftmax, 0.0F},
                                                      {core::ChoiceLaw::kSoftmax, std::nullopt},
                                                      {core::ChoiceLaw::kSparsemax, 0.0F},
                                                      {core::ChoiceLaw::kSparsemax, std::nullopt},
                                                      {core::ChoiceLaw::kEntmax15, 0.5F}};
  return rules;
}

// V of a slate of all items.
double ValueOfAll(const core::ChoiceRule& rule, const std::vector<float>& utilities,
                  const std::vector<float>& rewards) {
  std::vector<std::int32_t> slate(utilities.size());
  std::iota(slate.begin(), slate.end(), 0);
  return SlateSearch(rule).Value(utilities, rewards, slate);
}

TEST(SlateSearchTest, ValueIsWorkedByHand) {
  // Weights 2, 1 and 1 of choosing nothing: (2 * 1 + 1 * 4) / 4.
  const std::vector<float> utilities = {std::log(2.0F), 0.0F};
  const std::vector<float> rewards = {1.0F, 4.0F};
  EXPECT_NEAR(ValueOfAll({core::ChoiceLaw::kSoftmax, 0.0F}, utilities, rewards), 1.5, 1e-7);
  EXPECT_NEAR(ValueOfAll({core::ChoiceLaw::kSoftmax, std::nullopt}, utilities, rewards), 2.0, 1e-7);
  // Sparsemax of (1, .4) is (.8, .2).
  const std::vector<float> close = {1.0F, 0.4F};
  EXPECT_NEAR(ValueOfAll({core::ChoiceLaw::kSparsemax, std::nullopt}, close, rewards), 0.8 + 0.8, 1e-7);
}

TEST(SlateSearchTest, NothingToChooseBringsNothing) {
  const std::vector<float> utilities = {-kInfinity, -kInfinity};
  const std::vector<float> rewards = {5.0F, 4.0F};
  for (const core::ChoiceRule& rule : Rules()) {
    EXPECT_EQ(ValueOfAll(rule, utilities, rewards), 0.0);
  }
}

// A cheap item that everybody clicks spoils a slate: neither large rewards nor large utilities alone are best.
TEST(SlateSearchTest, GreedyAddsWhatRaisesTheValueMost) {
  const std::vector<float> utilities = {std::log(8.0F), std::log(2.0F), 0.0F};
  const std::vector<float> rewards = {0.5F, 1.0F, 3.0F};
  std::vector<std::int32_t> slate(2);
  SlateSearch({core::ChoiceLaw::kSoftmax, 0.0F}).Greedy(utilities, rewards, slate);
  // Alone: 4/9, 2/3, 3/2. Beside item 2: (3 + 4) / 10 = .7, (3 + 2) / 4 = 1.25.
  EXPECT_EQ(slate, (std::vector<std::int32_t>{2, 1}));
}

TEST(SlateSearchTest, ExactIsTheBestOfAllSlates) {
  for (const core::ChoiceRule& rule : Rules()) {
    SlateSearch search(rule);
    for (std::uint64_t number = 0; number < 60; ++number) {
      const auto [utilities, rewards] = RandomUser(8, number, number % 3 == 0 ? 6.0 : 1.0);
      for (std::size_t k = 1; k <= 8; k += k == 4 ? 4 : 1) {
        std::vector<std::int32_t> slate(k);
        search.Exact(utilities, rewards, slate);
        EXPECT_EQ(std::set<std::int32_t>(slate.begin(), slate.end()).size(), k);
        EXPECT_NEAR(NaiveValue(rule, utilities, rewards, slate), BestOfAll(rule, utilities, rewards, k), 1e-9)
            << "user " << number << ", slates of " << k;
      }
    }
  }
}

TEST(SlateSearchTest, GreedyEqualsTheLoopOverItems) {
  for (const core::ChoiceRule& rule : Rules()) {
    SlateSearch search(rule);
    for (std::uint64_t number = 0; number < 40; ++number) {
      const auto [utilities, rewards] = RandomUser(9, number, 1.0);
      std::vector<std::int32_t> expected;
      for (int place = 0; place < 3; ++place) {
        double best = -1e300;
        std::int32_t best_item = -1;
        for (std::int32_t item = 0; item < 9; ++item) {
          std::vector<std::int32_t> longer = expected;
          longer.push_back(item);
          if (std::find(expected.begin(), expected.end(), item) == expected.end() &&
              NaiveValue(rule, utilities, rewards, longer) > best + 1e-12) {
            best = NaiveValue(rule, utilities, rewards, longer);
            best_item = item;
          }
        }
        expected.push_back(best_item);
      }
      std::vector<std::int32_t> slate(3);
      search.Greedy(utilities, rewards, slate);
      EXPECT_EQ(slate, expected) << "user " << number;
    }
  }
}

TEST(SlateSearchTest, SlatesOfAnyCatalogueAreExactWithSoftmax) {
  const auto [utilities, rewards] = RandomUser(20000, 1, 1.0);
  SlateSearch search({core::ChoiceLaw::kSoftmax, 2.0F});
  std::vector<std::int32_t> exact(10);
  std::vector<std::int32_t> greedy(10);
  search.Exact(utilities, rewards, exact);
  search.Greedy(utilities, rewards, greedy);
  const double value = search.Value(utilities, rewards, exact);
  EXPECT_GE(value, search.Value(utilities, rewards, greedy) - 1e-12);
  // No exchange of one item improves on it.
  for (std::size_t place = 0; place < exact.size(); ++place) {
    for (std::int32_t item = 0; item < 20000; item += 7) {
      std::vector<std::int32_t> other = exact;
      if (std::find(exact.begin(), exact.end(), item) == exact.end()) {
        other[place] = item;
        ASSERT_LE(search.Value(utilities, rewards, other), value + 1e-12);
      }
    }
  }
}

TEST(SlateSearchTest, ItemsOfTheLargestShareComeFirst) {
  const std::vector<float> utilities = {0.0F, 1.0F, 2.0F, -kInfinity};
  const std::vector<float> rewards = {1.0F, 1.0F, 1.0F, 9.0F};
  std::vector<std::int32_t> slate(3);
  SlateSearch({core::ChoiceLaw::kSoftmax, 0.0F}).Exact(utilities, rewards, slate);
  EXPECT_EQ(slate, (std::vector<std::int32_t>{2, 1, 0}));
}

// Beside an item of utility 2,000 the others weigh nothing in doubles; without it they do.
TEST(SlateSearchTest, SoftmaxOverAnyRangeIsSearchedByValues) {
  const std::vector<float> utilities = {2000.0F, 1.0F, 0.0F, -1.0F};
  const std::vector<float> rewards = {0.25F, 1.0F, 1.0F, 0.5F};
  std::vector<std::int32_t> slate(2);
  SlateSearch search({core::ChoiceLaw::kSoftmax, std::nullopt});
  search.Exact(utilities, rewards, slate);
  EXPECT_EQ(slate, (std::vector<std::int32_t>{1, 2}));
  search.Greedy(utilities, rewards, slate);
  EXPECT_EQ(slate, (std::vector<std::int32_t>{1, 2}));
}

TEST(SlateSearchTest, TooManySlatesToTryAreRefused) {
  const auto [utilities, rewards] = RandomUser(200, 1, 1.0);
  std::vector<std::int32_t> slate(3);
  SlateSearch search({core::ChoiceLaw::kSparsemax, 0.0F});
  try {
    search.Exact(utilities, rewards, slate);
    FAIL() << "1,313,400 slates were tried";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_EQ(std::string(error.what()),
              "exact slates: too many to try them all: 3 of 200 items; expected at most 100,000 slates for this law of "
              "choice. use greedy");
  }
}

}  // namespace
}  // namespace recforce::sim
