// SPDX-License-Identifier: Apache-2.0
#include "algos/common/lanes.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

namespace recforce::algos {
namespace {

data::Csr Sequences() {
  data::Csr rows;
  std::int32_t item = 0;
  for (const int length : {3, 1, 5, 2, 0, 4, 7, 2}) {
    std::vector<std::int32_t> row(static_cast<std::size_t>(length));
    std::iota(row.begin(), row.end(), item);
    item += length;
    rows.AddRow(row);
  }
  return rows;
}

std::vector<std::int32_t> InOrder(const data::Csr& rows) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(rows.rows()));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

TEST(LanesTest, EveryPairIsMetOnce) {
  const data::Csr rows = Sequences();
  std::map<std::pair<std::int32_t, std::int32_t>, int> expected;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t at = 0; at + 1 < rows.row(r).size(); ++at) {
      ++expected[{rows.row(r)[at], rows.row(r)[at + 1]}];
    }
  }
  for (const std::int64_t count : {1, 2, 3, 8, 100}) {
    for (const std::int64_t steps : {1, 2, 5}) {
      Lanes lanes(rows.view(), InOrder(rows), count, steps);
      std::map<std::pair<std::int32_t, std::int32_t>, int> met;
      std::int64_t pairs = 0;
      LaneBatch batch;
      while (lanes.Next(batch)) {
        std::int64_t here = 0;
        for (std::size_t at = 0; at < batch.inputs.size(); ++at) {
          if (batch.targets[at] >= 0) {
            ++met[{batch.inputs[at], batch.targets[at]}];
            ++here;
            EXPECT_EQ(rows.items[static_cast<std::size_t>(batch.events[at])], batch.inputs[at]);
          }
        }
        EXPECT_EQ(here, batch.pairs);
        pairs += here;
      }
      EXPECT_EQ(met, expected) << count << " lanes, " << steps << " steps";
      EXPECT_EQ(pairs, lanes.pairs());
    }
  }
}

// What a lane remembers is exactly the sequence that it is in: followed by hand through changes of lane.
TEST(LanesTest, StateBeginsWithTheSequenceAndFollowsItsLane) {
  const data::Csr rows = Sequences();
  for (const std::int64_t count : {1, 2, 3, 8}) {
    for (const std::int64_t steps : {1, 3}) {
      Lanes lanes(rows.view(), InOrder(rows), count, steps);
      LaneBatch batch;
      std::vector<std::vector<std::int32_t>> state(static_cast<std::size_t>(count));
      while (lanes.Next(batch)) {
        std::vector<std::vector<std::int32_t>> now;
        for (const std::int32_t before : batch.before) {
          now.push_back(state[static_cast<std::size_t>(before)]);
        }
        for (std::int64_t at = 0; at < batch.steps * batch.lanes; ++at) {
          auto& memory = now[static_cast<std::size_t>(at % batch.lanes)];
          if (batch.keep[static_cast<std::size_t>(at)] == 0) {
            memory.clear();
          }
          const std::int32_t input = batch.inputs[static_cast<std::size_t>(at)];
          if (input < 0) {
            continue;
          }
          memory.push_back(input);
          std::int64_t row = 0;
          while (rows.offsets[static_cast<std::size_t>(row) + 1] <= batch.events[static_cast<std::size_t>(at)]) {
            ++row;
          }
          const auto whole = rows.row(row);
          ASSERT_LE(memory.size(), whole.size());
          EXPECT_TRUE(std::equal(memory.begin(), memory.end(), whole.begin())) << count << " lanes, row " << row;
        }
        state = now;
      }
    }
  }
}

TEST(LanesTest, NothingToLearnFromIsNoBatch) {
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>{1});
  Lanes lanes(rows.view(), {0}, 4, 2);
  LaneBatch batch;
  EXPECT_FALSE(lanes.Next(batch));
  EXPECT_EQ(lanes.pairs(), 0);
}

}  // namespace
}  // namespace recforce::algos
