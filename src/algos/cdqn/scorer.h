// SPDX-License-Identifier: Apache-2.0
// Q of many items at one position of a slate. The first layer is cut in two: what stands before (state and items
// chosen) is multiplied once a row, items once for each change of the parameters, so that an item costs a sum and the
// layers that follow. Shapes: B rows, C items of the catalogue, H units of the first layer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "algos/cdqn/networks.h"
#include "recforce/base/idle_list.h"

namespace recforce::algos {

// What stands before the item that is judged.
struct CdqnContexts {
  base::MatrixView<const std::int32_t> recent;  // [B, m]
  base::MatrixView<const std::int32_t> chosen;  // [B, j]: position j is judged
};

// Scoring is thread-safe, as long as the parameters stay as they are.
class CdqnScorer {
 public:
  // Shares the memory of `params`. catalogue: the items that slates are made of, ascending; empty: all. aten: in ATen
  // calls, as on other devices than the CPU, where there is no choice.
  explicit CdqnScorer(CdqnParams params, std::vector<std::int32_t> catalogue = {}, bool aten = false);

  // To be called after every change of the parameters.
  void Refresh();

  [[nodiscard]] const CdqnParams& params() const { return params_; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(catalogue_.size()); }  // C
  [[nodiscard]] std::int32_t item(std::int64_t place) const { return catalogue_[static_cast<std::size_t>(place)]; }
  [[nodiscard]] const std::vector<std::int32_t>& catalogue() const { return catalogue_; }

  // Takes Q of places [first, first + q.size()) of a row's list. Called on several threads, but for one row on one, by
  // ascending places.
  using Sink = std::function<void(std::int64_t row, std::int64_t first, std::span<const float> q)>;
  // Of the whole catalogue, by place.
  void ScoreAll(const CdqnContexts& contexts, const Sink& sink) const { Score(contexts, {}, sink); }
  // Of a list for each row. places: [B, M] places in the catalogue, or C: no item.
  void ScoreSome(const CdqnContexts& contexts, base::MatrixView<const std::int32_t> places, const Sink& sink) const {
    Score(contexts, places, sink);
  }
  // Of one place for each row.
  [[nodiscard]] std::vector<float> ScoreOne(const CdqnContexts& contexts, std::span<const std::int32_t> places) const;

 private:
  struct Scratch {
    std::vector<float> context, own, judged, a, b;
  };

  void Score(const CdqnContexts& contexts, base::MatrixView<const std::int32_t> places, const Sink& sink) const;
  void ScoreRows(const CdqnContexts& contexts, base::MatrixView<const std::int32_t> places, std::int64_t begin,
                 std::int64_t end, const Sink& sink, Scratch& scratch) const;
  void ScoreByAten(const CdqnContexts& contexts, base::MatrixView<const std::int32_t> places, const Sink& sink) const;
  // W_x [s; chosen] + c of rows [begin, end): [rows, H].
  const float* Own(const CdqnContexts& contexts, std::int64_t begin, std::int64_t end, Scratch& scratch) const;
  // W_a f of places [begin, end), "no item" at C: [places, H]. From the cache or into `out`.
  const float* Judged(std::int64_t position, std::int64_t begin, std::int64_t end, std::vector<float>& out) const;
  void Multiply(std::int64_t position, std::int64_t begin, std::int64_t end, float* out) const;
  // Q from the outputs of the first layer in scratch.a [rows, H], which are lost. Returns [rows].
  const float* Tail(std::int64_t position, std::int64_t rows, Scratch& scratch) const;

  CdqnParams params_;
  CdqnLayout layout_;
  std::vector<std::int32_t> catalogue_;
  bool aten_;
  std::vector<std::vector<float>> cache_;  // by network: [C + 1, H]; empty where it would be too large
  mutable base::IdleList<Scratch> scratch_;
};

}  // namespace recforce::algos
