// SPDX-License-Identifier: Apache-2.0
// `recforce evaluate` and `recforce compare`.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/eval/compare.h"
#include "train/run_folder.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

void PrintJson(const std::string& model, const train::StoredEvaluation& evaluation) {
  const eval::EvalResult& result = evaluation.result;
  Json metrics = Json::object();
  Json half_widths = Json::object();
  for (std::size_t index = 0; index < result.metrics.size(); ++index) {
    metrics[result.metrics[index].name] = result.Mean(index);
    half_widths[result.metrics[index].name] = result.HalfWidth95(index);
  }
  const Json object = {{"model", model},
                       {"users", result.users},
                       {"metrics", std::move(metrics)},
                       {"ci95", std::move(half_widths)},
                       {"ties", "pessimistic"},
                       {"cold_targets_dropped", evaluation.cold_targets_dropped},
                       {"users_without_targets", evaluation.users_without_targets},
                       {"split_fingerprint", evaluation.split_fingerprint}};
  fmt::print("{}\n", object.dump(2));
}

void PrintTable(const std::string& model, const train::StoredEvaluation& evaluation) {
  const eval::EvalResult& result = evaluation.result;
  fmt::print("{} on {} test users, whole catalogue, pessimistic ties\n", model, base::FormatCount(result.users));
  for (std::size_t index = 0; index < result.metrics.size(); ++index) {
    fmt::print("  {:<14} {:.4f} +- {:.4f}\n", result.metrics[index].name, result.Mean(index),
               result.HalfWidth95(index));
  }
  fmt::print(
      "+- is half the 95 % interval over users; left out: {} targets that training never saw, {} users without "
      "a target\n",
      base::FormatCount(evaluation.cold_targets_dropped), base::FormatCount(evaluation.users_without_targets));
}

// The kept evaluation of a run; makes one where there is none.
train::StoredEvaluation Evaluated(const std::string& run, const Session& session) {
  if (std::optional<train::StoredEvaluation> kept = train::ReadEvaluation(run)) {
    return std::move(*kept);
  }
  if (!session.common.quiet) {
    std::fprintf(stderr, "%s: not evaluated yet; evaluating it now\n", run.c_str());
  }
  return train::EvaluateRun(base::RealFileSystem(), session.registry, run, std::nullopt, session.stop);
}

std::string ModelName(const core::Registry& registry, const std::string& run) {
  return train::ReadSettings(registry, run).section("").As<train::RunConfig>().model;
}

void PrintComparison(const CompareArgs& args, const eval::Comparison& comparison) {
  if (args.json) {
    const Json object = {{"metric", args.metric},
                         {"run_a", args.run_a},
                         {"run_b", args.run_b},
                         {"mean_a", comparison.mean_a},
                         {"mean_b", comparison.mean_b},
                         {"difference", comparison.difference},
                         {"ci95", {comparison.ci_low, comparison.ci_high}},
                         {"p", comparison.p},
                         {"users", comparison.users},
                         {"users_where_a_wins", comparison.users_where_a_wins},
                         {"users_where_b_wins", comparison.users_where_b_wins}};
    fmt::print("{}\n", object.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print("{} over the same {} test users\n", args.metric, base::FormatCount(comparison.users));
  fmt::print("  A      {:.4f}  {}\n  B      {:.4f}  {}\n", comparison.mean_a, args.run_a, comparison.mean_b,
             args.run_b);
  fmt::print("  A - B  {:+.4f}  95 % interval [{:+.4f}, {:+.4f}], p = {:.4f}\n", comparison.difference,
             comparison.ci_low, comparison.ci_high, comparison.p);
  fmt::print("  A is better for {} users, B for {}, {} are equal\n", base::FormatCount(comparison.users_where_a_wins),
             base::FormatCount(comparison.users_where_b_wins),
             base::FormatCount(comparison.users - comparison.users_where_a_wins - comparison.users_where_b_wins));
  fmt::print("{}\n", comparison.ci_low > 0.0    ? "A is better than B"
                     : comparison.ci_high < 0.0 ? "B is better than A"
                                                : "the interval holds zero: no difference is shown");
}

}  // namespace

void RunEvaluate(const EvaluateArgs& args, const Session& session) {
  const train::StoredEvaluation evaluation =
      train::EvaluateRun(base::RealFileSystem(), session.registry, args.run, args.data, session.stop);
  const std::string model = ModelName(session.registry, args.run);
  if (args.json) {
    PrintJson(model, evaluation);
  } else {
    PrintTable(model, evaluation);
  }
}

void RunCompare(const CompareArgs& args, const Session& session) {
  const train::StoredEvaluation a = Evaluated(args.run_a, session);
  const train::StoredEvaluation b = Evaluated(args.run_b, session);
  if (a.split_fingerprint != b.split_fingerprint || a.user_ids != b.user_ids) {
    throw base::Error(base::ErrorKind::kData, args.run_b + ": not tested on the users and targets of '" + args.run_a +
                                                  "': split fingerprint '" + b.split_fingerprint + "'; expected '" +
                                                  a.split_fingerprint +
                                                  "'. train both with the same dataset and split settings");
  }
  const std::vector<double> of_a = a.result.Column(a.result.IndexOf(args.metric));
  const std::vector<double> of_b = b.result.Column(b.result.IndexOf(args.metric));
  PrintComparison(args, eval::ComparePaired(of_a, of_b));
}

}  // namespace recforce::cli
