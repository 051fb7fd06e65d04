// SPDX-License-Identifier: Apache-2.0
// What the critic of RaCT learns to predict: a metric of the actor's own ranking of one user, computed on sparse rows.
// The clicks that the mask hid (H0) are relevant, those it showed (H1) leave the ranking. RaCT spec, 1.4.
//
// A metric of one's own: write a RankingFunction, give it a name once at start-up, and use the name as `ract.target`:
//   RegisterRankingTarget("rbp", [](std::span<const std::int64_t> ranks, std::int64_t) {
//     double value = 0.0;
//     for (const std::int64_t rank : ranks) {
//       value += 0.2 * std::pow(0.8, static_cast<double>(rank - 1));
//     }
//     return value;
//   }, true);
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/row_batch.h"
#include "nn/torch.h"

namespace recforce::algos {

// With h_1 < h_2 < ... the ranks (from 1) of H0 that are at most k, n their number and m = min(k, |H0|):
enum class TargetKind : std::uint8_t {
  kNdcg,       // DCG over its largest value, that of ranks 1 .. m
  kDcg,        // sum of 1 / log2(h_i + 1)
  kRecall,     // n / m
  kAp,         // sum of i / h_i, over m
  kMrr,        // 1 / h_1; 0 when n = 0
  kHit,        // 1 when n > 0
  kPrecision,  // n / k
  kCustom,     // a function of all ranks of H0
};

// `ranks`: where each item of H0 stands in the ranking without H1: from 1, ascending, never empty, not cut at any k.
// `relevant`: |H0|. Called from several threads at once.
using RankingFunction = std::function<double(std::span<const std::int64_t> ranks, std::int64_t relevant)>;

struct RankingTarget {
  TargetKind kind = TargetKind::kNdcg;
  std::int64_t k = 100;              // cutoff, at least 1; may exceed the number of items; not read by kCustom
  RankingFunction custom = nullptr;  // of kCustom
  bool bounded = true;               // of kCustom: whether the function stays in [0, 1]
};

// Whether all values lie in [0, 1], so that the critic may end in a sigmoid. The first is not for kCustom, whose bound
// is in the RankingTarget.
bool IsBounded(TargetKind kind);
bool IsBounded(const RankingTarget& target);

// Adds a metric. To be called before training starts: reading the names is thread-safe, adding one is not.
// Error(Usage) when the name is empty or taken, or the function is empty.
void RegisterRankingTarget(std::string name, RankingFunction function, bool bounded);

// ndcg, dcg, recall, ap, mrr, hit, precision, then registered names in the order of registration.
std::vector<std::string> TargetNames();

// The target of that name with cutoff k. Error(Usage) for another name.
RankingTarget ParseTarget(std::string_view name, std::int64_t k = 100);

// One value per user: [B]; 0 where H0 is empty. logits: [B, I] float32 without bias, bias: [I]; neither is changed.
// Exact. Equal scores: the lower item first; NaN below every number. The same bytes for any number of threads.
// Tensors of a device are ranked there. Error(Usage) when a custom function returns what cannot be learned: no finite
// number, or one outside [0, 1] although it is bounded.
// REQUIRES: batch.seen and batch.unseen share no item and name each at most once.
std::vector<double> Targets(const RankingTarget& target, const torch::Tensor& logits, const torch::Tensor& bias,
                            const nn::RowBatch& batch);

// The same by tensor operations alone, for any device; sums may differ in their last bits. The host waits only for
// the result: B numbers, or the ranks of H0 where a custom function needs them.
std::vector<double> TargetsByTensorOps(const RankingTarget& target, const torch::Tensor& logits,
                                       const torch::Tensor& bias, const nn::RowBatch& batch);

}  // namespace recforce::algos
