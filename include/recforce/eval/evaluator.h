// SPDX-License-Identifier: Apache-2.0
// Evaluation: blocks of users are scored, what they have seen is masked, and the first k places of the catalogue, or
// of a user's candidates, are selected.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/stop_flag.h"
#include "recforce/config/field_table.h"
#include "recforce/core/recommender.h"
#include "recforce/core/topk.h"
#include "recforce/data/split.h"
#include "recforce/eval/metrics.h"

namespace recforce::eval {

struct EvalConfig {
  std::vector<std::string> metrics = {"ndcg@10", "ndcg@100",     "recall@10", "recall@20", "recall@50",
                                      "hr@10",   "precision@10", "map@10",    "mrr@10"};
  std::int64_t batch_size = 500;         // users scored at once
  std::string ties = "pessimistic";      // pessimistic or optimistic
  std::string definitions = "recforce";  // recforce or recbole
  std::string groups = "none";           // none, activity or mainstream: see groups.h
};
const config::FieldTable& EvalFields();

// How to evaluate, beyond what.
struct EvalOptions {
  std::int64_t batch_size = 500;
  // Among equal scores a target stands last (kRelevantLast: a model that scores all alike gains nothing) or first
  // (kRelevantFirst: only strictly better items count against it).
  core::Ties ties = core::Ties::kRelevantLast;
  Definitions definitions = Definitions::kRecforce;
  std::int64_t keep_top = 0;  // length of the lists to keep
  data::CsrView train = {};   // training rows over the catalogue, for metrics of scope kList
  std::uint64_t seed = 1;     // of the resampling behind the intervals of set metrics
};
// batch_size, ties and definitions of a valid configuration.
EvalOptions OptionsOf(const EvalConfig& config);

// A metric of all lists together, which has no value for a single user.
struct SetMetric {
  Metric metric;
  double value = 0.0;
  double half_width95 = 0.0;  // 1.96 standard deviations of the value over resampled users
};

// A mean over users.
struct Summary {
  double mean = 0.0;
  double half_width95 = 0.0;  // of the normal interval of the mean; 0 for fewer than two users
  std::int64_t users = 0;
};
Summary Summarize(std::span<const double> values);

struct EvalResult {
  std::vector<Metric> metrics;  // those that have a value for each user
  std::int64_t users = 0;       // rows of the evaluated set
  // [users, metrics], row-major. A column of gauc holds G + n / mean(n) (auc - G), where G is the weighted mean and n a
  // user's number of targets: its mean is G, its spread that of G (delta method), also in differences of two models.
  std::vector<double> per_user;
  std::vector<std::int32_t> targets;  // [users] n; empty when unknown
  std::vector<SetMetric> set_metrics;
  std::int64_t top_k = 0;               // length of the kept lists; 0: none were kept
  std::vector<std::int32_t> top_items;  // [users, top_k] catalogue indices, best first; -1 fills a short list

  [[nodiscard]] double Mean(std::size_t metric) const;
  // Half-width of the 95 % normal interval of the mean over users; 0 for fewer than two users.
  [[nodiscard]] double HalfWidth95(std::size_t metric) const;
  [[nodiscard]] std::vector<double> Column(std::size_t metric) const;
  // Index of the metric called `name`; Error(NotFound) with the list.
  [[nodiscard]] std::size_t IndexOf(const std::string& name) const;
};

// Means are summed in user order, so they do not depend on threads or batch size. Set metrics leave `metrics` for
// `set_metrics`. Error(Data) for an empty set. REQUIRES: options.train for metrics of scope kList.
EvalResult Evaluate(const core::Recommender& recommender, const data::EvalSet& set, std::span<const Metric> metrics,
                    const EvalOptions& options, const base::StopFlag* stop = nullptr);
EvalResult Evaluate(const core::Recommender& recommender, const data::EvalSet& set, std::span<const Metric> metrics,
                    std::int64_t batch_size, const base::StopFlag* stop = nullptr);

}  // namespace recforce::eval
