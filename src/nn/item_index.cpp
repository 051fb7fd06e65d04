// SPDX-License-Identifier: Apache-2.0
#include "nn/item_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

// hnswlib 0.6.2 forgets what it needs.
#include <fstream>
#include <unordered_map>
// Without its own vector code, which defines functions outside any namespace, looks at the processor it was compiled
// on and reads memory ahead through whatever lies behind a list of links. Distance below is as fast.
#define NO_MANUAL_VECTORIZATION
#include <hnswlib/hnswlib.h>

#include "nn/blas.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

// Blocks of the exact search. They depend on nothing, so that the same products are made whatever the threads.
constexpr std::int64_t kQueries = 64;    // that meet a block of items together
constexpr std::int64_t kBlock = 2048;    // items of one product: its scores stay in the second cache
constexpr std::int64_t kStripe = 16384;  // items of one piece of work; a multiple of kBlock
constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kGraphQueries = 8;  // of one piece of work

struct Found {
  float score;
  std::int32_t item;
};

bool Better(const Found& a, const Found& b) { return a.score > b.score || (a.score == b.score && a.item < b.item); }

// Sorts the best `k` of `found` to its front and drops the others.
void KeepBest(std::vector<Found>& found, std::int64_t k) {
  const auto kept = std::min(static_cast<std::ptrdiff_t>(k), std::ssize(found));
  std::partial_sort(found.begin(), found.begin() + kept, found.end(), Better);
  found.resize(static_cast<std::size_t>(kept));
}

void Write(std::span<const Found> found, std::span<std::int32_t> out) {
  const auto end = std::transform(found.begin(), found.end(), out.begin(), [](const Found& f) { return f.item; });
  std::fill(end, out.end(), -1);
}

// The best of scores that come block by block, in the order of items. Kept are up to twice as many as wanted; whenever
// they are cut down, the worst that stays is the bar for what follows.
class Selection {
 public:
  explicit Selection(std::int64_t k) : k_(k) {}

  // Scores of items from `first` on. NaN is not taken.
  void Offer(std::span<const float> scores, std::int64_t first) {
    const auto size = std::ssize(scores);
    for (std::int64_t start = 0; start < size; start += kLanes) {
      const std::int64_t end = std::min(start + kLanes, size);
      if (end - start == kLanes && !AnyReaches(scores.data() + start)) {
        continue;
      }
      for (std::int64_t at = start; at < end; ++at) {
        const float score = scores[static_cast<std::size_t>(at)];
        if (score >= bar_) {
          found_.push_back({score, static_cast<std::int32_t>(first + at)});
        }
      }
      if (std::ssize(found_) >= 2 * k_ + kLanes) {
        std::nth_element(found_.begin(), found_.begin() + k_ - 1, found_.end(), Better);
        found_.resize(static_cast<std::size_t>(k_));
        bar_ = found_.back().score;
      }
    }
  }
  std::vector<Found> Take() {
    KeepBest(found_, k_);
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool AnyReaches(const float* scores) const {
    unsigned any = 0;
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      any |= static_cast<unsigned>(scores[lane] >= bar_);
    }
    return any != 0;
  }

  std::int64_t k_;
  float bar_ = -std::numeric_limits<float>::infinity();
  std::vector<Found> found_;
};

std::vector<std::int32_t> Sorted(const ExcludedItems& excluded, std::int64_t row) {
  if (!excluded) {
    return {};
  }
  const std::span<const std::int32_t> items = excluded(row);
  std::vector<std::int32_t> sorted(items.begin(), items.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// The best `k` of items [begin, end) for each of a few queries.
std::vector<std::vector<Found>> BestOfStripe(base::MatrixView<const float> items, std::int64_t begin, std::int64_t end,
                                             base::MatrixView<const float> queries, std::int64_t k,
                                             std::span<const std::vector<std::int32_t>> excluded) {
  static thread_local std::vector<float> scores;
  scores.resize(kQueries * kBlock);
  std::vector<Selection> selections(static_cast<std::size_t>(queries.rows), Selection(std::min(k, end - begin)));
  for (std::int64_t first = begin; first < end; first += kBlock) {
    const std::int64_t count = std::min(kBlock, end - first);
    Gemm(Op::kPlain, Op::kTransposed, queries.rows, count, items.cols, {queries.data, queries.cols},
         {items.data + first * items.cols, items.cols}, 0.0F, {scores.data(), kBlock});
    for (std::size_t row = 0; row < selections.size(); ++row) {
      const std::span<float> own(scores.data() + static_cast<std::ptrdiff_t>(row) * kBlock,
                                 static_cast<std::size_t>(count));
      const std::vector<std::int32_t>& out = excluded[row];
      for (auto at = std::lower_bound(out.begin(), out.end(), first); at != out.end() && *at < first + count; ++at) {
        own[static_cast<std::size_t>(*at - first)] = std::numeric_limits<float>::quiet_NaN();
      }
      selections[row].Offer(own, first);
    }
  }
  std::vector<std::vector<Found>> best;
  for (Selection& selection : selections) {
    best.push_back(selection.Take());
  }
  return best;
}

std::int64_t Padded(std::int64_t width) { return (width + kLanes - 1) / kLanes * kLanes; }

// What hnswlib calls a distance: the inner product with its sign turned. Sums of fixed lanes.
float Distance(const void* a, const void* b, const void* width) {
  using Vector = float __attribute__((vector_size(32)));
  const std::size_t bytes = *static_cast<const std::size_t*>(width) * sizeof(float);
  std::array<Vector, 2> sums = {};
  for (std::size_t at = 0; at < bytes; at += sizeof(sums)) {
    std::array<Vector, 2> left;
    std::array<Vector, 2> right;
    std::memcpy(left.data(), static_cast<const char*>(a) + at, sizeof(left));
    std::memcpy(right.data(), static_cast<const char*>(b) + at, sizeof(right));
    sums[0] += left[0] * right[0];
    sums[1] += left[1] * right[1];
  }
  const Vector sum = sums[0] + sums[1];
  return -(((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])));
}

class InnerProducts final : public hnswlib::SpaceInterface<float> {
 public:
  explicit InnerProducts(std::int64_t width) : width_(static_cast<std::size_t>(width)) {}
  std::size_t get_data_size() override { return width_ * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return Distance; }
  void* get_dist_func_param() override { return &width_; }

 private:
  std::size_t width_;
};

}  // namespace

class ItemIndex::Graph {
 public:
  Graph(base::MatrixView<const float> items, const IndexOptions& options)
      : space_(Padded(items.cols)),
        graph_(&space_, static_cast<std::size_t>(items.rows), static_cast<std::size_t>(options.m),
               static_cast<std::size_t>(options.ef_construction), options.seed) {
    std::vector<float> padded(static_cast<std::size_t>(Padded(items.cols)));
    for (std::int64_t item = 0; item < items.rows; ++item) {
      std::ranges::copy(items.row(item), padded.begin());
      graph_.addPoint(padded.data(), static_cast<std::size_t>(item));
    }
  }

  // The best `k` that are not in `excluded`, sorted, of the `effort` items that a walk ends with; perhaps fewer.
  std::vector<Found> Search(std::span<const float> query, std::int64_t k, std::int64_t effort,
                            std::span<const std::int32_t> excluded) const {
    static thread_local std::vector<float> padded;
    padded.assign(static_cast<std::size_t>(Padded(std::ssize(query))), 0.0F);
    std::ranges::copy(query, padded.begin());
    std::vector<Found> found;
    for (auto near = graph_.searchKnn(padded.data(), static_cast<std::size_t>(effort)); !near.empty(); near.pop()) {
      const Found one{-near.top().first, static_cast<std::int32_t>(near.top().second)};
      if (!std::isnan(one.score) && !std::binary_search(excluded.begin(), excluded.end(), one.item)) {
        found.push_back(one);
      }
    }
    KeepBest(found, k);
    return found;
  }

 private:
  InnerProducts space_;
  hnswlib::HierarchicalNSW<float> graph_;
};

ItemIndex::ItemIndex(IndexKind kind, IndexOptions options) : kind_(kind), options_(options) {
  RECFORCE_CHECK(options.m >= 2 && options.m <= 256 && options.ef_construction > 0 && options.ef > 0,
                 "an option of the index is out of its range");
}
ItemIndex::~ItemIndex() = default;

void ItemIndex::Build(base::MatrixView<const float> items) {
  const std::span<const float> values(items.data, static_cast<std::size_t>(items.rows * items.cols));
  const auto bad = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (bad != values.end()) {
    throw base::Error(base::ErrorKind::kDiverged,
                      "vector of item " + std::to_string((bad - values.begin()) / items.cols) +
                          ": not finite: " + base::FormatReal(*bad) + "; vectors of an index are finite numbers");
  }
  graph_.reset();
  vectors_.assign(values.begin(), values.end());
  items_ = {vectors_.data(), items.rows, items.cols};
  if (kind_ == IndexKind::kHnsw && items.rows > 0) {
    graph_ = std::make_unique<const Graph>(items_, options_);
  }
}

void ItemIndex::Search(base::MatrixView<const float> queries, std::int64_t k, const ExcludedItems& excluded,
                       base::MatrixView<std::int32_t> out) const {
  RECFORCE_CHECK(k > 0 && out.rows == queries.rows && out.cols == k, "the answer has another shape than the question");
  RECFORCE_CHECK(size() == 0 || queries.cols == items_.cols, "queries are as wide as items");
  if (graph_ != nullptr) {
    SearchGraph(queries, k, excluded, out);
  } else {
    SearchExactly(queries, k, excluded, out);
  }
}

void ItemIndex::SearchExactly(base::MatrixView<const float> queries, std::int64_t k, const ExcludedItems& excluded,
                              base::MatrixView<std::int32_t> out) const {
  const std::int64_t groups = (queries.rows + kQueries - 1) / kQueries;
  const std::int64_t stripes = (size() + kStripe - 1) / kStripe;
  std::vector<std::vector<std::vector<Found>>> best(static_cast<std::size_t>(groups * stripes));
  const auto rows_of = [&](std::int64_t group) { return std::min(kQueries, queries.rows - group * kQueries); };
  base::ParallelFor(0, groups * stripes, 1, [&](std::int64_t piece, std::int64_t) {
    const std::int64_t group = piece / stripes;
    const std::int64_t first_row = group * kQueries;
    const std::int64_t begin = piece % stripes * kStripe;
    std::vector<std::vector<std::int32_t>> left_out;
    for (std::int64_t row = first_row; row < first_row + rows_of(group); ++row) {
      left_out.push_back(Sorted(excluded, row));
    }
    best[static_cast<std::size_t>(piece)] =
        BestOfStripe(items_, begin, std::min(begin + kStripe, size()),
                     {queries.data + first_row * queries.cols, rows_of(group), queries.cols}, k, left_out);
  });
  base::ParallelFor(0, queries.rows, kQueries, [&](std::int64_t begin, std::int64_t end) {
    std::vector<Found> all;
    for (std::int64_t row = begin; row < end; ++row) {
      all.clear();
      for (std::int64_t stripe = 0; stripe < stripes; ++stripe) {
        const auto& part =
            best[static_cast<std::size_t>(row / kQueries * stripes + stripe)][static_cast<std::size_t>(row % kQueries)];
        all.insert(all.end(), part.begin(), part.end());
      }
      KeepBest(all, k);
      Write(all, out.row(row));
    }
  });
}

void ItemIndex::SearchGraph(base::MatrixView<const float> queries, std::int64_t k, const ExcludedItems& excluded,
                            base::MatrixView<std::int32_t> out) const {
  std::vector<std::uint8_t> is_short(static_cast<std::size_t>(queries.rows), 0);
  const std::int64_t usual = std::max(options_.ef, k);
  base::ParallelFor(0, queries.rows, kGraphQueries, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::vector<std::int32_t> left_out = Sorted(excluded, row);
      // Excluded items may all be near; beyond twice the usual effort the exact search is the cheaper one.
      const std::int64_t effort = usual + std::min(static_cast<std::int64_t>(left_out.size()), usual);
      const std::vector<Found> found = graph_->Search(queries.row(row), k, effort, left_out);
      Write(found, out.row(row));
      is_short[static_cast<std::size_t>(row)] = static_cast<std::uint8_t>(std::ssize(found) < k);
    }
  });
  std::vector<std::int64_t> rows;
  std::vector<float> again;
  for (std::int64_t row = 0; row < queries.rows; ++row) {
    if (is_short[static_cast<std::size_t>(row)] != 0) {
      rows.push_back(row);
      again.insert(again.end(), queries.row(row).begin(), queries.row(row).end());
    }
  }
  const auto count = std::ssize(rows);
  std::vector<std::int32_t> answers(static_cast<std::size_t>(count * k));
  const base::MatrixView<std::int32_t> exact{answers.data(), count, k};
  const ExcludedItems of_rows = [&](std::int64_t at) { return excluded(rows[static_cast<std::size_t>(at)]); };
  SearchExactly({again.data(), count, queries.cols}, k, excluded ? of_rows : ExcludedItems(), exact);
  for (std::int64_t at = 0; at < count; ++at) {
    std::ranges::copy(exact.row(at), out.row(rows[static_cast<std::size_t>(at)]).begin());
  }
}

double ItemIndex::Recall(base::MatrixView<const float> queries, std::int64_t k) const {
  const auto numbers = static_cast<std::size_t>(queries.rows * k);
  std::vector<std::int32_t> exact(numbers);
  std::vector<std::int32_t> own(numbers);
  SearchExactly(queries, k, {}, {exact.data(), queries.rows, k});
  Search(queries, k, {}, {own.data(), queries.rows, k});
  std::int64_t wanted = 0;
  std::int64_t hits = 0;
  for (auto row = exact.begin(), found = own.begin(); row != exact.end(); row += k, found += k) {
    const auto end = std::find(row, row + k, -1);
    wanted += end - row;
    hits += std::count_if(row, end, [&](std::int32_t item) { return std::find(found, found + k, item) != found + k; });
  }
  return wanted == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(wanted);
}

}  // namespace recforce::nn
