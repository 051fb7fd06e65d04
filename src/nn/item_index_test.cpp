// SPDX-License-Identifier: Apache-2.0
#include "nn/item_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "nn/gemm.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "support/error_of.h"

namespace recforce::nn {
namespace {

struct Matrix {
  std::int64_t rows;
  std::int64_t cols;
  std::vector<float> values = std::vector<float>(static_cast<std::size_t>(rows * cols));

  base::MatrixView<const float> view() const { return {values.data(), rows, cols}; }
};

// Normal numbers; each row times a length between 1/2 and 3/2.
Matrix Normal(std::int64_t rows, std::int64_t cols, std::uint64_t object) {
  Matrix matrix{rows, cols};
  base::Rng rng(1, base::Stream::kTest, object);
  for (std::int64_t row = 0; row < rows; ++row) {
    const double length = 0.5 + rng.Uniform();
    for (std::int64_t at = 0; at < cols; ++at) {
      matrix.values[row * cols + at] = static_cast<float>(length * rng.Normal());
    }
  }
  return matrix;
}

// Whole numbers from -2 to 2, so that products are exact and many of them are equal.
Matrix Whole(std::int64_t rows, std::int64_t cols, std::uint64_t object) {
  Matrix matrix{rows, cols};
  base::Rng rng(1, base::Stream::kTest, object);
  std::ranges::generate(matrix.values, [&] { return static_cast<float>(rng.Below(5)) - 2.0F; });
  return matrix;
}

double Product(const Matrix& a, std::int64_t row, const Matrix& b, std::int64_t other) {
  const auto x = a.view().row(row);
  return std::inner_product(x.begin(), x.end(), b.view().row(other).begin(), 0.0);
}

using Lists = std::vector<std::vector<std::int32_t>>;

ExcludedItems From(const Lists& lists) {
  return [&lists](std::int64_t row) { return std::span<const std::int32_t>(lists[row]); };
}

std::vector<std::int32_t> Answers(const ItemIndex& index, const Matrix& queries, std::int64_t k,
                                  const ExcludedItems& excluded = {}) {
  std::vector<std::int32_t> out(static_cast<std::size_t>(queries.rows * k), -7);
  index.Search(queries.view(), k, excluded, {out.data(), queries.rows, k});
  return out;
}

// By sorting the whole catalogue for each query.
std::vector<std::int32_t> Reference(const Matrix& items, const Matrix& queries, std::int64_t k, const Lists& excluded) {
  std::vector<std::int32_t> out;
  for (std::int64_t row = 0; row < queries.rows; ++row) {
    std::vector<std::pair<double, std::int32_t>> order;
    for (std::int32_t item = 0; item < items.rows; ++item) {
      if (std::ranges::count(excluded[row], item) == 0) {
        order.emplace_back(-Product(queries, row, items, item), item);
      }
    }
    order.resize(std::max<std::size_t>(order.size(), k), {std::numeric_limits<double>::infinity(), -1});
    std::ranges::sort(order);
    std::transform(order.begin(), order.begin() + k, std::back_inserter(out),
                   [](const auto& one) { return one.second; });
  }
  return out;
}

// Some lists are empty, some have repeats, numbers that are no items, and the items at the edges of blocks.
Lists SomeExcluded(std::int64_t rows, std::int64_t items) {
  Lists lists(static_cast<std::size_t>(rows));
  base::Rng rng(1, base::Stream::kTest, 9);
  for (std::int64_t row = 1; row < rows; row += 2) {
    for (std::uint64_t left = rng.Below(40) + 2; left > 0; --left) {
      lists[row].push_back(static_cast<std::int32_t>(rng.Below(static_cast<std::uint64_t>(items))));
    }
    lists[row].insert(lists[row].end(), {lists[row][0], -1, static_cast<std::int32_t>(items), 2047, 2048, 16384, 0});
  }
  return lists;
}

class ItemIndexTest : public testing::Test {
 protected:
  void SetUp() override { UseOneBlasThread(); }
  void TearDown() override { base::SetThreads(before_); }

 private:
  int before_ = base::Threads();
};

class ExactShapes : public ItemIndexTest, public testing::WithParamInterface<std::array<std::int64_t, 4>> {};

TEST_P(ExactShapes, AreTheReferenceWithTiesAndExclusions) {
  const auto [items_count, queries_count, width, k] = GetParam();
  const Matrix items = Whole(items_count, width, 1);
  const Matrix queries = Whole(queries_count, width, 2);
  ItemIndex index(IndexKind::kExact);
  index.Build(items.view());
  const Lists none(static_cast<std::size_t>(queries_count));
  EXPECT_EQ(Answers(index, queries, k), Reference(items, queries, k, none));
  const Lists excluded = SomeExcluded(queries_count, items_count);
  EXPECT_EQ(Answers(index, queries, k, From(excluded)), Reference(items, queries, k, excluded));
}

// More queries than meet a block, more items than a piece of work, all items, more than there are, one of each.
INSTANTIATE_TEST_SUITE_P(Sizes, ExactShapes,
                         testing::Values(std::array<std::int64_t, 4>{300, 70, 5, 10},
                                         std::array<std::int64_t, 4>{17000, 5, 4, 50},
                                         std::array<std::int64_t, 4>{2100, 3, 6, 2100},
                                         std::array<std::int64_t, 4>{20, 4, 3, 25},
                                         std::array<std::int64_t, 4>{1, 1, 1, 1}));

TEST_F(ItemIndexTest, EqualProductsComeInTheOrderOfItems) {
  const Matrix items{6, 2, {1, 0, 0, 1, 1, 0, 2, 5, 1, 1, -1, 0}};
  const Matrix queries{2, 2, {1, 0, 0, 0}};
  for (const IndexKind kind : {IndexKind::kExact, IndexKind::kHnsw}) {
    ItemIndex index(kind);
    index.Build(items.view());
    EXPECT_EQ(Answers(index, queries, 6), (std::vector<std::int32_t>{3, 0, 2, 4, 1, 5, 0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(Answers(index, queries, 2), (std::vector<std::int32_t>{3, 0, 0, 1}));
  }
}

TEST_F(ItemIndexTest, NothingIsFoundWhereNothingIs) {
  const Matrix queries = Normal(2, 3, 1);
  for (const IndexKind kind : {IndexKind::kExact, IndexKind::kHnsw}) {
    ItemIndex index(kind);
    EXPECT_EQ(Answers(index, queries, 2), (std::vector<std::int32_t>{-1, -1, -1, -1}));
    index.Build(Normal(3, 3, 2).view());
    const Lists excluded = {{2, 1, 0}, {0, 2}};
    EXPECT_EQ(Answers(index, queries, 2, From(excluded)), (std::vector<std::int32_t>{-1, -1, 1, -1}));
    const Matrix lost{1, 3, {0.0F, std::nanf(""), 1.0F}};
    EXPECT_EQ(Answers(index, lost, 2), (std::vector<std::int32_t>{-1, -1}));
  }
}

TEST_F(ItemIndexTest, VectorsThatAreNotFiniteAreRefusedAndTheOldOnesStay) {
  Matrix items = Whole(4, 3, 1);
  ItemIndex index(IndexKind::kExact);
  index.Build(items.view());
  const Matrix queries = Whole(3, 3, 2);
  const std::vector<std::int32_t> before = Answers(index, queries, 2);
  items.values[7] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(test::ErrorOf([&] { index.Build(items.view()); }),
            "Diverged: vector of item 2: not finite: inf; vectors of an index are finite numbers");
  EXPECT_EQ(Answers(index, queries, 2), before);
}

TEST_F(ItemIndexTest, AnyNumberOfThreadsGivesTheSame) {
  const Matrix queries = Normal(150, 16, 2);
  const Lists excluded = SomeExcluded(150, 5000);
  for (const IndexKind kind : {IndexKind::kExact, IndexKind::kHnsw}) {
    ItemIndex index(kind);
    index.Build(Normal(5000, 16, 1).view());
    std::vector<std::vector<std::int32_t>> results;
    for (const int threads : {1, 2, 3}) {
      base::SetThreads(threads);
      results.push_back(Answers(index, queries, 10, From(excluded)));
    }
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
}

TEST_F(ItemIndexTest, TheGraphFindsTheBestAndTwoBuildsAreEqual) {
  const Matrix items = Normal(5000, 16, 1);
  const Matrix queries = Normal(200, 16, 2);
  ItemIndex index(IndexKind::kHnsw, {.ef = 50});
  index.Build(items.view());
  EXPECT_GE(index.Recall(queries.view(), 10), 0.98);
  const std::vector<std::int32_t> answers = Answers(index, queries, 10);
  for (std::size_t at = 1; at < answers.size(); ++at) {
    const auto row = static_cast<std::int64_t>(at / 10);
    if (at % 10 != 0) {
      EXPECT_GE(Product(queries, row, items, answers[at - 1]), Product(queries, row, items, answers[at]) - 1e-5);
    }
  }
  ItemIndex again(IndexKind::kHnsw, {.ef = 50});
  again.Build(Normal(100, 16, 3).view());  // is forgotten
  again.Build(items.view());
  EXPECT_EQ(Answers(again, queries, 10), answers);
}

TEST_F(ItemIndexTest, RecallIsTheShareOfTheExactBest) {
  const Matrix items = Normal(3000, 16, 1);
  const Matrix queries = Normal(100, 16, 2);
  ItemIndex exact(IndexKind::kExact);
  exact.Build(items.view());
  EXPECT_EQ(exact.Recall(queries.view(), 5), 1.0);
  EXPECT_EQ(exact.Recall(queries.view(), 3001), 1.0);
  ItemIndex hasty(IndexKind::kHnsw, {.m = 4, .ef_construction = 8, .ef = 1});
  hasty.Build(items.view());
  const std::vector<std::int32_t> best = Answers(exact, queries, 5);
  const std::vector<std::int32_t> found = Answers(hasty, queries, 5);
  int hits = 0;
  for (std::size_t row = 0; row < 100; ++row) {
    for (std::size_t at = 0; at < 5; ++at) {
      hits += static_cast<int>(std::count(found.begin() + row * 5, found.begin() + row * 5 + 5, best[row * 5 + at]));
    }
  }
  EXPECT_LT(hits, 500);
  EXPECT_DOUBLE_EQ(hasty.Recall(queries.view(), 5), hits / 500.0);
}

TEST_F(ItemIndexTest, ExcludedItemsAreNeverFoundAndTheNextBestAre) {
  const Matrix items = Normal(3000, 16, 1);
  const Matrix queries = Normal(40, 16, 2);
  ItemIndex exact(IndexKind::kExact);
  exact.Build(items.view());
  ItemIndex graph(IndexKind::kHnsw);
  graph.Build(items.view());
  // The 5 best, the 2,500 best (a walk would come out short), all but 6.
  for (const std::int64_t best : {5, 2500, 2994}) {
    const std::vector<std::int32_t> order = Answers(exact, queries, 3000);
    Lists excluded;
    std::vector<std::int32_t> next;
    for (std::int64_t row = 0; row < 40; ++row) {
      const auto begin = order.begin() + row * 3000;
      excluded.emplace_back(begin, begin + best);
      next.insert(next.end(), begin + best, begin + best + 6);
    }
    EXPECT_EQ(Answers(exact, queries, 6, From(excluded)), next);
    EXPECT_EQ(Answers(graph, queries, 6, From(excluded)), next) << best;
  }
}

}  // namespace
}  // namespace recforce::nn
