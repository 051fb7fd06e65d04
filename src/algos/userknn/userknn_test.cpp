// SPDX-License-Identifier: Apache-2.0
#include "algos/userknn/userknn.h"

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

std::vector<float> Scores(const data::Csr& train, std::int64_t items, const core::UserBatch& users,
                          const Overrides& set) {
  const core::AlgorithmSpec spec = UserKnnSpec();
  config::Section section = spec.make_config();
  for (const auto& [key, value] : set) {
    EXPECT_EQ(section.Set(*section.Find(key), value), "");
  }
  const auto trainer = spec.make_trainer(section, {train.view(), items}, {});
  trainer->Epoch({});
  std::vector<float> scores(static_cast<std::size_t>(users.size() * items));
  trainer->Current().ScoreBatch(users, {scores.data(), users.size(), items});
  return scores;
}

data::Csr Rows(const std::vector<std::vector<std::int32_t>>& rows) {
  data::Csr csr;
  for (const auto& row : rows) {
    csr.AddRow(row);
  }
  return csr;
}

const data::Csr kTrain = Rows({{0, 1}, {1, 0, 2}, {0}, {2, 3}});

void ExpectNear(const std::vector<float>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t at = 0; at < found.size(); ++at) {
    EXPECT_NEAR(found[at], expected[at], 1e-6) << at;
  }
}

TEST(UserKnn, CosineByHand) {
  // {0, 1} is like the four rows by 1, 2 / sqrt(6), 1 / sqrt(2) and 0.
  const double b = 2 / std::sqrt(6.0);
  const double c = 1 / std::sqrt(2.0);
  const data::Csr user = Rows({{0, 1}});
  ExpectNear(Scores(kTrain, 4, {user.view()}, {}), {1 + b + c, 1 + b, b, 0});
  ExpectNear(Scores(kTrain, 4, {user.view()}, {{"neighbours", "2"}}), {1 + b, 1 + b, b, 0});
  // Two, two and one items in common; shrinkage of 2 halves and thirds.
  ExpectNear(Scores(kTrain, 4, {user.view()}, {{"shrink", "2"}}), {0.5 + b / 2 + c / 3, 0.5 + b / 2, b / 2, 0});
}

TEST(UserKnn, NobodyIsTheirOwnNeighbour) {
  const data::Csr user = Rows({{0, 1}});
  const std::vector<std::int32_t> self = {0};
  const double b = 2 / std::sqrt(6.0);
  const double c = 1 / std::sqrt(2.0);
  ExpectNear(Scores(kTrain, 4, {.history = user.view(), .rows = self}, {}), {b + c, b, b, 0});
}

TEST(UserKnn, OnlyTheLatestRowsAreAsked) {
  const data::Csr user = Rows({{0, 1}});
  // Rows 0, 1 and 2 share an item; the last two of them are 1 and 2.
  ExpectNear(Scores(kTrain, 4, {user.view()}, {{"sample", "2"}}),
             {2 / std::sqrt(6.0) + 1 / std::sqrt(2.0), 2 / std::sqrt(6.0), 2 / std::sqrt(6.0), 0});
}

TEST(UserKnn, OldEventsFade) {
  const data::Csr user = Rows({{3, 0}});
  // Item 3 counts half; the length of the user is sqrt(1.25).
  const double d = std::sqrt(1.25);
  const double with_0 = 1 / (d * std::sqrt(2.0));
  const double with_1 = 1 / (d * std::sqrt(3.0));
  const double with_2 = 1 / d;
  const double with_3 = 0.5 / (d * std::sqrt(2.0));
  ExpectNear(Scores(kTrain, 4, {user.view()}, {{"decay", "0.5"}}),
             {with_0 + with_1 + with_2, with_0 + with_1, with_1 + with_3, with_3});
}

TEST(UserKnn, EqualsADenseTwin) {
  constexpr std::size_t kItems = 40;
  constexpr std::size_t kUsers = 90;
  base::Rng rng(6, base::Stream::kTest);
  data::Csr train;
  std::vector<std::vector<double>> dense(kUsers, std::vector<double>(kItems, 0.0));
  std::vector<double> idf(kItems, 0.0);
  for (auto& user : dense) {
    std::vector<std::int32_t> row;
    for (std::int32_t item = 0; item < static_cast<std::int32_t>(kItems); ++item) {
      if (rng.Uniform() < 4.0 / (item + 10)) {
        row.push_back(item);
        user[static_cast<std::size_t>(item)] = 1.0;
        idf[static_cast<std::size_t>(item)] += 1.0;
      }
    }
    train.AddRow(row);
  }
  for (double& value : idf) {
    value = std::log(1.0 + kUsers / std::max(1.0, value));
  }
  std::vector<std::int32_t> self(kUsers);
  for (std::size_t user = 0; user < kUsers; ++user) {
    self[user] = static_cast<std::int32_t>(user);
  }
  const std::vector<float> scores = Scores(train, kItems, {.history = train.view(), .rows = self},
                                           {{"neighbours", "9"}, {"shrink", "1"}, {"similarity", "tf_idf"}});
  for (std::size_t user = 0; user < kUsers; ++user) {
    std::vector<std::pair<double, std::int64_t>> neighbours;
    for (std::size_t other = 0; other < kUsers; ++other) {
      double product = 0;
      double length = 0;
      double other_length = 0;
      double both = 0;
      for (std::size_t item = 0; item < kItems; ++item) {
        const double squared = idf[item] * idf[item];
        product += dense[user][item] * dense[other][item] * squared;
        length += dense[user][item] * squared;
        other_length += dense[other][item] * squared;
        both += dense[user][item] * dense[other][item];
      }
      if (other != user && product > 0) {
        neighbours.emplace_back(-product / std::sqrt(length * other_length) * both / (both + 1.0),
                                -static_cast<std::int64_t>(other));
      }
    }
    std::sort(neighbours.begin(), neighbours.end());
    neighbours.resize(std::min<std::size_t>(neighbours.size(), 9));
    for (std::size_t item = 0; item < kItems; ++item) {
      double expected = 0.0;
      for (const auto& [similarity, other] : neighbours) {
        expected -= similarity * dense[static_cast<std::size_t>(-other)][item];
      }
      ASSERT_NEAR(scores[user * kItems + item], expected, 1e-5) << user << " " << item;
    }
  }
}

}  // namespace
}  // namespace recforce::algos
