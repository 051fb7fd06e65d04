// SPDX-License-Identifier: Apache-2.0
#include "nn/row_batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace recforce::nn {
namespace {

data::Csr Rows() {
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>{5, 1, 3, 8});
  rows.AddRow(std::vector<std::int32_t>{});
  rows.AddRow(std::vector<std::int32_t>{2, 9, 0, 1, 4, 6, 7, 3, 8});
  return rows;
}

std::set<std::int32_t> SetOf(std::span<const std::int32_t> items) { return {items.begin(), items.end()}; }

TEST(RowBatch, MaskSplitsEachRowInTwo) {
  const data::Csr rows = Rows();
  const std::vector<std::int32_t> order = {2, 0, 1};
  for (std::uint64_t epoch = 0; epoch < 50; ++epoch) {
    const RowBatch batch = MakeRowBatch(rows.view(), order, {.keep = 0.5, .seed = 3, .epoch = epoch}, 10);
    for (std::int64_t r = 0; r < 3; ++r) {
      auto both = SetOf(batch.seen.row(r));
      for (const std::int32_t item : batch.unseen.row(r)) {
        EXPECT_TRUE(both.insert(item).second) << "H0 and H1 share " << item;
      }
      EXPECT_EQ(both, SetOf(rows.row(order[static_cast<std::size_t>(r)])));
    }
  }
}

TEST(RowBatch, MaskDependsOnSeedEpochAndRowAlone) {
  const data::Csr rows = Rows();
  const MaskOptions mask = {.keep = 0.5, .seed = 3, .epoch = 4};
  const RowBatch together = MakeRowBatch(rows.view(), std::vector<std::int32_t>{0, 1, 2}, mask, 10);
  const RowBatch alone = MakeRowBatch(rows.view(), std::vector<std::int32_t>{2}, mask, 10);
  EXPECT_EQ(SetOf(together.seen.row(2)), SetOf(alone.seen.row(0)));
  int differ = 0;
  for (std::uint64_t epoch = 5; epoch < 25; ++epoch) {
    const RowBatch other = MakeRowBatch(rows.view(), std::vector<std::int32_t>{2}, {0.5, 3, epoch}, 10);
    differ += SetOf(other.seen.row(0)) != SetOf(alone.seen.row(0)) ? 1 : 0;
  }
  EXPECT_GT(differ, 15);
}

TEST(RowBatch, KeepsTheShareThatWasAskedFor) {
  data::Csr rows;
  std::vector<std::int32_t> all(1000);
  for (std::int32_t item = 0; item < 1000; ++item) {
    all[static_cast<std::size_t>(item)] = item;
  }
  for (int r = 0; r < 50; ++r) {
    rows.AddRow(all);
  }
  std::vector<std::int32_t> order(50);
  for (std::int32_t r = 0; r < 50; ++r) {
    order[static_cast<std::size_t>(r)] = r;
  }
  const RowBatch batch = MakeRowBatch(rows.view(), order, {.keep = 0.3, .seed = 1, .epoch = 0}, 1000);
  // 50,000 draws: deviation of the share is sqrt(.3 .7 / 50000) = 0.002.
  EXPECT_NEAR(static_cast<double>(batch.seen.nnz()) / 50000.0, 0.3, 0.01);
}

// 200 rows of 500 items each.
data::Csr LongRows() {
  data::Csr rows;
  std::vector<std::int32_t> all(500);
  std::iota(all.begin(), all.end(), 0);
  for (int r = 0; r < 200; ++r) {
    rows.AddRow(all);
  }
  return rows;
}

TEST(RowBatch, ARangeOfSharesIsDrawnEvenlyByRowAndEpoch) {
  const data::Csr rows = LongRows();
  std::vector<std::int32_t> order(200);
  std::iota(order.begin(), order.end(), 0);
  std::vector<double> shares;
  std::vector<std::vector<double>> of_row(200);
  for (std::uint64_t epoch = 0; epoch < 5; ++epoch) {
    const RowBatch batch =
        MakeRowBatch(rows.view(), order, {.keep = 0.5, .seed = 2, .epoch = epoch, .keep_most = 0.9}, 500);
    for (std::int64_t r = 0; r < 200; ++r) {
      const double share = static_cast<double>(batch.seen.row(r).size()) / 500.0;
      shares.push_back(share);
      of_row[static_cast<std::size_t>(r)].push_back(share);
      // The scale tells the share that was drawn; the row holds to it up to chance (deviation 0.02).
      const double drawn = 1.0 / (std::sqrt(500.0) * static_cast<double>(batch.scale[static_cast<std::size_t>(r)]));
      EXPECT_GE(drawn, 0.5 - 1e-6);
      EXPECT_LE(drawn, 0.9 + 1e-6);
      EXPECT_NEAR(share, drawn, 0.1);
    }
  }
  // 1,000 draws even in [0.5, 0.9]: deviation 0.4 / sqrt(12) = 0.115, that of the mean 0.004.
  EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0) / 1000.0, 0.7, 0.015);
  const auto within = [&](double least, double most) {
    return std::count_if(shares.begin(), shares.end(), [&](double s) { return s >= least && s < most; });
  };
  EXPECT_NEAR(static_cast<double>(within(0.55, 0.65)), 250.0, 50.0);
  EXPECT_NEAR(static_cast<double>(within(0.75, 0.85)), 250.0, 50.0);
  std::int64_t moved = 0;
  for (const auto& epochs : of_row) {
    const auto [least, most] = std::minmax_element(epochs.begin(), epochs.end());
    moved += *most - *least > 0.1 ? 1 : 0;
  }
  EXPECT_GT(moved, 150) << "one row shows the same share in every epoch";
}

TEST(RowBatch, AnEqualRangeIsNoRange) {
  const data::Csr rows = Rows();
  const std::vector<std::int32_t> order = {2, 0, 1};
  const RowBatch plain = MakeRowBatch(rows.view(), order, {.keep = 0.5, .seed = 3, .epoch = 7}, 10);
  const RowBatch equal = MakeRowBatch(rows.view(), order, {.keep = 0.5, .seed = 3, .epoch = 7, .keep_most = 0.5}, 10);
  EXPECT_EQ(plain.seen.items, equal.seen.items);
  EXPECT_EQ(plain.seen.offsets, equal.seen.offsets);
  EXPECT_EQ(plain.unseen.items, equal.unseen.items);
  EXPECT_EQ(plain.scale, equal.scale);
  // These bytes are part of what makes old runs repeatable.
  EXPECT_EQ(plain.seen.items, (std::vector<std::int32_t>{1, 4, 7, 5, 1, 8}));
}

TEST(RowBatch, ScaleIsTheNormOfTheFullRowOverKeep) {
  const data::Csr rows = Rows();
  const RowBatch batch = MakeRowBatch(rows.view(), std::vector<std::int32_t>{0, 1, 2}, {.keep = 0.5}, 10);
  EXPECT_FLOAT_EQ(batch.scale[0], 1.0F);  // 1 / (sqrt(4) 0.5)
  EXPECT_FLOAT_EQ(batch.scale[1], 0.0F);
  EXPECT_FLOAT_EQ(batch.scale[2], 2.0F / 3.0F);
}

TEST(RowBatch, ByItemHoldsTheSamePairs) {
  const data::Csr rows = Rows();
  const ItemMajor by_item = ByItem(rows.view(), 10);
  std::set<std::pair<std::int32_t, std::int32_t>> pairs;
  for (std::size_t t = 0; t < by_item.items.size(); ++t) {
    for (std::int64_t entry = by_item.offsets[t]; entry < by_item.offsets[t + 1]; ++entry) {
      pairs.emplace(by_item.rows[static_cast<std::size_t>(entry)], by_item.items[t]);
    }
    EXPECT_TRUE(
        std::is_sorted(by_item.rows.begin() + by_item.offsets[t], by_item.rows.begin() + by_item.offsets[t + 1]));
  }
  EXPECT_TRUE(std::is_sorted(by_item.items.begin(), by_item.items.end()));
  std::set<std::pair<std::int32_t, std::int32_t>> expected;
  for (std::int32_t r = 0; r < 3; ++r) {
    for (const std::int32_t item : rows.row(r)) {
      expected.emplace(r, item);
    }
  }
  EXPECT_EQ(pairs, expected);
}

TEST(RowBatch, EpochOrderIsAPermutationOfItsOwn) {
  const auto first = EpochOrder(100, 1, 0);
  auto sorted = first;
  std::sort(sorted.begin(), sorted.end());
  for (std::int32_t r = 0; r < 100; ++r) {
    EXPECT_EQ(sorted[static_cast<std::size_t>(r)], r);
  }
  EXPECT_EQ(first, EpochOrder(100, 1, 0));
  EXPECT_NE(first, EpochOrder(100, 1, 1));
  EXPECT_NE(first, EpochOrder(100, 2, 0));
}

TEST(RowBatch, NoiseIsStandardNormalByRow) {
  std::vector<std::uint32_t> ids(200);
  for (std::uint32_t id = 0; id < 200; ++id) {
    ids[id] = id;
  }
  std::vector<float> noise(200 * 100);
  FillLatentNoise(ids, 1, 0, 100, noise);
  double sum = 0.0;
  double squares = 0.0;
  for (const float value : noise) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  // 20,000 draws: deviations of mean and variance are 0.007 and 0.01.
  EXPECT_NEAR(sum / 20000.0, 0.0, 0.03);
  EXPECT_NEAR(squares / 20000.0, 1.0, 0.04);
  std::vector<float> alone(100);
  FillLatentNoise(std::vector<std::uint32_t>{17}, 1, 0, 100, alone);
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), noise.begin() + 1700));
}

}  // namespace
}  // namespace recforce::nn
