// SPDX-License-Identifier: Apache-2.0
// The graph of neighbours at a size where it is of use: what it finds of the best items with its default settings, also
// where the very best are excluded. Slow: the graph is built by one thread.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "algos/register_all.h"
#include "nn/item_index.h"
#include "recforce/base/rng.h"
#include "recforce/core/algorithm.h"

namespace recforce {
namespace {

constexpr std::int64_t kItems = 100000;
constexpr std::int64_t kWidth = 64;
constexpr std::int64_t kQueries = 500;
constexpr std::int64_t kBest = 10;
constexpr std::int64_t kExcluded = 30;

// Normal numbers; each row times a length between 1/2 and 3/2.
std::vector<float> Vectors(std::int64_t rows, std::uint64_t object) {
  std::vector<float> values;
  base::Rng rng(1, base::Stream::kTest, object);
  for (std::int64_t row = 0; row < rows; ++row) {
    const double length = 0.5 + rng.Uniform();
    for (std::int64_t at = 0; at < kWidth; ++at) {
      values.push_back(static_cast<float>(length * rng.Normal()));
    }
  }
  return values;
}

TEST(NearestItems, TheGraphFindsThemAmongAHundredThousand) {
  core::Registry registry;
  algos::RegisterAll(registry);  // leaves BLAS with one thread
  const std::vector<float> vectors = Vectors(kItems, 1);
  const std::vector<float> values = Vectors(kQueries, 2);
  const base::MatrixView<const float> queries{values.data(), kQueries, kWidth};
  nn::ItemIndex exact(nn::IndexKind::kExact);
  nn::ItemIndex graph(nn::IndexKind::kHnsw);
  exact.Build({vectors.data(), kItems, kWidth});
  graph.Build({vectors.data(), kItems, kWidth});
  EXPECT_GE(graph.Recall(queries, kBest), 0.98);

  constexpr std::int64_t kBoth = kExcluded + kBest;
  std::vector<std::int32_t> order(kQueries * kBoth);
  exact.Search(queries, kBoth, {}, {order.data(), kQueries, kBoth});
  std::vector<std::int32_t> found(kQueries * kBest);
  const auto best = [&](std::int64_t row) {
    return std::span<const std::int32_t>(order).subspan(row * kBoth, kExcluded);
  };
  graph.Search(queries, kBest, best, {found.data(), kQueries, kBest});
  std::int64_t hits = 0;
  for (std::int64_t row = 0; row < kQueries; ++row) {
    const auto next = std::span<const std::int32_t>(order).subspan(row * kBoth + kExcluded, kBest);
    const auto own = std::span<const std::int32_t>(found).subspan(row * kBest, kBest);
    EXPECT_EQ(std::ranges::find_first_of(own, best(row)), own.end());
    hits += std::ranges::count_if(own, [&](std::int32_t item) { return std::ranges::count(next, item) > 0; });
  }
  EXPECT_GE(static_cast<double>(hits) / static_cast<double>(kQueries * kBest), 0.95);
}

}  // namespace
}  // namespace recforce
