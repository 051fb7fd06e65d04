// SPDX-License-Identifier: Apache-2.0
// Names and values of the ranking metrics; docs/metrics.md gives the formulas with a worked example.
#include "recforce/eval/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <set>
#include <string_view>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::eval {
namespace {

constexpr std::int64_t kLargestCutoff = 1'000'000'000;

struct KnownMetric {
  std::string_view name;
  MetricKind kind;
  MetricScope scope;
};
constexpr std::array kKnownMetrics = {
    KnownMetric{"ndcg", MetricKind::kNdcg, MetricScope::kHits},
    KnownMetric{"recall", MetricKind::kRecall, MetricScope::kHits},
    KnownMetric{"hr", MetricKind::kHitRate, MetricScope::kHits},
    KnownMetric{"precision", MetricKind::kPrecision, MetricScope::kHits},
    KnownMetric{"map", MetricKind::kMap, MetricScope::kHits},
    KnownMetric{"mrr", MetricKind::kMrr, MetricScope::kHits},
    KnownMetric{"auc", MetricKind::kAuc, MetricScope::kScores},
    KnownMetric{"gauc", MetricKind::kGauc, MetricScope::kScores},
    KnownMetric{"novelty", MetricKind::kNovelty, MetricScope::kList},
    KnownMetric{"popularity_lift", MetricKind::kPopularityLift, MetricScope::kList},
    KnownMetric{"diversity", MetricKind::kDiversity, MetricScope::kList},
    KnownMetric{"coverage", MetricKind::kCoverage, MetricScope::kSet},
    KnownMetric{"gini", MetricKind::kGini, MetricScope::kSet},
};

KnownMetric ParseKind(const std::string& whole, std::string_view word) {
  std::vector<std::string> words;
  for (const KnownMetric& known : kKnownMetrics) {
    if (known.name == word) {
      return known;
    }
    words.emplace_back(known.name);
  }
  const std::string hint = base::DidYouMean(word, words);
  throw base::Error(base::ErrorKind::kUsage, "metric '" + whole + "': unknown name: '" + std::string(word) + "'" +
                                                 (hint.empty() ? "; " : hint + " ") +
                                                 "known metrics: " + base::Join(words, ", "));
}

double Discount(std::int64_t rank) { return 1.0 / std::log2(static_cast<double>(rank) + 2.0); }

// Discounts of the first ranks and their running sums, since most cutoffs are small.
struct DiscountTable {
  static constexpr std::size_t kSize = 1024;
  std::array<double, kSize> discount{};
  std::array<double, kSize + 1> sum{};
  DiscountTable() {
    for (std::size_t rank = 0; rank < kSize; ++rank) {
      discount[rank] = Discount(static_cast<std::int64_t>(rank));
      sum[rank + 1] = sum[rank] + discount[rank];
    }
  }
};

// Sums add in rank order, so that a perfect ranking gives exactly 1.
double Ndcg(std::span<const std::int32_t> hits, std::int64_t ideal_hits) {
  static const DiscountTable table;
  double gain = 0.0;
  for (const std::int32_t rank : hits) {
    const auto at = static_cast<std::size_t>(rank);
    gain += at < DiscountTable::kSize ? table.discount[at] : Discount(rank);
  }
  const auto in_table = std::min(ideal_hits, static_cast<std::int64_t>(DiscountTable::kSize));
  double ideal = table.sum[static_cast<std::size_t>(in_table)];
  for (std::int64_t rank = in_table; rank < ideal_hits; ++rank) {
    ideal += Discount(rank);
  }
  return gain / ideal;
}

double SumOfPrecisions(std::span<const std::int32_t> hits) {
  double sum = 0.0;
  for (std::size_t found = 0; found < hits.size(); ++found) {
    sum += static_cast<double>(found + 1) / static_cast<double>(hits[found] + 1);
  }
  return sum;
}

}  // namespace

MetricScope Metric::scope() const {
  for (const KnownMetric& known : kKnownMetrics) {
    if (known.kind == kind) {
      return known.scope;
    }
  }
  RECFORCE_CHECK(false, "a metric of no kind");
  return MetricScope::kHits;
}

Metric ParseMetric(const std::string& name) {
  const std::size_t at = name.find('@');
  const std::string_view word = std::string_view(name).substr(0, at);
  const KnownMetric known = ParseKind(name, word);
  if (known.scope == MetricScope::kScores) {
    if (at != std::string::npos) {
      throw base::Error(base::ErrorKind::kUsage, "metric '" + name + "': takes no cutoff: '" + name.substr(at + 1) +
                                                     "'; expected " + std::string(word) + " alone");
    }
    return {known.kind, 0, name};
  }
  const std::string cutoff = at == std::string::npos ? "" : name.substr(at + 1);
  const std::optional<std::int64_t> k = base::ParseInt(cutoff);
  if (!k || *k < 1 || *k > kLargestCutoff) {
    throw base::Error(base::ErrorKind::kUsage,
                      "metric '" + name + "': bad cutoff: '" + cutoff + "'; expected a whole number in [1, " +
                          std::to_string(kLargestCutoff) + "], like " + std::string(word) + "@10");
  }
  return {known.kind, *k, std::string(word) + "@" + std::to_string(*k)};
}

std::vector<Metric> ParseMetrics(std::span<const std::string> names) {
  if (names.empty()) {
    throw base::Error(base::ErrorKind::kUsage, "metrics: the list is empty; expected at least one, like ndcg@10");
  }
  std::vector<Metric> metrics;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    Metric metric = ParseMetric(name);
    if (!seen.insert(metric.name).second) {
      throw base::Error(base::ErrorKind::kUsage, "metrics: listed twice: '" + metric.name + "'; name each one once");
    }
    metrics.push_back(std::move(metric));
  }
  return metrics;
}

double Value(const Metric& metric, std::span<const std::int32_t> hits, std::int64_t num_targets,
             Definitions definitions) {
  RECFORCE_CHECK(num_targets > 0, "a user without targets has no metrics");
  std::size_t count = 0;
  while (count < hits.size() && hits[count] < metric.k) {
    ++count;
  }
  const std::span<const std::int32_t> inside = hits.first(count);
  const std::int64_t ideal_hits = std::min(metric.k, num_targets);
  switch (metric.kind) {
    case MetricKind::kNdcg:
      return Ndcg(inside, ideal_hits);
    case MetricKind::kRecall:
      return static_cast<double>(count) /
             static_cast<double>(definitions == Definitions::kRecbole ? num_targets : ideal_hits);
    case MetricKind::kPrecision:
      return static_cast<double>(count) / static_cast<double>(metric.k);
    case MetricKind::kMap:
      return SumOfPrecisions(inside) / static_cast<double>(ideal_hits);
    case MetricKind::kMrr:
      return count == 0 ? 0.0 : 1.0 / static_cast<double>(inside[0] + 1);
    case MetricKind::kHitRate:
      return count == 0 ? 0.0 : 1.0;
    default:
      break;
  }
  RECFORCE_CHECK(false, "a metric that hits alone do not give");
  return 0.0;
}

}  // namespace recforce::eval
