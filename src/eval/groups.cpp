// SPDX-License-Identifier: Apache-2.0
#include "recforce/eval/groups.h"

#include <algorithm>
#include <cstddef>

#include "recforce/base/error.h"

namespace recforce::eval {
namespace {

// [rows] how many events each row shows.
std::vector<double> Activity(const data::EvalSet& set) {
  const data::Csr& events = set.sequence.rows() == 0 ? set.input : set.sequence;
  std::vector<double> measure;
  for (std::int64_t row = 0; row < events.rows(); ++row) {
    measure.push_back(static_cast<double>(events.row(row).size()));
  }
  return measure;
}

// [rows] the mean number of training users of the items that each row shows.
std::vector<double> Mainstream(const data::EvalSet& set, data::CsrView train, std::int64_t num_items) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(num_items), 0);
  for (std::int64_t user = 0; user < train.rows(); ++user) {
    for (const std::int32_t item : train.row(user)) {
      ++counts[static_cast<std::size_t>(item)];
    }
  }
  std::vector<double> measure;
  for (std::int64_t row = 0; row < set.input.rows(); ++row) {
    std::int64_t sum = 0;
    for (const std::int32_t item : set.input.row(row)) {
      sum += counts[static_cast<std::size_t>(item)];
    }
    const std::size_t size = std::max<std::size_t>(1, set.input.row(row).size());
    measure.push_back(static_cast<double>(sum) / static_cast<double>(size));
  }
  return measure;
}

// The largest measure of the first and of the second third.
std::pair<double, double> Cuts(std::vector<double> measure) {
  std::sort(measure.begin(), measure.end());
  return {measure[(measure.size() + 2) / 3 - 1], measure[(2 * measure.size() + 2) / 3 - 1]};
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

Summary SummarizeGroup(const EvalResult& result, const std::vector<std::int32_t>& of_row, std::int32_t group,
                       std::size_t metric) {
  RECFORCE_CHECK(static_cast<std::int64_t>(of_row.size()) == result.users, "groups of another evaluation");
  std::vector<double> values;
  for (std::size_t row = 0; row < of_row.size(); ++row) {
    if (of_row[row] == group) {
      values.push_back(result.per_user[row * result.metrics.size() + metric]);
    }
  }
  return Summarize(values);
}

}  // namespace recforce::eval
