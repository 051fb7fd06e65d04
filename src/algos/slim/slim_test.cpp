// SPDX-License-Identifier: Apache-2.0
#include "algos/slim/slim.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

using Overrides = std::map<std::string, std::string>;
using Matrix = std::vector<std::vector<double>>;

// The weights, dense: [source][target].
Matrix Weights(const data::Csr& train, std::int64_t items, const Overrides& set) {
  const core::AlgorithmSpec spec = SlimSpec();
  config::Section section = spec.make_config();
  for (const auto& [key, value] : set) {
    EXPECT_EQ(section.Set(*section.Find(key), value), "");
  }
  const auto trainer = spec.make_trainer(section, {train.view(), items}, {});
  trainer->Epoch({});
  const base::TensorSet tensors = trainer->Export();
  const auto offsets = tensors.Get("offsets").As<std::int64_t>();
  Matrix weights(static_cast<std::size_t>(items), std::vector<double>(static_cast<std::size_t>(items), 0.0));
  for (std::size_t item = 0; item < weights.size(); ++item) {
    for (auto at = static_cast<std::size_t>(offsets[item]); at < static_cast<std::size_t>(offsets[item + 1]); ++at) {
      weights[item][static_cast<std::size_t>(tensors.Get("targets").As<std::int32_t>()[at])] =
          tensors.Get("values").As<float>()[at];
    }
  }
  return weights;
}

TEST(Slim, TwoItemsByHand) {
  // Items 0 and 1 have three and two users, two in common.
  data::Csr train;
  train.AddRow(std::vector<std::int32_t>{0, 1});
  train.AddRow(std::vector<std::int32_t>{1, 0});
  train.AddRow(std::vector<std::int32_t>{0});
  const Matrix weights = Weights(train, 3, {{"l1", "0.5"}, {"l2", "1"}});
  EXPECT_NEAR(weights[0][1], (2 - 0.5) / (3 + 1), 1e-6);
  EXPECT_NEAR(weights[1][0], (2 - 0.5) / (2 + 1), 1e-6);
  EXPECT_EQ(weights[0][0], 0.0);
  EXPECT_EQ(weights[0][2], 0.0);
  EXPECT_EQ(Weights(train, 3, {{"l1", "2"}, {"l2", "1"}})[0][1], 0.0);
}

struct World {
  data::Csr train;
  Matrix dense;
};

World RandomWorld(std::size_t users, std::size_t items) {
  base::Rng rng(12, base::Stream::kTest);
  World world;
  world.dense.assign(users, std::vector<double>(items, 0.0));
  for (auto& user : world.dense) {
    std::vector<std::int32_t> row;
    const double taste = rng.Uniform();
    for (std::size_t item = 0; item < items; ++item) {
      if (rng.Uniform() < (std::abs(taste - static_cast<double>(item) / items) < 0.3 ? 0.5 : 0.1)) {
        row.push_back(static_cast<std::int32_t>(item));
        user[item] = 1.0;
      }
    }
    world.train.AddRow(row);
  }
  return world;
}

// Coordinate descent over dense columns in double, to the end.
Matrix SolveSlowly(const World& world, double l1, double l2, bool positive) {
  const std::size_t items = world.dense[0].size();
  Matrix gram(items, std::vector<double>(items, 0.0));
  for (const auto& user : world.dense) {
    for (std::size_t i = 0; i < items; ++i) {
      for (std::size_t j = 0; j < items; ++j) {
        gram[i][j] += user[i] * user[j];
      }
    }
  }
  Matrix weights(items, std::vector<double>(items, 0.0));
  for (std::size_t j = 0; j < items; ++j) {
    for (int sweep = 0; sweep < 3000; ++sweep) {
      for (std::size_t i = 0; i < items; ++i) {
        if (i == j || gram[i][i] == 0.0) {
          continue;
        }
        double pull = gram[i][j];
        for (std::size_t k = 0; k < items; ++k) {
          pull -= k == i ? 0.0 : gram[i][k] * weights[k][j];
        }
        const double shrunk = std::max(0.0, pull - l1) + (positive ? 0.0 : std::min(0.0, pull + l1));
        weights[i][j] = shrunk / (gram[i][i] + l2);
      }
    }
  }
  return weights;
}

TEST(Slim, EqualsASlowTwin) {
  const World world = RandomWorld(80, 24);
  for (const bool positive : {true, false}) {
    const Matrix fast = Weights(world.train, 24,
                                {{"l1", "1.5"},
                                 {"l2", "2"},
                                 {"positive", positive ? "true" : "false"},
                                 {"max_sweeps", "5000"},
                                 {"tolerance", "1e-7"}});
    const Matrix slow = SolveSlowly(world, 1.5, 2.0, positive);
    double negative = 0.0;
    for (std::size_t i = 0; i < 24; ++i) {
      for (std::size_t j = 0; j < 24; ++j) {
        ASSERT_NEAR(fast[i][j], slow[i][j], 1e-4) << positive << " " << i << " " << j;
        negative = std::min(negative, fast[i][j]);
      }
    }
    EXPECT_EQ(negative < 0.0, !positive);
  }
}

TEST(Slim, OnlyNeighboursHaveWeights) {
  const World world = RandomWorld(80, 24);
  const Matrix weights = Weights(world.train, 24, {{"l1", "0"}, {"l2", "2"}, {"neighbours", "3"}});
  for (std::size_t j = 0; j < 24; ++j) {
    int count = 0;
    for (std::size_t i = 0; i < 24; ++i) {
      count += weights[i][j] != 0.0 ? 1 : 0;
    }
    EXPECT_LE(count, 3);
    EXPECT_GE(count, 1);
  }
}

}  // namespace
}  // namespace recforce::algos
