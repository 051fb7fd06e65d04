// SPDX-License-Identifier: Apache-2.0
// The settings of an evaluation, and the means and intervals of its result.
#include <cmath>
#include <cstddef>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/eval/evaluator.h"

namespace recforce::eval {

const config::FieldTable& EvalFields() {
  static const std::vector<std::string> ties = {"pessimistic", "optimistic"};
  static const std::vector<std::string> definitions = {"recforce", "recbole"};
  static const std::vector<std::string> groups = {"none", "activity", "mainstream"};
  static const config::FieldTable table =
      config::Fields<EvalConfig>()
          .TextList("metrics", &EvalConfig::metrics,
                    "What is measured: ndcg, recall, hr, precision, map, mrr, novelty, popularity_lift, diversity, "
                    "coverage or gini, each with its cutoff (ndcg@10); auc or gauc.")
          .Int("batch_size", &EvalConfig::batch_size, 1, 1'000'000,
               "Users scored at once; results do not depend on it beyond the rounding of BLAS.")
          .Alias("eval_batch_size")
          .Choice("ties", &EvalConfig::ties, ties,
                  "Whether a target stands after or before other items of its score; optimistic counts only strictly "
                  "better items against it.")
          .Choice("definitions", &EvalConfig::definitions, definitions,
                  "Whose formulas: recbole divides recall@k by all targets, recforce by at most k.")
          .Choice("groups", &EvalConfig::groups, groups,
                  "Report thirds of the users apart: by how much the model was shown of them, or by how popular that "
                  "is.")
          .Take();
  return table;
}

EvalOptions OptionsOf(const EvalConfig& config) {
  EvalOptions options;
  options.batch_size = config.batch_size;
  options.ties = config.ties == "optimistic" ? core::Ties::kRelevantFirst : core::Ties::kRelevantLast;
  options.definitions = config.definitions == "recbole" ? Definitions::kRecbole : Definitions::kRecforce;
  return options;
}

Summary Summarize(std::span<const double> values) {
  Summary summary;
  summary.users = static_cast<std::int64_t>(values.size());
  if (values.empty()) {
    return summary;
  }
  const auto n = static_cast<double>(values.size());
  double sum = 0.0;
  for (const double value : values) {
    sum += value;
  }
  summary.mean = sum / n;
  if (values.size() < 2) {
    return summary;
  }
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - summary.mean) * (value - summary.mean);
  }
  summary.half_width95 = 1.96 * std::sqrt(squares / (n - 1.0)) / std::sqrt(n);
  return summary;
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

double EvalResult::Mean(std::size_t metric) const { return Summarize(Column(metric)).mean; }

double EvalResult::HalfWidth95(std::size_t metric) const { return Summarize(Column(metric)).half_width95; }

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

}  // namespace recforce::eval
