// SPDX-License-Identifier: Apache-2.0
#include "recforce/eval/groups.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>

#include "eval/gauc.h"
#include "recforce/base/error.h"

namespace recforce::eval {
namespace {

// What each row shows, with repeats where the log has them.
const data::Csr& Events(const data::EvalSet& set) { return set.sequence.rows() == 0 ? set.input : set.sequence; }

// [rows] how many events each row shows.
std::vector<double> Activity(const data::EvalSet& set) {
  const data::Csr& events = Events(set);
  std::vector<double> measure;
  for (std::int64_t row = 0; row < events.rows(); ++row) {
    measure.push_back(static_cast<double>(events.row(row).size()));
  }
  return measure;
}

// [rows] the mean number of training users of the items of the events that each row shows.
std::vector<double> Mainstream(const data::EvalSet& set, data::CsrView train, std::int64_t num_items) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(num_items), 0);
  for (std::int64_t user = 0; user < train.rows(); ++user) {
    for (const std::int32_t item : train.row(user)) {
      ++counts[static_cast<std::size_t>(item)];
    }
  }
  const data::Csr& events = Events(set);
  std::vector<double> measure;
  for (std::int64_t row = 0; row < events.rows(); ++row) {
    std::int64_t sum = 0;
    for (const std::int32_t item : events.row(row)) {
      sum += counts[static_cast<std::size_t>(item)];
    }
    const std::size_t size = std::max<std::size_t>(1, events.row(row).size());
    measure.push_back(static_cast<double>(sum) / static_cast<double>(size));
  }
  return measure;
}

// The largest measures of the first and of the second group: of the places between different measures, those nearest
// to a third and to two thirds of the rows.
std::pair<double, double> Cuts(std::vector<double> measure) {
  std::sort(measure.begin(), measure.end());
  const std::size_t size = measure.size();
  const auto nearest = [&](std::size_t thirds, std::size_t after) {
    std::size_t best = size;
    std::size_t best_distance = std::numeric_limits<std::size_t>::max();
    for (std::size_t at = after + 1; at < size; ++at) {
      const std::size_t distance = 3 * at > thirds * size ? 3 * at - thirds * size : thirds * size - 3 * at;
      if (measure[at - 1] < measure[at] && distance <= best_distance) {
        best = at;
        best_distance = distance;
      }
    }
    return best;
  };
  const std::size_t first = nearest(1, 0);
  if (first == size) {  // all alike: the group in the middle
    return {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  }
  const std::size_t second = nearest(2, first);
  return {measure[first - 1], measure[(second == size ? first : second) - 1]};
}

}  // namespace

UserGroups GroupUsers(const std::string& kind, const data::EvalSet& set, data::CsrView train, std::int64_t num_items) {
  UserGroups groups;
  if (kind == "none" || set.rows() == 0) {
    return groups;
  }
  std::vector<double> measure;
  if (kind == "activity") {
    groups.names = {"light", "medium", "heavy"};
    measure = Activity(set);
  } else if (kind == "mainstream") {
    groups.names = {"niche", "mixed", "mainstream"};
    measure = Mainstream(set, train, num_items);
  } else {
    throw base::Error(base::ErrorKind::kUsage,
                      "eval.groups: no such grouping: '" + kind + "'; allowed: none, activity, mainstream");
  }
  const auto [first, second] = Cuts(measure);
  for (const double value : measure) {
    groups.of_row.push_back(value <= first ? 0 : value <= second ? 1 : 2);
  }
  return groups;
}

Summary SummarizeRows(const EvalResult& result, std::span<const std::size_t> rows, std::size_t metric) {
  std::vector<double> values;
  for (const std::size_t row : rows) {
    values.push_back(result.per_user[row * result.metrics.size() + metric]);
  }
  if (result.metrics[metric].kind != MetricKind::kGauc || rows.empty() || result.targets.empty()) {
    return Summarize(values);
  }
  // Back from the column to each row's AUC, then to the column that these rows alone would have.
  const double all = result.Mean(metric);
  const double mean_targets =
      std::accumulate(result.targets.begin(), result.targets.end(), 0.0) / static_cast<double>(result.targets.size());
  std::vector<std::int32_t> targets;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    targets.push_back(result.targets[rows[n]]);
    values[n] = all + (values[n] - all) * mean_targets / targets.back();
  }
  WeighByTargets(values, targets);
  return Summarize(values);
}

Summary SummarizeGroup(const EvalResult& result, const std::vector<std::int32_t>& of_row, std::int32_t group,
                       std::size_t metric) {
  RECFORCE_CHECK(static_cast<std::int64_t>(of_row.size()) == result.users, "groups of another evaluation");
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < of_row.size(); ++row) {
    if (of_row[row] == group) {
      rows.push_back(row);
    }
  }
  return SummarizeRows(result, rows, metric);
}

}  // namespace recforce::eval
