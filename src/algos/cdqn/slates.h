// SPDX-License-Identifier: Apache-2.0
// From Q to slates: the cascade of argmaxes with a beam, the best items of an additive Q, and slates that are best
// under a known law of choice (SlateQ: Ie et al., IJCAI 2019). Ties go to the lower item.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algos/cdqn/scorer.h"
#include "recforce/core/choice.h"
#include "recforce/data/csr.h"

namespace recforce::algos {

// The best few of the numbers that it was given: larger first, then lower place.
class BestFew {
 public:
  struct Entry {
    float value;
    std::int32_t place;
  };
  explicit BestFew(std::int64_t limit) : limit_(static_cast<std::size_t>(limit)) {}
  // Whether an entry of this value at a place after all others would stay.
  [[nodiscard]] bool Wants(float value) const { return heap_.size() < limit_ || value > heap_.front().value; }
  void Add(float value, std::int32_t place);
  [[nodiscard]] std::vector<Entry> Sorted() const;

 private:
  std::size_t limit_;
  std::vector<Entry> heap_;  // the worst first
};

struct CascadeOptions {
  std::int64_t beam = 1;        // slates kept at each position; 1 is the paper's cascade
  std::int64_t candidates = 0;  // after position 0 only the best so many by Q^1 are judged; 0: all
  data::CsrView excluded = {};  // [B] items that must not be shown; no rows: none
};

// Slates [B, k] by the cascade: a_j = argmax of Q^j(s, a_1 .. a_j-1, .) over items that are not in the slate yet.
// Places of the catalogue, or -1 where nothing is left. Returns Q of each slate at its last place (-infinity where
// there is none).
std::vector<float> CascadeSlates(const CdqnScorer& scorer, base::MatrixView<const std::int32_t> recent,
                                 const CascadeOptions& options, base::MatrixView<std::int32_t> slates);

// The best item after `chosen` (items) and its Q, for each row.
struct BestNext {
  std::vector<std::int32_t> places;  // [B]
  std::vector<float> q;              // [B]
};
BestNext BestAfter(const CdqnScorer& scorer, const CdqnContexts& contexts);

// The k items with the largest Q at position 0, as places; the largest sum of Q. Returns that sum.
std::vector<float> TopSlates(const CdqnScorer& scorer, base::MatrixView<const std::int32_t> recent,
                             base::MatrixView<std::int32_t> slates);

enum class SlateSearch : std::uint8_t { kTop, kGreedy };

// What a slate is worth under a law of choice: sum of p(a) Q(a), and of p(none) Q(none). utilities, q: of its items.
double SlateWorth(const core::ChoiceRule& rule, std::span<const float> utilities, std::span<const float> q, float none);

// Slates by SlateQ. utilities: [B, I] of all items, q: [B, C] by place, none: [B] Q of choosing nothing.
// kTop: the largest exp(u) (Q - Q(none)); kGreedy: one item after the other, each the best addition.
void ChoiceSlates(const CdqnScorer& scorer, const core::ChoiceRule& rule, SlateSearch search,
                  base::MatrixView<const float> utilities, base::MatrixView<const float> q, std::span<const float> none,
                  base::MatrixView<std::int32_t> slates);

// Q of the whole catalogue at position 0 and of no item.
struct ItemQ {
  std::vector<float> q;     // [B, C]
  std::vector<float> none;  // [B]
};
ItemQ ScoreItems(const CdqnScorer& scorer, base::MatrixView<const std::int32_t> recent);

// Places to items; -1 stays.
void PlacesToItems(const CdqnScorer& scorer, base::MatrixView<std::int32_t> slates);

// What stands before a position of each slate [B, position], and at it [B].
std::vector<std::int32_t> SlatesBefore(base::MatrixView<const std::int32_t> slates, std::int64_t position);
std::vector<std::int32_t> SlatesAt(base::MatrixView<const std::int32_t> slates, std::int64_t position);

}  // namespace recforce::algos
