// SPDX-License-Identifier: Apache-2.0
#include "algos/itemknn/itemknn.h"

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

std::vector<float> Scores(const data::Csr& train, std::int64_t items, const data::Csr& users, const Overrides& set) {
  const core::AlgorithmSpec spec = ItemKnnSpec();
  config::Section section = spec.make_config();
  for (const auto& [key, value] : set) {
    EXPECT_EQ(section.Set(*section.Find(key), value), "");
  }
  const auto trainer = spec.make_trainer(section, {train.view(), items}, {});
  trainer->Epoch({});
  std::vector<float> scores(static_cast<std::size_t>(users.rows() * items));
  trainer->Current().ScoreBatch({users.view()}, {scores.data(), users.rows(), items});
  return scores;
}

data::Csr Rows(const std::vector<std::vector<std::int32_t>>& rows) {
  data::Csr csr;
  for (const auto& row : rows) {
    csr.AddRow(row);
  }
  return csr;
}

// Items 0, 1, 2, 3 have 3, 2, 2, 0 users; 0 and 1 share two, 0 and 2 one, 1 and 2 one.
const data::Csr kTrain = Rows({{0, 1}, {1, 0, 2}, {0}, {2}});

void ExpectNear(const std::vector<float>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t at = 0; at < found.size(); ++at) {
    EXPECT_NEAR(found[at], expected[at], 1e-6) << at;
  }
}

TEST(ItemKnn, CosineByHand) {
  ExpectNear(Scores(kTrain, 4, Rows({{0}, {1, 2}, {3}}), {{"similarity", "cosine"}}),
             {0, 2 / std::sqrt(6.0), 1 / std::sqrt(6.0), 0,          //
              2 / std::sqrt(6.0) + 1 / std::sqrt(6.0), 0.5, 0.5, 0,  //
              0, 0, 0, 0});
}

TEST(ItemKnn, JaccardWithShrinkageByHand) {
  // 2 of 3 users and 1 of 4, each times c / (c + 3).
  ExpectNear(Scores(kTrain, 4, Rows({{0}}), {{"similarity", "jaccard"}, {"shrink", "3"}}),
             {0, 2.0 / 3 * 2 / 5, 1.0 / 4 * 1 / 4, 0});
}

TEST(ItemKnn, OnlyTheNearestSpeakAndMayBeNormalised) {
  // Item 0 hears 1 alone, item 1 hears 0 alone, item 2 hears 1 (0.5 against 0.41).
  ExpectNear(
      Scores(kTrain, 4, Rows({{0}, {1}}), {{"similarity", "cosine"}, {"neighbours", "1"}, {"normalize", "true"}}),
      {0, 1, 0, 0,  //
       1, 0, 1, 0});
}

TEST(ItemKnn, TfIdfByHand) {
  // Weights of the four users: log(1 + 4 / n), squared.
  const double two = std::pow(std::log(3.0), 2);
  const double three = std::pow(std::log(1 + 4.0 / 3), 2);
  const double one = std::pow(std::log(5.0), 2);
  ExpectNear(Scores(kTrain, 4, Rows({{1}}), {}), {(two + three) / std::sqrt((two + three + one) * (two + three)), 0,
                                                  three / std::sqrt((two + three) * (three + one)), 0});
}

TEST(ItemKnn, Bm25ByHand) {
  const auto idf = [](double n) { return std::log(1 + (4 - n + 0.5) / (n + 0.5)); };
  const auto saturation = [](double n) { return 2.2 / (1.2 * (0.25 + 0.75 * n / 1.75) + 1); };
  ExpectNear(Scores(kTrain, 4, Rows({{1}}), {{"similarity", "bm25"}}),
             {saturation(2) * saturation(3) * (idf(2) * idf(2) + idf(3) * idf(3)), 0,
              saturation(2) * saturation(2) * idf(3) * idf(3), 0});
}

// The same through a dense matrix.
TEST(ItemKnn, EqualsADenseTwin) {
  constexpr std::int64_t kItems = 60;
  constexpr std::size_t kNeighbours = 7;
  base::Rng rng(5, base::Stream::kTest);
  data::Csr train;
  std::vector<std::vector<double>> dense(100, std::vector<double>(kItems, 0.0));
  for (auto& user : dense) {
    std::vector<std::int32_t> row;
    for (std::int32_t item = 0; item < kItems; ++item) {
      if (rng.Uniform() < 3.0 / (item + 10)) {
        row.push_back(item);
        user[static_cast<std::size_t>(item)] = 1.0;
      }
    }
    train.AddRow(row);
  }
  std::vector<std::vector<double>> similar(kItems, std::vector<double>(kItems, 0.0));
  for (std::size_t j = 0; j < kItems; ++j) {
    std::vector<std::pair<double, std::size_t>> column;
    for (std::size_t i = 0; i < kItems; ++i) {
      double both = 0;
      double count_i = 0;
      double count_j = 0;
      for (const auto& user : dense) {
        both += user[i] * user[j];
        count_i += user[i];
        count_j += user[j];
      }
      if (i != j && both > 0) {
        column.emplace_back(-both / std::sqrt(count_i * count_j) * both / (both + 2.0), i);
      }
    }
    std::sort(column.begin(), column.end());
    column.resize(std::min(column.size(), kNeighbours));
    for (const auto& [value, i] : column) {
      similar[i][j] = -value;
    }
  }
  const std::vector<float> scores = Scores(
      train, kItems, train, {{"similarity", "cosine"}, {"neighbours", std::to_string(kNeighbours)}, {"shrink", "2"}});
  for (std::size_t user = 0; user < dense.size(); ++user) {
    for (std::size_t j = 0; j < kItems; ++j) {
      double expected = 0.0;
      for (std::size_t i = 0; i < kItems; ++i) {
        expected += dense[user][i] * similar[i][j];
      }
      ASSERT_NEAR(scores[user * kItems + j], expected, 1e-5) << user << " " << j;
    }
  }
}

}  // namespace
}  // namespace recforce::algos
