// SPDX-License-Identifier: Apache-2.0
// `recforce compare`: runs in pairs over the same test users, with Holm's correction where there are several pairs.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/eval/compare.h"
#include "train/run_folder.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Pair {
  std::string metric;
  std::size_t a;
  std::size_t b;
  eval::Comparison result;
  double holm = 1.0;
};

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

// Two evaluations are comparable only when they asked the same.
void RequireSameTest(const std::string& run_a, const train::StoredEvaluation& a, const std::string& run_b,
                     const train::StoredEvaluation& b) {
  if (a.split_fingerprint != b.split_fingerprint || a.user_ids != b.user_ids) {
    throw base::Error(base::ErrorKind::kData, run_b + ": not tested on the users and targets of '" + run_a +
                                                  "': split fingerprint '" + b.split_fingerprint + "'; expected '" +
                                                  a.split_fingerprint +
                                                  "'. train both with the same dataset and split settings");
  }
  const auto require = [&](const char* key, const std::string& of_a, const std::string& of_b) {
    if (of_a != of_b) {
      throw base::Error(base::ErrorKind::kData, run_b + ": not measured as '" + run_a + "' was: eval." + key + " '" +
                                                    of_b + "'; expected '" + of_a +
                                                    "'. evaluate one of them again with --set eval." + key);
    }
  };
  require("ties", a.ties, b.ties);
  require("definitions", a.definitions, b.definitions);
}

std::vector<Pair> CompareAll(const CompareArgs& args, const std::vector<std::string>& metrics,
                             const std::vector<train::StoredEvaluation>& evaluations) {
  std::vector<Pair> pairs;
  std::vector<double> p;
  for (const std::string& metric : metrics) {
    std::vector<std::vector<double>> columns;
    for (const train::StoredEvaluation& evaluation : evaluations) {
      columns.push_back(evaluation.result.Column(evaluation.result.IndexOf(metric)));
    }
    for (std::size_t a = 0; a < (args.all_pairs ? columns.size() : 1); ++a) {
      for (std::size_t b = a + 1; b < columns.size(); ++b) {
        pairs.push_back({metric, a, b, eval::ComparePaired(columns[a], columns[b])});
        p.push_back(pairs.back().result.p);
      }
    }
  }
  const std::vector<double> adjusted = eval::HolmAdjust(p);
  for (std::size_t index = 0; index < pairs.size(); ++index) {
    pairs[index].holm = adjusted[index];
  }
  return pairs;
}

Json ToJson(const CompareArgs& args, const Pair& pair) {
  const eval::Comparison& result = pair.result;
  return {{"metric", pair.metric},
          {"run_a", args.runs[pair.a]},
          {"run_b", args.runs[pair.b]},
          {"mean_a", result.mean_a},
          {"mean_b", result.mean_b},
          {"difference", result.difference},
          {"ci95", {result.ci_low, result.ci_high}},
          {"p", result.p},
          {"p_holm", pair.holm},
          {"users", result.users},
          {"users_where_a_wins", result.users_where_a_wins},
          {"users_where_b_wins", result.users_where_b_wins}};
}

// A, B, .. Z, R27, R28, ..
std::string Label(std::size_t run) {
  constexpr std::size_t kLetters = 26;
  return run < kLetters ? std::string(1, static_cast<char>('A' + run)) : "R" + std::to_string(run + 1);
}

void PrintVerdict(const Pair& pair) {
  const std::string a = Label(pair.a);
  const std::string b = Label(pair.b);
  fmt::print("{}\n", pair.result.ci_low > 0.0    ? a + " is better than " + b
                     : pair.result.ci_high < 0.0 ? b + " is better than " + a
                                                 : "the interval holds zero: no difference is shown");
}

// Two runs and one metric.
void PrintOne(const CompareArgs& args, const Pair& pair) {
  const eval::Comparison& result = pair.result;
  fmt::print("{} over the same {} test users\n", pair.metric, base::FormatCount(result.users));
  fmt::print("  A      {:.4f}  {}\n  B      {:.4f}  {}\n", result.mean_a, args.runs[pair.a], result.mean_b,
             args.runs[pair.b]);
  fmt::print("  A - B  {:+.4f}  95 % interval [{:+.4f}, {:+.4f}], p = {:.4f}\n", result.difference, result.ci_low,
             result.ci_high, result.p);
  fmt::print("  A is better for {} users, B for {}, {} are equal\n", base::FormatCount(result.users_where_a_wins),
             base::FormatCount(result.users_where_b_wins),
             base::FormatCount(result.users - result.users_where_a_wins - result.users_where_b_wins));
  PrintVerdict(pair);
}

// The means of all runs under one metric, and then its pairs.
void PrintMany(const CompareArgs& args, const std::string& metric, const std::vector<Pair>& pairs,
               const std::vector<train::StoredEvaluation>& evaluations) {
  fmt::print("{} over the same {} test users\n", metric, base::FormatCount(evaluations.front().result.users));
  for (std::size_t run = 0; run < evaluations.size(); ++run) {
    const eval::EvalResult& result = evaluations[run].result;
    fmt::print("  {:<8}  {:.4f}  {}\n", Label(run), result.Mean(result.IndexOf(metric)), args.runs[run]);
  }
  for (const Pair& pair : pairs) {
    if (pair.metric == metric) {
      const eval::Comparison& result = pair.result;
      fmt::print("  {:<8} {:+.4f}  95 % interval [{:+.4f}, {:+.4f}], p = {:.4f}, Holm {:.4f}\n",
                 Label(pair.a) + " - " + Label(pair.b), result.difference, result.ci_low, result.ci_high, result.p,
                 pair.holm);
    }
  }
}

}  // namespace

void RunCompare(const CompareArgs& args, const Session& session) {
  const std::vector<std::string> metrics = args.metrics.empty() ? std::vector<std::string>{"ndcg@100"} : args.metrics;
  std::vector<train::StoredEvaluation> evaluations;
  for (const std::string& run : args.runs) {
    evaluations.push_back(Evaluated(run, session));
    RequireSameTest(args.runs.front(), evaluations.front(), run, evaluations.back());
  }
  const std::vector<Pair> pairs = CompareAll(args, metrics, evaluations);
  if (args.json) {
    Json object = ToJson(args, pairs.front());
    if (pairs.size() > 1) {
      object = {{"runs", args.runs}, {"users", pairs.front().result.users}, {"comparisons", Json::array()}};
      for (const Pair& pair : pairs) {
        object["comparisons"].push_back(ToJson(args, pair));
      }
    }
    fmt::print("{}\n", object.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  if (pairs.size() == 1) {
    PrintOne(args, pairs.front());
    return;
  }
  for (const std::string& metric : metrics) {
    PrintMany(args, metric, pairs, evaluations);
  }
  fmt::print("Holm: p adjusted for {} comparisons; intervals are not\n", pairs.size());
}

}  // namespace recforce::cli
