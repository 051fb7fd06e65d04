// SPDX-License-Identifier: Apache-2.0
// The numbers of a report, from per-user values: tables, paired differences, groups of users, histograms.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recforce/eval/compare.h"
#include "recforce/eval/evaluator.h"

namespace recforce::report {

struct Estimate {
  double mean = 0.0;
  double half_width = 0.0;  // of the 95 % normal interval over users; 0 for fewer than two
};
Estimate EstimateOf(std::span<const double> values);

// Rows are runs, columns are metrics in the order in which the runs first name them.
struct MetricTable {
  std::vector<std::string> metrics;
  std::vector<bool> more_is_better;                         // of each metric: false for one that only describes lists
  std::vector<std::vector<std::optional<Estimate>>> cells;  // [run][metric]; empty where it was not measured
  // The same of all lists together (coverage, Gini): more is not better there.
  std::vector<std::string> set_metrics;
  std::vector<std::vector<std::optional<Estimate>>> set_cells;  // [run][set metric]
  // Whether the cell of `cells` is the highest of its column; equal ones all are. False where fewer than two runs have
  // one, and where more is not better.
  [[nodiscard]] bool IsBest(std::size_t run, std::size_t metric) const;
};
// A null pointer is a run without an evaluation.
MetricTable MakeMetricTable(std::span<const eval::EvalResult* const> runs);

// One run minus the reference on one metric, over the same users.
struct Difference {
  std::size_t run = 0;
  std::string metric;
  eval::Comparison comparison;
  double p_holm = 1.0;  // adjusted for the runs that are compared with the reference on this metric
};
// All runs but the reference, for each of `metrics` that both have measured. Order: metrics, then runs.
std::vector<Difference> CompareWith(std::size_t reference, std::span<const eval::EvalResult* const> runs,
                                    std::span<const std::string> metrics);

// The metric that a report is about: `wanted`, or `preferred` where every evaluated run has it, or the first that
// all have, or the first of all. Error(NotFound) when no run has measured `wanted`. Empty without evaluations.
std::string PrimaryMetric(const MetricTable& table, const std::optional<std::string>& wanted,
                          const std::string& preferred);

// Test rows by how many items the model was shown: at most `count` groups of about equal size, never one length in
// two groups. Ascending.
struct ActivityGroup {
  std::int64_t least = 0;  // items shown
  std::int64_t most = 0;
  std::vector<std::size_t> rows;
};
std::vector<ActivityGroup> GroupByActivity(std::span<const std::int64_t> lengths, std::size_t count);

// Differences a[u] - b[u] that are not zero, in `bins` bins of equal width over [-reach, reach]; `bins` is even, so
// that zero is an edge. REQUIRES: no magnitude above `reach`, reach > 0.
std::vector<std::int64_t> BinDifferences(std::span<const double> a, std::span<const double> b, double reach,
                                         std::size_t bins);
// The largest magnitude of a difference.
double LargestDifference(std::span<const double> a, std::span<const double> b);

}  // namespace recforce::report
