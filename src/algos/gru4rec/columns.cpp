// SPDX-License-Identifier: Apache-2.0
#include "algos/gru4rec/columns.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

std::vector<double> TargetCounts(data::CsrView events, std::int64_t num_items) {
  std::vector<double> counts(static_cast<std::size_t>(num_items), 0.0);
  for (std::int64_t r = 0; r < events.rows(); ++r) {
    const auto row = events.row(r);
    for (std::size_t at = 1; at < row.size(); ++at) {
      counts[static_cast<std::size_t>(row[at])] += 1.0;
    }
  }
  for (double& count : counts) {
    count = std::max(count, 1.0);
  }
  return counts;
}

std::vector<double> Powers(std::vector<double> values, double exponent) {
  for (double& value : values) {
    value = std::pow(value, exponent);
  }
  return values;
}

double Sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

}  // namespace

Columns::Columns(data::CsrView events, std::int64_t num_items, const ColumnOptions& options)
    : options_(options),
      counts_(TargetCounts(events, num_items)),
      total_(Sum(counts_)),
      weights_(Powers(counts_, options.exponent)),
      total_weight_(Sum(Powers(counts_, options.exponent))) {}

void Columns::Draw(std::span<const std::int32_t> targets, std::uint64_t seed, std::uint64_t epoch, std::int64_t step,
                   std::vector<std::int32_t>& columns) const {
  columns.assign(targets.begin(), targets.end());
  base::Rng rng(seed, base::Stream::kNegatives, epoch, static_cast<std::uint32_t>(step));
  const std::size_t last = weights_.size() - 1;
  for (std::int64_t draw = 0; draw < options_.negatives; ++draw) {
    columns.push_back(static_cast<std::int32_t>(std::min(weights_.At(rng.Uniform()), last)));
  }
}

void Columns::Shift(std::span<const std::int32_t> columns, std::int64_t targets, std::vector<float>& shift) const {
  shift.clear();
  if (options_.logq == 0.0) {
    return;
  }
  const double of_target = static_cast<double>(targets) / total_;
  const double of_draw = static_cast<double>(options_.negatives) / total_weight_;
  for (std::size_t at = 0; at < columns.size(); ++at) {
    const auto item = static_cast<std::size_t>(columns[at]);
    double expected = 0.0;
    if (options_.expected_counts) {
      expected = of_target * counts_[item] + of_draw * weights_[item];
    } else {
      expected = static_cast<std::int64_t>(at) < targets ? counts_[item] : weights_[item];
    }
    shift.push_back(static_cast<float>(-options_.logq * std::log(expected)));
  }
}

}  // namespace recforce::algos
