// SPDX-License-Identifier: Apache-2.0
// What happened in the episodes of an ItemWorld, a ring of the last steps, drawn alike or by how wrong the critic was
// (Schaul et al., "Prioritized Experience Replay", ICLR 2016). A step of all episodes is a block of rows, so that what
// followed a row lies one block further, and sums over several steps need no queue of their own.
// Shapes: E episodes, N items of memory, k items shown at once, d numbers of a proto-action, B rows drawn.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "algos/common/sum_tree.h"
#include "recforce/base/matrix_view.h"
#include "recforce/base/rng.h"
#include "recforce/base/tensor_file.h"
#include "sim/item_world.h"

namespace recforce::algos {

struct ReplayShape {
  std::int64_t episodes = 1;  // E
  std::int64_t memory = 1;    // N
  std::int64_t slate = 1;     // k
  std::int64_t proto = 0;     // d; 0: none are kept
};

enum class ReplayKind { kUniform, kPrioritized };
// What the largest importance weight is that all are divided by.
enum class WeightsOver { kBatch, kBuffer };

struct ReplayOptions {
  ReplayKind kind = ReplayKind::kPrioritized;
  double alpha = 0.6;  // rows are drawn in proportion to p^alpha, p = |difference| + epsilon
  double epsilon = 1e-6;
  WeightsOver weights_over = WeightsOver::kBatch;
};

// A step of all episodes. The first five are what the world said before it.
struct ReplayStep {
  std::span<const std::int32_t> users;          // [E]
  std::span<const std::int64_t> numbers;        // [E]
  std::span<const std::int32_t> steps;          // [E]
  base::MatrixView<const std::int32_t> memory;  // [E, N]
  base::MatrixView<const std::int32_t> slates;  // [E, k]
  base::MatrixView<const float> proto;          // [E, d], empty where none are kept
  std::span<const std::int32_t> liked;          // [E] the item that entered the memory, -1: none
  std::span<const float> reward;                // [E]
  std::span<const sim::EpisodeEnd> end;         // [E]
  std::span<const std::uint8_t> valid;          // [E] 0: the row waited: its slate is not read and it will not be drawn
};

// The items that the episodes of a batch had shown, oldest first, as far as the ring reaches back.
struct ShownItems {
  std::vector<std::int64_t> begin;   // [B + 1] in items
  std::vector<std::int64_t> middle;  // [B] where the items of the transition itself begin
  std::vector<std::int32_t> items;

  // Shown before the transition, and before DrrBatch::after.
  [[nodiscard]] std::span<const std::int32_t> Before(std::size_t row) const {
    return std::span(items).subspan(static_cast<std::size_t>(begin[row]),
                                    static_cast<std::size_t>(middle[row] - begin[row]));
  }
  [[nodiscard]] std::span<const std::int32_t> After(std::size_t row) const {
    return std::span(items).subspan(static_cast<std::size_t>(begin[row]),
                                    static_cast<std::size_t>(begin[row + 1] - begin[row]));
  }
};

// Transitions of `steps` steps, or less where an episode or the ring ends.
struct DrrBatch {
  std::vector<std::int64_t> rows;     // [B] places in the ring, for SetPriorities
  std::vector<std::int32_t> users;    // [B]
  std::vector<std::int64_t> numbers;  // [B] of the episodes
  std::vector<std::int32_t> memory;   // [B, N] before
  std::vector<std::int32_t> slates;   // [B, k]
  std::vector<std::int32_t> liked;    // [B] after the first of the steps, -1: none
  std::vector<float> proto;           // [B, d] or empty
  std::vector<float> reward;          // [B] discounted sum
  std::vector<float> discount;        // [B] of what follows `after`: gamma^steps; 0 where the user left
  std::vector<std::int32_t> after;    // [B, N] memory
  std::vector<float> weight;          // [B] importance weights, 1 at most
  ShownItems shown;                   // filled if asked for
};

// Not thread-safe; uses base::ParallelFor.
class DrrReplay {
 public:
  // Keeps the last `capacity` rows, rounded up to whole blocks.
  DrrReplay(const ReplayShape& shape, std::int64_t capacity, const ReplayOptions& options);

  void Add(const ReplayStep& step);

  [[nodiscard]] std::int64_t size() const { return blocks_ * shape_.episodes; }  // rows, with those that waited
  [[nodiscard]] std::int64_t drawable() const { return drawable_; }              // rows that can be drawn
  [[nodiscard]] bool full() const { return blocks_ == capacity_; }  // whether the next step takes the oldest's place
  // `count` rows, with replacement, from (seed, kReplay, update). gamma discounts rewards; beta is the exponent of the
  // importance weights (drawable() P)^-beta. Without priorities all weights are 1. REQUIRES: drawable() > 0.
  void Draw(std::uint64_t seed, std::uint64_t update, std::int64_t count, std::int64_t steps, double gamma, double beta,
            DrrBatch& batch, bool shown = false) const;
  // What the critic missed by, of either sign, in rows that were drawn; the last one wins where a row is named twice.
  // Nothing happens without priorities. Error(Diverged) for what is not finite.
  void SetPriorities(std::span<const std::int64_t> rows, std::span<const float> differences);
  // In proportion to what a row is drawn: p^alpha. 0 for a row that waited; 1 for every other one without priorities.
  [[nodiscard]] double Priority(std::int64_t row) const;

  // Views that live as long as this object and may not outlive its next Add or SetPriorities.
  void Save(base::TensorSet& set, const std::string& prefix) const;
  // Error(Data) when the state is another's, or names items or users that do not exist. Nothing is changed then.
  void Load(const base::TensorSet& set, const std::string& prefix, std::int64_t num_items, std::int64_t num_users);

 private:
  [[nodiscard]] const std::int32_t* Words(std::int64_t row) const { return words_.data() + row * stride_; }
  [[nodiscard]] std::int64_t rows() const { return capacity_ * shape_.episodes; }
  [[nodiscard]] std::int64_t Next(std::int64_t row) const;  // a block further
  // Kept steps of all episodes before and after that of `row`.
  [[nodiscard]] std::int64_t Behind(std::int64_t row) const;
  [[nodiscard]] std::int64_t Ahead(std::int64_t row) const { return blocks_ - 1 - Behind(row); }
  void DrawRows(base::Rng& rng, std::span<std::int64_t> rows) const;
  void Prefetch(std::int64_t row, std::int64_t steps) const;
  // Row `at` of the batch, but for its weight; of what was shown only how much it is, in begin[at + 1] and middle[at].
  void Copy(std::size_t at, std::int64_t steps, double gamma, DrrBatch& batch) const;
  void Weigh(double beta, DrrBatch& batch) const;
  void FillShown(DrrBatch& batch) const;

  ReplayShape shape_;
  ReplayOptions options_;
  std::int64_t capacity_;            // blocks
  std::int64_t stride_;              // words of a row
  std::int64_t blocks_ = 0;          // filled
  std::int64_t next_ = 0;            // block to be written
  std::int64_t drawable_ = 0;        // rows
  double most_ = 1.0;                // the largest p so far, which new rows have
  std::vector<std::int32_t> words_;  // [rows, stride]: a row lies together, for it is read as a whole
  std::vector<float> proto_;         // [rows, d]
  std::optional<SumTree> tree_;      // with priorities
  std::vector<double> powers_;       // of new priorities, while they are set
};

}  // namespace recforce::algos
