// SPDX-License-Identifier: Apache-2.0
#include "algos/bpr/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

data::Csr RandomRows(std::int64_t users, std::int32_t items) {
  base::Rng rng(4, base::Stream::kTest);
  data::Csr rows;
  for (std::int64_t user = 0; user < users; ++user) {
    std::vector<std::int32_t> row;
    for (std::int32_t item = 0; item < items; ++item) {
      if (rng.Uniform() < 0.1) {
        row.push_back(item);
      }
    }
    rows.AddRow(row);
  }
  return rows;
}

TEST(Schedule, EveryInteractionOnceAndNoRaces) {
  const data::Csr rows = RandomRows(150, 200);
  const Schedule schedule(rows.view(), 200, 1, 0);
  ASSERT_EQ(schedule.blocks(), 6);
  std::set<std::pair<std::int32_t, std::int32_t>> seen;
  std::set<std::uint32_t> numbers;
  for (std::int64_t round = 0; round < 6; ++round) {
    std::map<std::int32_t, std::int64_t> block_of_user;
    std::map<std::int32_t, std::int64_t> block_of_item;
    for (std::int64_t block = 0; block < 6; ++block) {
      numbers.insert(schedule.CellNumber(round, block));
      for (const std::int32_t item : schedule.Items(round, block)) {
        EXPECT_TRUE(block_of_item.emplace(item, block).second) << "two cells of a round have item " << item;
      }
      for (const Interaction& interaction : schedule.Cell(round, block)) {
        EXPECT_TRUE(seen.emplace(interaction.user, interaction.item).second);
        EXPECT_EQ(block_of_user.emplace(interaction.user, block).first->second, block);
        EXPECT_EQ(block_of_item.at(interaction.item), block);
      }
    }
    EXPECT_EQ(block_of_item.size(), 200);
  }
  EXPECT_EQ(static_cast<std::int64_t>(seen.size()), rows.nnz());
  EXPECT_EQ(numbers.size(), 36);
  for (const auto& [user, item] : seen) {
    const auto row = rows.row(user);
    EXPECT_NE(std::find(row.begin(), row.end(), item), row.end());
  }
}

TEST(Schedule, DealsAnewEveryEpoch) {
  const data::Csr rows = RandomRows(50, 100);
  const auto items = [&](std::uint64_t seed, std::int64_t epoch) {
    const Schedule schedule(rows.view(), 100, seed, epoch);
    const auto span = schedule.Items(0, 0);
    return std::vector<std::int32_t>(span.begin(), span.end());
  };
  EXPECT_EQ(items(1, 0), items(1, 0));
  EXPECT_NE(items(1, 0), items(1, 1));
  EXPECT_NE(items(1, 0), items(2, 0));
}

TEST(Schedule, BlocksDependOnTheCatalogue) {
  EXPECT_EQ(Schedule::BlocksFor(1), 1);
  EXPECT_EQ(Schedule::BlocksFor(64), 2);
  EXPECT_EQ(Schedule::BlocksFor(1000000), 16);
  const Schedule nothing({}, 1, 1, 0);
  EXPECT_TRUE(nothing.Cell(0, 0).empty());
}

}  // namespace
}  // namespace recforce::algos
