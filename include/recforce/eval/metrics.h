// SPDX-License-Identifier: Apache-2.0
// The metrics: their names, what each is computed from, and the values of those that need only the ranks of a user's
// targets. Formulas, with worked examples: docs/metrics.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace recforce::eval {

enum class MetricKind {
  kNdcg,
  kRecall,
  kPrecision,
  kMap,
  kMrr,
  kHitRate,
  kAuc,      // of each user
  kGauc,     // the same, weighted by the number of targets
  kNovelty,  // of each user's list, as are the next two
  kPopularityLift,
  kDiversity,
  kCoverage,  // of all lists together
  kGini,
};

// What a metric is computed from.
enum class MetricScope {
  kHits,    // the ranks of a user's targets
  kScores,  // all scores of a user
  kList,    // a user's first k items, whatever the targets
  kSet,     // everybody's first k items: no value for one user
};

struct Metric {
  MetricKind kind;
  std::int64_t k;    // 0 for auc and gauc
  std::string name;  // "ndcg@100"

  [[nodiscard]] MetricScope scope() const;
  // Whether a better model has more of it; false for what merely describes the lists.
  [[nodiscard]] bool measures_targets() const {
    return scope() == MetricScope::kHits || scope() == MetricScope::kScores;
  }
};

// Where libraries divide by different things.
enum class Definitions {
  kRecforce,  // recall@k divides by min(k, |T|), so that a perfect ranking has the value 1
  kRecbole,   // recall@k divides by |T|
};

// "ndcg@100", "recall@20", "precision@10", "map@10", "mrr@10", "hr@10", "auc", "gauc", "novelty@10",
// "popularity_lift@10", "diversity@10", "coverage@10", "gini@10". Error(Usage) with the nearest name.
Metric ParseMetric(const std::string& name);
std::vector<Metric> ParseMetrics(std::span<const std::string> names);

// hits: the 0-based ranks, ascending, at which a target stands among all items that are ranked; those below k_max of
// all metrics suffice. num_targets = |T| > 0. REQUIRES: scope kHits.
//   recall@k    hits in the first k / min(k, |T|)
//   ndcg@k      sum over hits 1 / log2(rank + 2), over the same sum for ranks 0 .. min(k, |T|) - 1
//   precision@k hits in the first k / k
//   map@k       sum over hits of precision at the hit / min(k, |T|)
//   mrr@k       1 / (rank of the first hit + 1), 0 beyond k
//   hr@k        1 when the first k hold a target
double Value(const Metric& metric, std::span<const std::int32_t> hits, std::int64_t num_targets,
             Definitions definitions = Definitions::kRecforce);

}  // namespace recforce::eval
