// SPDX-License-Identifier: Apache-2.0
#include "algos/common/sum_tree.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "support/error_of.h"

namespace recforce::algos {
namespace {

std::vector<double> RandomPriorities(std::size_t count, std::uint64_t seed) {
  base::Rng rng(seed, base::Stream::kTest);
  std::vector<double> values(count);
  for (double& value : values) {
    value = std::pow(rng.Uniform(), 0.6);
  }
  return values;
}

SumTree TreeOf(const std::vector<double>& values) {
  SumTree tree(static_cast<std::int64_t>(values.size()));
  tree.Assign(0, values);
  return tree;
}

// The first leaf whose sum with those before it exceeds x.
std::int64_t Scan(const std::vector<double>& values, double x) {
  double sum = 0.0;
  std::int64_t last = -1;
  for (std::size_t leaf = 0; leaf < values.size(); ++leaf) {
    sum += values[leaf];
    if (values[leaf] > 0.0) {
      last = static_cast<std::int64_t>(leaf);
      if (x < sum) {
        break;
      }
    }
  }
  return last;
}

// Of a million draws in slices of `together`, against the priorities, with 999 degrees of freedom.
double ChiSquare(std::int64_t together) {
  constexpr std::int64_t kDraws = 1'000'000;
  const std::vector<double> values = RandomPriorities(1000, 1);
  const SumTree tree = TreeOf(values);
  std::vector<double> counts(values.size());
  std::vector<std::int64_t> leaves(static_cast<std::size_t>(together));
  base::Rng rng(2, base::Stream::kTest);
  for (std::int64_t draws = 0; draws < kDraws; draws += together) {
    tree.Draw(rng, leaves);
    for (const std::int64_t leaf : leaves) {
      counts[leaf] += 1.0;
    }
  }
  const double total = std::accumulate(values.begin(), values.end(), 0.0);
  double chi_square = 0.0;
  for (std::size_t leaf = 0; leaf < values.size(); ++leaf) {
    const double expected = kDraws * values[leaf] / total;
    chi_square += (counts[leaf] - expected) * (counts[leaf] - expected) / expected;
  }
  return chi_square;
}

// Quantiles .001 and .999 of chi-square with 999 degrees of freedom.
constexpr double kLow = 866.0;
constexpr double kHigh = 1142.0;

TEST(SumTreeTest, DrawsInProportionToPriorities) {
  const double single = ChiSquare(1);
  EXPECT_GT(single, kLow) << "draws one by one are independent";
  EXPECT_LT(single, kHigh);
  EXPECT_LT(ChiSquare(1000), kHigh);
}

TEST(SumTreeTest, DrawsOneLeafFromEachSlice) {
  const SumTree tree = TreeOf({1.0, 1.0, 2.0, 0.0, 4.0});
  std::vector<std::int64_t> leaves(8);
  base::Rng rng(1, base::Stream::kTest);
  for (int round = 0; round < 100; ++round) {
    tree.Draw(rng, leaves);
    EXPECT_EQ(leaves, (std::vector<std::int64_t>{0, 1, 2, 2, 4, 4, 4, 4}));
  }
}

TEST(SumTreeTest, NothingDriftsInAMillionUpdates) {
  std::vector<double> values = RandomPriorities(1000, 3);
  SumTree tree = TreeOf(values);
  base::Rng rng(4, base::Stream::kTest);
  std::vector<std::int64_t> leaves(100);
  std::vector<double> renewed(100);
  for (int batch = 0; batch < 10'000; ++batch) {
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      leaves[i] = static_cast<std::int64_t>(rng.Below(values.size()));
      renewed[i] = rng.Below(10) == 0 ? 0.0 : std::pow(10.0, 6.0 * rng.Uniform() - 6.0);
      values[leaves[i]] = renewed[i];  // the last one of a leaf stays
    }
    tree.Update(leaves, renewed);
  }
  for (std::size_t leaf = 0; leaf < values.size(); ++leaf) {
    ASSERT_EQ(tree.at(static_cast<std::int64_t>(leaf)), values[leaf]);
  }
  EXPECT_NEAR(tree.total(), std::accumulate(values.begin(), values.end(), 0.0), 1e-9);
  const SumTree anew = TreeOf(values);
  EXPECT_EQ(tree.total(), anew.total()) << "to the bit";
  EXPECT_EQ(tree.least(), anew.least());
  double least = 1.0;
  for (const double value : values) {
    least = value > 0.0 ? std::min(least, value) : least;
  }
  EXPECT_EQ(tree.least(), least);
}

TEST(SumTreeTest, FindsWhatALinearScanFinds) {
  std::vector<double> values = RandomPriorities(777, 5);
  for (std::size_t leaf = 0; leaf < values.size(); leaf += 3) {
    values[leaf] = 0.0;
  }
  const SumTree tree = TreeOf(values);
  base::Rng rng(6, base::Stream::kTest);
  std::vector<double> numbers = {0.0, std::nextafter(tree.total(), 0.0)};
  while (numbers.size() < 100'000) {
    numbers.push_back(rng.Uniform() * tree.total());
  }
  std::vector<std::int64_t> together(numbers.size());
  tree.Find(numbers, together);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    ASSERT_EQ(tree.Find(numbers[i]), Scan(values, numbers[i])) << numbers[i];
    ASSERT_EQ(together[i], tree.Find(numbers[i])) << numbers[i];
  }
}

TEST(SumTreeTest, BordersBelongToTheLeafThatBeginsThere) {
  const std::vector<double> values = {3.0, 0.0, 2.0, 1.0, 0.0};
  const SumTree tree = TreeOf(values);
  const std::vector<std::int64_t> expected = {0, 0, 0, 2, 2, 3, 3};
  for (std::size_t x = 0; x < expected.size(); ++x) {
    EXPECT_EQ(tree.Find(static_cast<double>(x)), expected[x]) << x;
  }
}

TEST(SumTreeTest, LeavesOfPriorityZeroAreNeverFound) {
  base::Rng rng(7, base::Stream::kTest);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<double> values(1 + rng.Below(40));
    for (double& value : values) {
      value = rng.Below(3) == 0 ? std::pow(10.0, 40.0 * rng.Uniform() - 20.0) : 0.0;
    }
    const SumTree tree = TreeOf(values);
    if (tree.total() == 0.0) {
      EXPECT_EQ(tree.least(), std::numeric_limits<double>::infinity());
      continue;
    }
    const double total = tree.total();
    for (const double x : {0.0, rng.Uniform() * total, std::nextafter(total, 0.0), total}) {
      ASSERT_GT(tree.at(tree.Find(x)), 0.0) << x << " of " << total;
    }
    std::vector<std::int64_t> leaves(7);
    tree.Draw(rng, leaves);
    for (const std::int64_t leaf : leaves) {
      ASSERT_GT(tree.at(leaf), 0.0);
    }
  }
}

TEST(SumTreeTest, RunsOfLeavesAndSingleOnesGiveTheSameTree) {
  const std::vector<double> values = RandomPriorities(13, 8);
  SumTree runs(13);
  runs.Assign(6, std::span(values).subspan(6));
  runs.Assign(0, std::span(values).first(6));
  SumTree singles(13);
  for (std::int64_t leaf = 12; leaf >= 0; --leaf) {
    singles.Update(std::vector<std::int64_t>{leaf}, std::vector<double>{values[leaf]});
  }
  EXPECT_EQ(runs.total(), singles.total());
  EXPECT_EQ(runs.least(), singles.least());
  EXPECT_NEAR(runs.total(), std::accumulate(values.begin(), values.end(), 0.0), 1e-14);
}

TEST(SumTreeTest, GoesOnAsSaved) {
  SumTree tree = TreeOf(RandomPriorities(300, 9));
  tree.Update(std::vector<std::int64_t>{250, 7, 250}, std::vector<double>{1.0, 2.0, 0.0});
  base::TensorSet state;
  tree.Save(state, "tree");
  SumTree other(300);
  other.Load(state, "tree");
  EXPECT_EQ(other.at(250), 0.0);
  EXPECT_EQ(tree.total(), other.total());
  std::vector<std::int64_t> a(50);
  std::vector<std::int64_t> b(50);
  base::Rng rng(1, base::Stream::kTest);
  base::Rng same(1, base::Stream::kTest);
  tree.Draw(rng, a);
  other.Draw(same, b);
  EXPECT_EQ(a, b);
}

TEST(SumTreeTest, RefusesWhatIsNoTreeOfThisSize) {
  const auto error_of = [](std::vector<double> values) {
    base::TensorSet state;
    state.AddOwned("tree", std::move(values));
    SumTree tree(3);
    return test::ErrorOf([&] { tree.Load(state, "tree"); });
  };
  EXPECT_EQ(error_of({1.0, 0.0, 2.0}), "");
  EXPECT_EQ(error_of({1.0, 2.0}), "Data: tensors: tensor 'tree' does not fit the replay");
  EXPECT_EQ(error_of({1.0, -1.0, 2.0}), "Data: tensors: tensor 'tree' holds a number out of range");
  EXPECT_EQ(error_of({1.0, std::nan(""), 2.0}), "Data: tensors: tensor 'tree' holds a number out of range");
}

}  // namespace
}  // namespace recforce::algos
