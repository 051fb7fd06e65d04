// SPDX-License-Identifier: Apache-2.0
// Clicks of synthetic users: the order of draws without replacement, and the numbers of clicks of the large presets.
#include "data/world_clicks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace recforce::data {
namespace {

// Clicks of each user in the order in which they were made.
std::vector<std::vector<std::int32_t>> Rows(const World& world) {
  std::vector<std::vector<std::int32_t>> rows(static_cast<std::size_t>(world.options.users));
  for (std::size_t place = 0; place < world.log.item.size(); ++place) {
    rows[world.log.user[place]].push_back(world.log.item[place]);
  }
  return rows;
}

// chances[place][item]: that draws without replacement from p have `item` at `place`. Sums over what came before, as
// sets of items: the chance of a set does not depend on how often it was met on the way.
std::vector<std::vector<double>> PlaceChances(const std::vector<double>& p, std::size_t places) {
  std::vector<std::vector<double>> chances(places, std::vector<double>(p.size(), 0.0));
  std::vector<double> reached(std::size_t{1} << p.size(), 0.0);
  reached[0] = 1.0;
  for (std::size_t set = 0; set < reached.size(); ++set) {
    double left = 0.0;
    std::size_t place = 0;
    for (std::size_t item = 0; item < p.size(); ++item) {
      left += (set >> item & 1) == 0 ? p[item] : 0.0;
      place += set >> item & 1;
    }
    for (std::size_t item = 0; place < places && item < p.size(); ++item) {
      if ((set >> item & 1) == 0) {
        const double chance = reached[set] * p[item] / left;
        chances[place][item] += chance;
        reached[set | std::size_t{1} << item] += chance;
      }
    }
  }
  return chances;
}

// Eight items, of which every user clicks five, so that a draw by rejection often has to change to the race. Each
// statistic has at most 7 degrees of freedom: above 33 once in 40,000.
TEST(WorldClicksTest, ClicksAtEveryPlaceFollowDrawsWithoutReplacement) {
  const WorldOptions themes{.users = 20000, .items = 8, .themes = 2, .popularity_exponent = 1.5};
  const WorldOptions low_rank{.users = 20000, .items = 8, .rank = 3};
  for (WorldOptions options : {themes, low_rank}) {
    for (const bool rejection : {false, true}) {
      options.rejection = rejection;
      const World world = GenerateWorld(options, 21);
      const auto rows = Rows(world);
      std::vector<std::vector<double>> expected(5, std::vector<double>(8, 0.0));
      auto found = expected;
      for (std::int64_t user = 0; user < options.users; ++user) {
        std::vector<double> p(8);
        for (std::int64_t item = 0; item < 8; ++item) {
          p[item] = world.ClickProbability(user, item);
        }
        const auto chances = PlaceChances(p, 5);
        ASSERT_EQ(rows[user].size(), 5);
        for (std::size_t place = 0; place < 5; ++place) {
          found[place][rows[user][place]] += 1.0;
          std::transform(chances[place].begin(), chances[place].end(), expected[place].begin(), expected[place].begin(),
                         std::plus<>());
        }
      }
      for (std::size_t place = 0; place < 5; ++place) {
        double statistic = 0.0;
        for (std::size_t item = 0; item < 8; ++item) {
          statistic += std::pow(found[place][item] - expected[place][item], 2) / expected[place][item];
        }
        EXPECT_LT(statistic, 33.0) << "rank " << options.rank << " rejection " << rejection << " place " << place;
      }
    }
  }
}

struct Activity {
  double mean = 0.0;
  std::size_t median = 0;
  std::size_t high = 0;  // the 95th percentile
  std::size_t most = 0;
};

Activity ActivityOf(const World& world) {
  std::vector<std::size_t> counts;
  for (const auto& row : Rows(world)) {
    counts.push_back(row.size());
  }
  std::sort(counts.begin(), counts.end());
  return {static_cast<double>(world.log.item.size()) / static_cast<double>(counts.size()), counts[counts.size() / 2],
          counts[counts.size() * 95 / 100], counts.back()};
}

// MovieLens-20M above 3.5: mean 73.1, median 37, 95th percentile 245, at most about 2,400. With 12,000 users the
// standard errors are 1.2, 0.5 and 6. Its Gini coefficient of items is near 0.9.
TEST(WorldClicksTest, MovieLens20MShape) {
  WorldOptions options = PresetOptions("ml20m-shape");
  EXPECT_EQ(options.users, 136677);
  EXPECT_EQ(options.items, 20108);
  options.users = 12000;
  const World world = GenerateWorld(options, 1);
  const Activity activity = ActivityOf(world);
  EXPECT_NEAR(activity.mean, 73.1, 4.0);
  EXPECT_NEAR(activity.median, 37.0, 2.0);
  EXPECT_NEAR(activity.high, 245.0, 25.0);
  EXPECT_GT(activity.most, 1500);
  EXPECT_LE(activity.most, 2400);
  std::vector<double> clicks(20108, 0.0);
  for (const std::int32_t item : world.log.item) {
    clicks[item] += 1.0;
  }
  std::sort(clicks.begin(), clicks.end());
  double under = 0.0;  // twice the area under the Lorenz curve
  double below = 0.0;
  for (const double count : clicks) {
    under += 2.0 * below + count;
    below += count;
  }
  EXPECT_NEAR(1.0 - under / (below * 20108.0), 0.9, 0.02);
}

TEST(WorldClicksTest, LowRank100kShape) {
  WorldOptions options = PresetOptions("low-rank-100k");
  EXPECT_EQ(options.users, 100000);
  options.users = 4000;
  const Activity activity = ActivityOf(GenerateWorld(options, 1));
  EXPECT_NEAR(activity.mean, 60.0, 6.0);    // standard error 1.7
  EXPECT_NEAR(activity.median, 30.0, 2.5);  // 0.6
  EXPECT_NEAR(activity.high, 204.0, 30.0);  // 9
  EXPECT_LE(activity.most, 2000);
}

}  // namespace
}  // namespace recforce::data
