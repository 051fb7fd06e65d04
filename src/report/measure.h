// SPDX-License-Identifier: Apache-2.0
// The numbers of a report, from per-user values: tables, paired differences, histograms.
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
  // The column of a metric, empty where no run has measured it.
  [[nodiscard]] std::optional<std::size_t> Column(const std::string& metric) const;
  // Whether more of the metric is better; false for one without a column.
  [[nodiscard]] bool MoreIsBetter(const std::string& metric) const;
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

// `name` as results spell it. Error(Usage) for a word that is no metric and, beginning with `where`, for a metric of
// all lists together, which has no value for a single user that could be paired.
std::string UserMetric(const std::string& where, const std::string& name);

// Error(NotFound) that begins with `where` and says how to measure `metric`, when it is none of `measured`.
void RequireMeasured(const std::string& where, const std::string& metric, std::span<const std::string> measured);

// The metric that a report is about: `wanted`, or `preferred` where every run with metrics of single users has it.
// Otherwise the first that all those have, or the first of all; where there is a choice, one of which more is better.
// Error(NotFound) when no run has measured `wanted`. Empty where no run has a metric of single users.
std::string PrimaryMetric(const MetricTable& table, const std::optional<std::string>& wanted,
                          const std::string& preferred);

// Differences a[u] - b[u] that are not zero, in `bins` bins of equal width over [-reach, reach]; `bins` is even, so
// that zero is an edge. REQUIRES: no magnitude above `reach`, reach > 0.
std::vector<std::int64_t> BinDifferences(std::span<const double> a, std::span<const double> b, double reach,
                                         std::size_t bins);
// The largest magnitude of a difference.
double LargestDifference(std::span<const double> a, std::span<const double> b);

}  // namespace recforce::report
