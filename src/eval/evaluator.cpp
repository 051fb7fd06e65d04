// SPDX-License-Identifier: Apache-2.0
// One block of users after the other: the recommender scores it from this thread (its BLAS has the cores), then
// the users of the block are ranked and measured in parallel.
#include "recforce/eval/evaluator.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "eval/gauc.h"
#include "eval/lists.h"
#include "eval/ranking.h"
#include "recforce/base/error.h"
#include "recforce/base/matrix_view.h"
#include "recforce/base/threads.h"

namespace recforce::eval {
namespace {

constexpr std::int64_t kUsersPerChunk = 32;

class Evaluation {
 public:
  Evaluation(const core::Recommender& recommender, const data::EvalSet& set, std::span<const Metric> metrics,
             const EvalOptions& options)
      : recommender_(recommender), set_(set), options_(options), num_items_(recommender.NumItems()) {
    bool needs_training = false;
    list_length_ = options.keep_top;
    for (const Metric& metric : metrics) {
      const MetricScope scope = metric.scope();
      needs_training = needs_training || scope == MetricScope::kList;
      depth_ = std::max(depth_, metric.k);
      if (scope == MetricScope::kSet) {
        list_length_ = std::max(list_length_, metric.k);
        set_kinds_.push_back(metric);
      } else {
        result_.metrics.push_back(metric);
      }
    }
    list_length_ = std::min(list_length_, num_items_);
    depth_ = std::max(depth_, list_length_);
    if (needs_training) {
      training_.emplace(options.train, num_items_);
    }
    result_.users = set.rows();
    for (std::int64_t row = 0; row < set.rows(); ++row) {
      result_.targets.push_back(static_cast<std::int32_t>(set.target.row(row).size()));
    }
    result_.per_user.resize(static_cast<std::size_t>(result_.users) * result_.metrics.size());
    lists_.assign(static_cast<std::size_t>(result_.users * list_length_), -1);
  }

  EvalResult Run(const base::StopFlag* stop) {
    const std::int64_t largest = std::min(options_.batch_size, result_.users);
    std::vector<float> buffer(static_cast<std::size_t>(largest * num_items_));
    for (std::int64_t first = 0; first < result_.users; first += largest) {
      if (stop != nullptr) {
        stop->ThrowIfSet();
      }
      const std::int64_t rows = std::min(largest, result_.users - first);
      recommender_.ScoreBatch(Batch(first, rows), {buffer.data(), rows, num_items_});
      const base::MatrixView<const float> scores{buffer.data(), rows, num_items_};
      base::ParallelFor(0, rows, kUsersPerChunk, [&](std::int64_t begin, std::int64_t end) {
        Ranker ranker(num_items_, options_.ties);
        for (std::int64_t row = begin; row < end; ++row) {
          MeasureUser(ranker, first + row, scores.row(row));
        }
      });
    }
    for (const Metric& metric : set_kinds_) {
      result_.set_metrics.push_back(MeasureSet(metric, lists_, list_length_, num_items_, options_.seed));
    }
    for (std::size_t index = 0; index < result_.metrics.size(); ++index) {
      if (result_.metrics[index].kind == MetricKind::kGauc) {
        std::vector<double> column = result_.Column(index);
        WeighByTargets(column, result_.targets);
        for (std::size_t user = 0; user < column.size(); ++user) {
          result_.per_user[user * result_.metrics.size() + index] = column[user];
        }
      }
    }
    KeepLists();
    return std::move(result_);
  }

 private:
  [[nodiscard]] core::UserBatch Batch(std::int64_t first, std::int64_t rows) const {
    core::UserBatch users{.history = set_.input.view().Slice(first, first + rows)};
    if (set_.sequence.rows() != 0) {
      users.sequence = set_.sequence.view().Slice(first, first + rows);
    }
    if (!set_.train_rows.empty()) {
      users.rows = std::span(set_.train_rows).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows));
    }
    if (!set_.contexts.empty()) {
      users.contexts =
          std::span(set_.contexts).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows));
    }
    return users;
  }

  void MeasureUser(Ranker& ranker, std::int64_t user, std::span<const float> scores) {
    Question question{.scores = scores, .masked = {}, .targets = set_.target.row(user), .candidates = {}};
    if (set_.mask_input) {
      question.masked = set_.input.row(user);
    }
    if (set_.candidates.rows() != 0) {
      question.candidates = set_.candidates.row(user);
    }
    const std::span<const std::int32_t> ranking = ranker.Rank(question, depth_);
    const std::size_t listed = std::min(ranking.size(), static_cast<std::size_t>(list_length_));
    std::copy_n(ranking.begin(), listed, lists_.begin() + user * list_length_);
    std::optional<double> auc;
    const std::size_t width = result_.metrics.size();
    for (std::size_t index = 0; index < width; ++index) {
      const Metric& metric = result_.metrics[index];
      double& value = result_.per_user[static_cast<std::size_t>(user) * width + index];
      const auto targets = static_cast<std::int64_t>(question.targets.size());
      switch (metric.scope()) {
        case MetricScope::kHits:
          value = Value(metric, ranker.hits(), targets, options_.definitions);
          break;
        case MetricScope::kScores:
          if (!auc) {
            auc = ranker.Auc(question);
          }
          value = *auc;
          break;
        default:
          value = ListValue(metric, ranking, set_.input.row(user), *training_);
      }
    }
  }

  void KeepLists() {
    result_.top_k = std::min(options_.keep_top, list_length_);
    if (result_.top_k == list_length_) {
      result_.top_items = std::move(lists_);
      return;
    }
    for (std::int64_t user = 0; user < result_.users && result_.top_k > 0; ++user) {
      const auto begin = lists_.begin() + user * list_length_;
      result_.top_items.insert(result_.top_items.end(), begin, begin + result_.top_k);
    }
  }

  const core::Recommender& recommender_;
  const data::EvalSet& set_;
  const EvalOptions& options_;
  const std::int64_t num_items_;
  std::int64_t depth_ = 0;        // of the ranking
  std::int64_t list_length_ = 0;  // what is remembered of it
  std::vector<Metric> set_kinds_;
  std::optional<TrainingStatistics> training_;
  std::vector<std::int32_t> lists_;  // [users, list_length]
  EvalResult result_;
};

}  // namespace

EvalResult Evaluate(const core::Recommender& recommender, const data::EvalSet& set, std::span<const Metric> metrics,
                    const EvalOptions& options, const base::StopFlag* stop) {
  RECFORCE_CHECK(!metrics.empty() && options.batch_size > 0, "evaluation needs a metric and a batch size");
  if (set.rows() == 0) {
    throw base::Error(base::ErrorKind::kData, "evaluation: no users to evaluate: 0; expected at least one");
  }
  return Evaluation(recommender, set, metrics, options).Run(stop);
}

EvalResult Evaluate(const core::Recommender& recommender, const data::EvalSet& set, std::span<const Metric> metrics,
                    std::int64_t batch_size, const base::StopFlag* stop) {
  EvalOptions options;
  options.batch_size = batch_size;
  return Evaluate(recommender, set, metrics, options, stop);
}

}  // namespace recforce::eval
