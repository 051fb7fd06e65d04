// SPDX-License-Identifier: Apache-2.0
// Ranking metrics of one user. T: the user's targets; hits: the 0-based ranks, ascending, at which a target
// stands in the ranking of all items that the model was not shown.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace recforce::eval {

enum class MetricKind { kNdcg, kRecall, kPrecision, kMap, kMrr, kHitRate };

struct Metric {
  MetricKind kind;
  std::int64_t k;
  std::string name;  // "ndcg@100"
};

// "ndcg@100", "recall@20", "precision@10", "map@10", "mrr@10", "hr@10". Error(Usage) with the nearest name.
Metric ParseMetric(const std::string& name);
std::vector<Metric> ParseMetrics(std::span<const std::string> names);

// hits: ranks below k_max of all metrics suffice. num_targets = |T| > 0.
//   recall@k    hits in the first k / min(k, |T|)
//   ndcg@k      sum over hits 1 / log2(rank + 2), over the same sum for ranks 0 .. min(k, |T|) - 1
//   precision@k hits in the first k / k
//   map@k       sum over hits of precision at the hit / min(k, |T|)
//   mrr@k       1 / (rank of the first hit + 1), 0 beyond k
//   hr@k        1 when the first k hold a target
double Value(const Metric& metric, std::span<const std::int32_t> hits, std::int64_t num_targets);

}  // namespace recforce::eval
