// SPDX-License-Identifier: Apache-2.0
// The generator against its own truth: probabilities, frequencies, and the worth of knowing a user's taste.
#include "recforce/data/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

bool SameLog(const World& a, const World& b) {
  return a.log.user == b.log.user && a.log.item == b.log.item && a.log.time == b.log.time &&
         a.log.item_titles == b.log.item_titles && a.taste == b.taste && a.popularity == b.popularity &&
         a.theme == b.theme && a.factors == b.factors && a.log_total == b.log_total;
}

// Clicks of each user in the order in which they were made.
std::vector<std::vector<std::int32_t>> Rows(const World& world) {
  std::vector<std::vector<std::int32_t>> rows(static_cast<std::size_t>(world.options.users));
  for (std::size_t place = 0; place < world.log.item.size(); ++place) {
    rows[world.log.user[place]].push_back(world.log.item[place]);
  }
  return rows;
}

TEST(GenerateTest, ClickProbabilitiesSumToOne) {
  const World world = GenerateWorld({.users = 20, .items = 50, .themes = 7}, 3);
  for (std::int64_t user = 0; user < 20; ++user) {
    double total = 0.0;
    for (std::int64_t item = 0; item < 50; ++item) {
      EXPECT_GT(world.ClickProbability(user, item), 0.0);
      total += world.ClickProbability(user, item);
    }
    EXPECT_NEAR(total, 1.0, 1e-12);
  }
}

// Two themes; items of ranks 1 and 2 weigh 1 and 1/2, so 2/3 and 1/3 of their theme. With taste (t, 1 - t) and
// noise 0.2 the first item of a theme has 0.8 t 2/3 + 0.2 2/3 1/2.
TEST(GenerateTest, ClickProbabilityIsTheMixture) {
  const World world = GenerateWorld({.users = 1, .items = 4, .themes = 2, .popularity_exponent = 1.0, .noise = 0.2}, 5);
  for (std::int64_t item = 0; item < 4; ++item) {
    const double share = world.popularity[item];
    EXPECT_TRUE(std::abs(share - 2.0 / 3.0) < 1e-12 || std::abs(share - 1.0 / 3.0) < 1e-12);
    EXPECT_NEAR(world.ClickProbability(0, item), 0.8 * world.taste[world.theme[item]] * share + 0.2 * share / 2.0,
                1e-15);
  }
  EXPECT_NEAR(world.taste[0] + world.taste[1], 1.0, 1e-12);
}

// First clicks of many users, counted by item, against the sum of their probabilities. The statistic has about
// 15 degrees of freedom: mean 15, and above 44 once in 10,000 worlds.
TEST(GenerateTest, FirstClicksFollowTheProbabilities) {
  const World world = GenerateWorld({.users = 20000, .items = 16, .themes = 4, .mean_interactions = 5.0}, 11);
  std::vector<double> expected(16, 0.0);
  std::vector<double> found(16, 0.0);
  const auto rows = Rows(world);
  for (std::int64_t user = 0; user < world.options.users; ++user) {
    found[rows[user].front()] += 1.0;
    for (std::int64_t item = 0; item < 16; ++item) {
      expected[item] += world.ClickProbability(user, item);
    }
  }
  double statistic = 0.0;
  for (std::size_t item = 0; item < 16; ++item) {
    statistic += (found[item] - expected[item]) * (found[item] - expected[item]) / expected[item];
  }
  EXPECT_LT(statistic, 44.0);
}

// The second click is drawn from what is left: P(second = j) = sum over i of p_i p_j / (1 - p_i).
TEST(GenerateTest, SecondClicksFollowDrawsWithoutReplacement) {
  const World world = GenerateWorld({.users = 20000, .items = 16, .themes = 1, .mean_interactions = 5.0}, 12);
  std::vector<double> expected(16, 0.0);
  for (std::int64_t first = 0; first < 16; ++first) {
    for (std::int64_t second = 0; second < 16; ++second) {
      if (first != second) {
        const double p = world.ClickProbability(0, first);
        expected[second] += 20000.0 * p * world.ClickProbability(0, second) / (1.0 - p);
      }
    }
  }
  std::vector<double> found(16, 0.0);
  for (const auto& row : Rows(world)) {
    found[row[1]] += 1.0;
  }
  double statistic = 0.0;
  for (std::size_t item = 0; item < 16; ++item) {
    statistic += (found[item] - expected[item]) * (found[item] - expected[item]) / expected[item];
  }
  EXPECT_LT(statistic, 44.0);
}

TEST(GenerateTest, LowRankProbabilitiesAreASoftmax) {
  const World world = GenerateWorld({.users = 20, .items = 50, .rank = 4}, 3);
  for (std::size_t user = 0; user < 20; ++user) {
    std::vector<double> weights(50, 0.0);
    double total = 0.0;
    for (std::size_t item = 0; item < 50; ++item) {
      double score = std::log(world.popularity[item]);
      for (std::size_t axis = 0; axis < 4; ++axis) {
        score += world.taste[4 * user + axis] * world.factors[50 * axis + item];
        EXPECT_GE(world.factors[50 * world.theme[item] + item], world.factors[50 * axis + item]);
      }
      weights[item] = std::exp(score);
      total += weights[item];
    }
    for (std::size_t item = 0; item < 50; ++item) {
      EXPECT_NEAR(world.ClickProbability(user, item), weights[item] / total, 1e-12);
    }
  }
}

// The root mean square of a user's vector is its scale, up to 1 / sqrt(2 rank) in logarithms: 0.09 with rank 64, which
// turns a spread of 0.5 into 0.508.
TEST(GenerateTest, PeakednessOfTasteIsLogNormal) {
  const World world = GenerateWorld({.users = 4000, .items = 10, .rank = 64, .taste_scale = 2.0}, 9);
  double sum = 0.0;
  double squares = 0.0;
  for (std::size_t user = 0; user < 4000; ++user) {
    double square = 0.0;
    for (std::size_t axis = 0; axis < 64; ++axis) {
      square += world.taste[64 * user + axis] * world.taste[64 * user + axis];
    }
    const double scale = 0.5 * std::log(square / 64.0);
    sum += scale;
    squares += scale * scale;
  }
  const double mean = sum / 4000.0;
  EXPECT_NEAR(mean, std::log(2.0) - 1.0 / 128.0, 0.03);                  // standard error 0.008
  EXPECT_NEAR(std::sqrt(squares / 4000.0 - mean * mean), 0.508, 0.025);  // standard error 0.006
}

TEST(GenerateTest, PopularityFallsByRank) {
  const World world =
      GenerateWorld({.users = 1, .items = 4, .themes = 1, .popularity_exponent = 0.5, .popularity_fall = 3.0}, 5);
  std::vector<double> popularity = world.popularity;
  std::sort(popularity.rbegin(), popularity.rend());
  EXPECT_NEAR(popularity[3] / popularity[0], std::exp(-3.0 * (1.0 - std::sqrt(0.25))), 1e-12);
  EXPECT_NEAR(popularity[1] / popularity[0], std::exp(-3.0 * (std::sqrt(0.5) - std::sqrt(0.25))), 1e-12);
}

// Dirichlet(a) over K themes: a component has mean 1/K and variance (1/K)(1 - 1/K) / (K a + 1).
TEST(GenerateTest, TasteIsDirichlet) {
  const World world =
      GenerateWorld({.users = 20000, .items = 8, .themes = 4, .mean_interactions = 5.0, .concentration = 0.25}, 2);
  double sum = 0.0;
  double squares = 0.0;
  for (std::size_t user = 0; user < 20000; ++user) {
    sum += world.taste[4 * user];
    squares += world.taste[4 * user] * world.taste[4 * user];
  }
  const double mean = sum / 20000.0;
  EXPECT_NEAR(mean, 0.25, 0.01);                                      // standard error 0.0022
  EXPECT_NEAR(squares / 20000.0 - mean * mean, 0.1875 / 2.0, 0.005);  // 0.25 * 0.75 / (4 * 0.25 + 1)
}

TEST(GenerateTest, LogIsWellFormed) {
  for (const std::string& preset : PresetNames()) {
    WorldOptions options = PresetOptions(preset);
    options.users = std::min<std::int64_t>(options.users, 3000);
    const World world = GenerateWorld(options, 1);
    const Columns& log = world.log;
    EXPECT_EQ(log.user_ids[0], "user-0001");
    EXPECT_TRUE(std::is_sorted(log.user_ids.begin(), log.user_ids.end()));
    EXPECT_TRUE(std::is_sorted(log.item_ids.begin(), log.item_ids.end()));
    EXPECT_EQ(std::set<std::string>(log.item_titles.begin(), log.item_titles.end()).size(), log.item_ids.size());
    const auto rows = Rows(world);
    for (const auto& row : rows) {
      EXPECT_GE(row.size(), 5);
      EXPECT_LE(row.size(), static_cast<std::size_t>(world.options.items / 2));
      EXPECT_EQ(std::set<std::int32_t>(row.begin(), row.end()).size(), row.size());
    }
    for (std::size_t place = 1; place < log.time.size(); ++place) {
      EXPECT_TRUE(log.user[place] != log.user[place - 1] || log.time[place] > log.time[place - 1]);
    }
    const double mean = static_cast<double>(log.item.size()) / static_cast<double>(world.options.users);
    EXPECT_NEAR(mean / world.options.mean_interactions, 1.0, 0.15) << preset;
  }
}

TEST(GenerateTest, TitlesStayDistinctBeyondThePairsOfWords) {
  const World world = GenerateWorld({.users = 1, .items = 9000, .themes = 30}, 1);
  EXPECT_EQ(world.log.item_ids[16], "item-0017");
  EXPECT_EQ(std::set<std::string>(world.log.item_titles.begin(), world.log.item_titles.end()).size(), 9000);
}

TEST(GenerateTest, SeedDecidesEverythingAndThreadsNothing) {
  for (const WorldOptions& options :
       {WorldOptions{.users = 300, .items = 60},
        {.users = 300, .items = 60, .rejection = true},
        {.users = 300, .items = 60, .median_interactions = 20.0, .rank = 4, .rejection = true}}) {
    const int before = base::Threads();
    base::SetThreads(1);
    const World one = GenerateWorld(options, 7);
    base::SetThreads(3);
    const World three = GenerateWorld(options, 7);
    const World other = GenerateWorld(options, 8);
    base::SetThreads(before);
    EXPECT_TRUE(SameLog(one, three));
    EXPECT_FALSE(SameLog(one, other));
  }
}

TEST(GenerateTest, WritesADatasetWithTitles) {
  const test::TempDir dir;
  GenerateDataset(base::RealFileSystem(), "tiny", 4, dir / "a");
  GenerateDataset(base::RealFileSystem(), "tiny", 4, dir / "b");
  GenerateDataset(base::RealFileSystem(), "tiny", 5, dir / "c");
  const Dataset dataset = Dataset::Open(dir / "a");
  EXPECT_EQ(dataset.num_users(), 60);
  EXPECT_EQ(dataset.num_items(), 30);
  EXPECT_EQ(dataset.item_titles().size(), 30);
  EXPECT_EQ(dataset.preprocessing().format, "generated");
  EXPECT_EQ(dataset.preprocessing().source, "tiny");
  EXPECT_EQ(dataset.preprocessing().rows_read, dataset.num_interactions());
  EXPECT_EQ(base::ReadTextFile(dir / "a/dataset.safetensors"), base::ReadTextFile(dir / "b/dataset.safetensors"));
  EXPECT_NE(dataset.fingerprint(), Dataset::Open(dir / "c").fingerprint());
}

TEST(GenerateTest, RefusesWhatItCannotMake) {
  const auto error = [](auto&& body) -> std::string {
    try {
      body();
    } catch (const base::Error& caught) {
      return std::string(base::Info(caught.kind()).name) + ": " + caught.what();
    }
    return "";
  };
  EXPECT_EQ(error([] { (void)PresetOptions("demmo"); }),
            "Usage: preset: no such preset: 'demmo'; allowed: demo, tiny, ml-1m-shape, ml20m-shape, "
            "low-rank-100k; did you mean 'demo'?");
  EXPECT_EQ(error([] { (void)GenerateWorld({.items = 5, .themes = 6}, 1); }),
            "Usage: generate.themes: is out of range: '6'; expected 1 to the number of items");
  EXPECT_EQ(error([] { (void)GenerateWorld({.noise = 1.5}, 1); }),
            "Usage: generate.noise: is out of range: '1.5'; expected 0 to 1");
  const std::string medians = "; expected 0, or above 5 and at most the mean, most_interactions and half of the items";
  for (const WorldOptions& options : {WorldOptions{.median_interactions = 5.0},
                                      {.median_interactions = 31.0},
                                      {.items = 40, .median_interactions = 21.0},
                                      {.median_interactions = 20.0, .most_interactions = 19}}) {
    EXPECT_EQ(error([&] { (void)GenerateWorld(options, 1); }),
              "Usage: generate.median_interactions: is out of range: '" +
                  std::to_string(static_cast<int>(options.median_interactions)) + "'" + medians);
  }
  EXPECT_EQ(error([] { (void)GenerateWorld({.most_interactions = 4}, 1); }),
            "Usage: generate.most_interactions: is out of range: '4'; expected 0 or a number from 5");
  EXPECT_EQ(error([] { (void)GenerateWorld({.popularity_fall = -1.0}, 1); }),
            "Usage: generate.popularity_fall: is out of range: '-1'; expected a number from 0");
  EXPECT_EQ(error([] { (void)GenerateWorld({.rank = -1}, 1); }),
            "Usage: generate.rank: is out of range: '-1'; expected 0 to 10000");
  EXPECT_EQ(error([] { (void)GenerateWorld({.taste_scale = 11.0}, 1); }),
            "Usage: generate.taste_scale: is out of range: '11'; expected 0 to 10");
  EXPECT_EQ(error([] { (void)GenerateWorld({.taste_spread = -0.5}, 1); }),
            "Usage: generate.taste_spread: is out of range: '-0.5'; expected 0 to 10");
}

// NDCG@100 of the last fifth of every user's clicks, ranking the items it has not clicked before.
template <class Score>
double MeanNdcg(const World& world, const Score& score) {
  double total = 0.0;
  const auto rows = Rows(world);
  for (std::int64_t user = 0; user < world.options.users; ++user) {
    const std::vector<std::int32_t>& row = rows[user];
    const std::size_t seen = row.size() - row.size() / 5;
    std::set<std::int32_t> input(row.begin(), row.begin() + seen);
    const std::set<std::int32_t> target(row.begin() + seen, row.end());
    std::vector<std::pair<double, std::int32_t>> ranking;
    for (std::int32_t item = 0; item < world.options.items; ++item) {
      if (input.count(item) == 0) {
        ranking.emplace_back(-score(user, item), item);
      }
    }
    std::sort(ranking.begin(), ranking.end());
    double gain = 0.0;
    double ideal = 0.0;
    for (std::size_t rank = 0; rank < std::min<std::size_t>(100, ranking.size()); ++rank) {
      const double discount = 1.0 / std::log2(static_cast<double>(rank) + 2.0);
      gain += target.count(ranking[rank].second) != 0 ? discount : 0.0;
      ideal += rank < target.size() ? discount : 0.0;
    }
    total += gain / ideal;
  }
  return total / static_cast<double>(world.options.users);
}

TEST(GenerateTest, TasteMattersInTheDemo) {
  const World world = GenerateWorld(PresetOptions("demo"), 1);
  std::vector<double> clicks(static_cast<std::size_t>(world.options.items), 0.0);
  for (const std::int32_t item : world.log.item) {
    clicks[item] += 1.0;
  }
  const double popularity = MeanNdcg(world, [&](std::int64_t, std::int32_t item) { return clicks[item]; });
  const double oracle =
      MeanNdcg(world, [&](std::int64_t user, std::int32_t item) { return world.ClickProbability(user, item); });
  RecordProperty("popularity", std::to_string(popularity));
  RecordProperty("oracle", std::to_string(oracle));
  EXPECT_GT(oracle, 1.5 * popularity);
  EXPECT_LT(oracle, 0.95);
}

}  // namespace
}  // namespace recforce::data
