// SPDX-License-Identifier: Apache-2.0
// One block of users after the other: the recommender scores it from this thread (its BLAS has the cores), then
// the users of the block are ranked and measured in parallel.
#include "recforce/eval/evaluator.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "recforce/base/error.h"
#include "recforce/base/matrix_view.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"
#include "recforce/core/topk.h"

namespace recforce::eval {
namespace {

constexpr std::int64_t kUsersPerChunk = 32;

// Ranks users [begin, end) of the block that starts at row `first` and writes their values.
void MeasureUsers(const data::EvalSet& set, std::int64_t first, base::MatrixView<const float> scores,
                  std::int64_t begin, std::int64_t end, std::int64_t depth, EvalResult* result) {
  core::TopK top(scores.cols);
  std::vector<std::int32_t> hits;
  const std::size_t width = result->metrics.size();
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t user = first + row;
    const std::span<const std::int32_t> targets = set.target.row(user);
    const std::span<const std::int32_t> ranking =
        top.Select(scores.row(row), depth, set.input.row(user), core::Ties::kRelevantLast, targets);
    hits.clear();
    for (std::size_t rank = 0; rank < ranking.size(); ++rank) {
      if (top.IsRelevant(ranking[rank])) {
        hits.push_back(static_cast<std::int32_t>(rank));
      }
    }
    for (std::size_t metric = 0; metric < width; ++metric) {
      result->per_user[static_cast<std::size_t>(user) * width + metric] =
          Value(result->metrics[metric], hits, static_cast<std::int64_t>(targets.size()));
    }
  }
}

}  // namespace

const config::FieldTable& EvalFields() {
  static const config::FieldTable table =
      config::Fields<EvalConfig>()
          .TextList("metrics", &EvalConfig::metrics,
                    "What is measured: ndcg, recall, hr, precision, map or mrr, each with its cutoff (ndcg@10).")
          .Int("batch_size", &EvalConfig::batch_size, 1, 1'000'000,
               "Users scored at once; results do not depend on it beyond the rounding of BLAS.")
          .Alias("eval_batch_size")
          .Take();
  return table;
}

std::vector<double> EvalResult::Column(std::size_t metric) const {
  RECFORCE_CHECK(metric < metrics.size(), "a metric that was not measured");
  std::vector<double> column;
  column.reserve(static_cast<std::size_t>(users));
  for (std::size_t at = metric; at < per_user.size(); at += metrics.size()) {
    column.push_back(per_user[at]);
  }
  return column;
}

double EvalResult::Mean(std::size_t metric) const {
  double sum = 0.0;
  const std::vector<double> values = Column(metric);
  for (const double value : values) {
    sum += value;
  }
  return values.empty() ? 0.0 : sum / static_cast<double>(values.size());
}

double EvalResult::HalfWidth95(std::size_t metric) const {
  const std::vector<double> values = Column(metric);
  if (values.size() < 2) {
    return 0.0;
  }
  const double mean = Mean(metric);
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - mean) * (value - mean);
  }
  const auto n = static_cast<double>(values.size());
  return 1.96 * std::sqrt(squares / (n - 1.0)) / std::sqrt(n);
}

std::size_t EvalResult::IndexOf(const std::string& name) const {
  std::vector<std::string> names;
  for (std::size_t index = 0; index < metrics.size(); ++index) {
    if (metrics[index].name == name) {
      return index;
    }
    names.push_back(metrics[index].name);
  }
  const std::string hint = base::DidYouMean(name, names);
  throw base::Error(base::ErrorKind::kNotFound, "evaluation: metric was not measured: '" + name + "'" +
                                                    (hint.empty() ? "; " : hint + " ") +
                                                    "measured: " + base::Join(names, ", "));
}

EvalResult Evaluate(const core::Recommender& recommender, const data::EvalSet& set, std::span<const Metric> metrics,
                    std::int64_t batch_size, const base::StopFlag* stop) {
  RECFORCE_CHECK(!metrics.empty() && batch_size > 0, "evaluation needs a metric and a batch size");
  if (set.rows() == 0) {
    throw base::Error(base::ErrorKind::kData, "evaluation: no users to evaluate: 0; expected at least one");
  }
  EvalResult result;
  result.metrics.assign(metrics.begin(), metrics.end());
  result.users = set.rows();
  result.per_user.resize(static_cast<std::size_t>(result.users) * metrics.size());
  std::int64_t depth = 0;
  for (const Metric& metric : metrics) {
    depth = std::max(depth, metric.k);
  }

  const std::int64_t num_items = recommender.NumItems();
  const std::int64_t largest = std::min(batch_size, result.users);
  std::vector<float> buffer(static_cast<std::size_t>(largest * num_items));
  for (std::int64_t first = 0; first < result.users; first += largest) {
    if (stop != nullptr) {
      stop->ThrowIfSet();
    }
    const std::int64_t rows = std::min(largest, result.users - first);
    core::UserBatch users{.history = set.input.view().Slice(first, first + rows)};
    if (set.sequence.rows() != 0) {
      users.sequence = set.sequence.view().Slice(first, first + rows);
    }
    if (!set.train_rows.empty()) {
      users.rows = std::span(set.train_rows).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows));
    }
    recommender.ScoreBatch(users, {buffer.data(), rows, num_items});
    const base::MatrixView<const float> scores{buffer.data(), rows, num_items};
    base::ParallelFor(0, rows, kUsersPerChunk, [&](std::int64_t begin, std::int64_t end) {
      MeasureUsers(set, first, scores, begin, end, depth, &result);
    });
  }
  return result;
}

}  // namespace recforce::eval
