// SPDX-License-Identifier: Apache-2.0
// The items whose vectors have the largest inner products with a query, exactly or through a graph of neighbours
// (docs/decisions/0004-nearest-items.md says when which). Without libtorch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "recforce/base/matrix_view.h"

namespace recforce::nn {

enum class IndexKind {
  kExact,  // every item, by matrix products
  kHnsw,   // hierarchical navigable small world graphs (Malkov and Yashunin, 2020) over inner products
};

// Read by kHnsw only.
struct IndexOptions {
  std::int64_t m = 16;                 // links of an item; twice as many in the lowest layer. 2 to 256
  std::int64_t ef_construction = 200;  // candidates that are kept while an item is linked; > 0
  std::int64_t ef = 500;               // candidates that are kept while a query is answered; > 0
  std::uint64_t seed = 0;              // of the layers of items
};

// Items that the answer to query `row` leaves out: in any order, repeats allowed, what is no item of the index is
// passed over. Called from several threads. An empty function leaves nothing out.
using ExcludedItems = std::function<std::span<const std::int32_t>(std::int64_t row)>;

// Immutable between calls of Build; Search and Recall are safe from several threads.
class ItemIndex {
 public:
  explicit ItemIndex(IndexKind kind, IndexOptions options = {});
  ~ItemIndex();

  // Takes a copy of the vectors, [items, d], in place of those before (kHnsw: two copies, and one thread that works
  // for 20 s at 10^5 items of width 64). The same vectors and options give the same answers. Vectors that are not
  // finite are an error of kind Diverged.
  void Build(base::MatrixView<const float> items);

  // out: [B, k], for each row of queries, [B, d], the k items of largest inner product, best first, the lower index
  // first among equal ones, -1 where fewer are left. Items whose product is NaN are not found. kHnsw may miss some, but
  // never returns fewer than there are: rows that come out short are searched exactly. The same bytes on any number of
  // threads. REQUIRES: nn::UseOneBlasThread() was called.
  void Search(base::MatrixView<const float> queries, std::int64_t k, const ExcludedItems& excluded,
              base::MatrixView<std::int32_t> out) const;

  // The share of the exact k best items that Search finds, over all queries, where nothing is excluded; 1 where there
  // is nothing to find. It is lower where the best are excluded. REQUIRES: as Search.
  [[nodiscard]] double Recall(base::MatrixView<const float> queries, std::int64_t k) const;

  [[nodiscard]] std::int64_t size() const { return items_.rows; }

 private:
  class Graph;

  void SearchExactly(base::MatrixView<const float> queries, std::int64_t k, const ExcludedItems& excluded,
                     base::MatrixView<std::int32_t> out) const;
  void SearchGraph(base::MatrixView<const float> queries, std::int64_t k, const ExcludedItems& excluded,
                   base::MatrixView<std::int32_t> out) const;

  IndexKind kind_;
  IndexOptions options_;
  std::vector<float> vectors_;
  base::MatrixView<const float> items_;  // of vectors_
  std::unique_ptr<const Graph> graph_;   // kHnsw, and there are items
};

}  // namespace recforce::nn
