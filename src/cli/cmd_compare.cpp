// SPDX-License-Identifier: Apache-2.0
// `recforce compare`: runs in pairs over the same test users, with Holm's correction where there are several pairs.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "recforce/base/error.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "recforce/eval/compare.h"
#include "report/measure.h"
#include "train/run_folder.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Pair {
  std::string metric;
  std::size_t a;
  std::size_t b;
  bool more_is_better;
  eval::Comparison result;
  double holm = 1.0;
};

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

// The kept evaluations of the runs, all of one test; makes those that there are not.
std::vector<train::StoredEvaluation> Evaluations(const CompareArgs& args, const Session& session) {
  std::function<void(const std::string&)> notice;
  if (!session.common.quiet) {
    notice = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };
  }
  std::vector<train::StoredEvaluation> evaluations;
  for (const std::string& run : args.runs) {
    evaluations.push_back(
        train::KeptOrNewEvaluation(base::RealFileSystem(), session.registry, run, args.data, session.stop, notice));
    RequireSameTest(args.runs.front(), evaluations.front(), run, evaluations.back());
  }
  return evaluations;
}

// The metrics of --metric, each once: Holm's correction would count one that stands twice as two tests.
std::vector<std::string> AskedMetrics(const CompareArgs& args) {
  std::vector<std::string> metrics;
  for (const std::string& name : args.metrics) {
    std::string metric = report::UserMetric("compare: --metric", name);
    if (std::find(metrics.begin(), metrics.end(), metric) != metrics.end()) {
      throw base::Error(base::ErrorKind::kUsage,
                        "compare: --metric: named twice: '" + metric + "'; expected each metric once");
    }
    metrics.push_back(std::move(metric));
  }
  return metrics;
}

// What selected the weights of all runs, where all have measured it, else what a report would be about.
std::string CommonMetric(const CompareArgs& args, const Session& session,
                         const std::vector<train::StoredEvaluation>& evaluations) {
  std::vector<std::string> selecting;
  std::vector<const eval::EvalResult*> results;
  for (std::size_t run = 0; run < evaluations.size(); ++run) {
    const config::Settings settings = train::ReadSettings(session.registry, args.runs[run]);
    selecting.push_back(settings.section("train").As<train::TrainConfig>().valid_metric);
    results.push_back(&evaluations[run].result);
  }
  const bool alike = std::count(selecting.begin(), selecting.end(), selecting.front()) ==
                     static_cast<std::ptrdiff_t>(selecting.size());
  const std::string metric =
      report::PrimaryMetric(report::MakeMetricTable(results), std::nullopt, alike ? selecting.front() : "");
  return metric.empty() ? selecting.front() : metric;
}

void RequireMeasuredByAll(const CompareArgs& args, const std::vector<std::string>& metrics,
                          const std::vector<train::StoredEvaluation>& evaluations) {
  for (std::size_t run = 0; run < evaluations.size(); ++run) {
    std::vector<std::string> measured;
    for (const eval::Metric& metric : evaluations[run].result.metrics) {
      measured.push_back(metric.name);
    }
    for (const std::string& metric : metrics) {
      report::RequireMeasured(args.runs[run], metric, measured);
    }
  }
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
    const bool more_is_better = eval::ParseMetric(metric).measures_targets();
    for (std::size_t a = 0; a < (args.all_pairs ? columns.size() : 1); ++a) {
      for (std::size_t b = a + 1; b < columns.size(); ++b) {
        pairs.push_back({metric, a, b, more_is_better, eval::ComparePaired(columns[a], columns[b])});
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

void PrintJson(const CompareArgs& args, const std::vector<Pair>& pairs, bool sampled) {
  Json object = {{"runs", args.runs}, {"users", pairs.front().result.users}, {"comparisons", Json::array()}};
  for (const Pair& pair : pairs) {
    object["comparisons"].push_back(ToJson(args, pair));
  }
  if (sampled) {
    object["warning"] = kSampledWarning;
  }
  fmt::print("{}\n", object.dump(2, ' ', false, Json::error_handler_t::replace));
}

// A, B, .. Z, R27, R28, ..
std::string Label(std::size_t run) {
  constexpr std::size_t kLetters = 26;
  return run < kLetters ? std::string(1, static_cast<char>('A' + run)) : "R" + std::to_string(run + 1);
}

// More of a metric that merely describes the lists is no merit.
std::string Verb(const Pair& pair) { return pair.more_is_better ? " is better " : " is higher "; }

void PrintVerdict(const Pair& pair) {
  const std::string a = Label(pair.a);
  const std::string b = Label(pair.b);
  fmt::print("{}\n", pair.result.ci_low > 0.0    ? a + Verb(pair) + "than " + b
                     : pair.result.ci_high < 0.0 ? b + Verb(pair) + "than " + a
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
  fmt::print("  A{}for {} users, B for {}, {} are equal\n", Verb(pair), base::FormatCount(result.users_where_a_wins),
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
  std::vector<std::string> metrics = AskedMetrics(args);
  const std::vector<train::StoredEvaluation> evaluations = Evaluations(args, session);
  if (metrics.empty()) {
    metrics.push_back(CommonMetric(args, session, evaluations));
  }
  RequireMeasuredByAll(args, metrics, evaluations);
  const std::vector<Pair> pairs = CompareAll(args, metrics, evaluations);
  const bool sampled = RanksFew(evaluations.front().candidates);
  if (sampled) {
    base::LogWarn(args.runs.front() + ": " + kSampledWarning);
  }
  if (args.json) {
    PrintJson(args, pairs, sampled);
  } else if (pairs.size() == 1) {
    PrintOne(args, pairs.front());
  } else {
    for (const std::string& metric : metrics) {
      PrintMany(args, metric, pairs, evaluations);
    }
    fmt::print("Holm: p adjusted for {} comparisons; intervals are not\n", pairs.size());
  }
}

}  // namespace recforce::cli
