// SPDX-License-Identifier: Apache-2.0
// `recforce ope`: off-policy evaluation that says when a log cannot answer.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/ope_policies.h"
#include "recforce/base/error.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "recforce/data/decision_log.h"
#include "recforce/data/read_decisions.h"
#include "recforce/ope/evaluate_policy.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kOfLog = "log:";

struct Asked {
  std::string name;
  std::unique_ptr<ope::ActionDistribution> policy;
  std::optional<ope::LoggedValue> on_policy;  // of log:FILE
  ope::PolicyAnswer answer;
};

data::DecisionLog ReadLog(const std::string& path, const data::DecisionReadOptions& options) {
  data::ReadDecisions read = data::ReadDecisionLog(path, options);
  const auto warn = [&](std::int64_t count, const std::string& what) {
    if (count > 0) {
      base::LogWarn(path + ": " + base::FormatCount(count) + " " + what);
    }
  };
  for (const std::string& row : read.report.first_bad_rows) {
    base::LogWarn(row);
  }
  warn(read.report.without_reward, "decisions without a reward are left out");
  warn(read.report.without_candidates, "decisions name their candidates by a hash alone and count as free to show all");
  warn(read.report.foreign_history, "items of histories are not in the catalogue and are left out");
  warn(read.report.dangling_rewards, "rewards belong to no decision");
  for (const std::string& lost : read.report.lost) {
    base::LogWarn(lost);
  }
  return std::move(read.log);
}

class Evaluation {
 public:
  Evaluation(const OpeArgs& args, const Session& session)
      : args_(args), session_(session), log_(ReadLog(args.log, args.read)), rounds_(log_) {
    question_.estimators = args.estimators;
    question_.bootstrap = {
        .alpha = args.alpha, .replicates = args.replicates, .seed = static_cast<std::uint64_t>(args.seed)};
    question_.draws = args.top_k;
    question_.by_session = args.sessions;
    question_.discount = args.discount;
  }

  void Execute() {
    std::vector<Asked> all;
    for (const std::string& name : args_.policies) {
      all.push_back(Open(name));
    }
    std::optional<ope::RewardModel> model;
    if (ope::NeedsRewardModel(log_, question_)) {
      model = ope::RewardModel::Fit(
          rounds_.rounds(), {.folds = static_cast<int>(args_.folds), .seed = static_cast<std::uint64_t>(args_.seed)});
    }
    for (Asked& asked : all) {
      asked.answer = ope::EvaluatePolicy(log_, *asked.policy, model ? &*model : nullptr, question_);
    }
    if (args_.json) {
      PrintJson(all);
    } else {
      PrintTable(all);
    }
    ThrowIfRefused(all);
  }

 private:
  Asked Open(const std::string& name) {
    Asked asked{.name = name, .policy = nullptr, .on_policy = std::nullopt, .answer = {}};
    if (name == "uniform") {
      asked.policy = ope::Uniform(log_);
    } else if (name.starts_with(kOfLog)) {
      const data::DecisionLog other = ReadLog(name.substr(kOfLog.size()), args_.read);
      asked.policy = ope::MarginalOf(other, log_);
      asked.on_policy = ope::ValueOfLog(other, question_);
    } else {
      if (!std::filesystem::exists(name)) {
        const std::vector<std::string> known = {"uniform", "log:FILE"};
        throw base::Error(base::ErrorKind::kNotFound, "--policy: neither a policy nor a run folder: '" + name +
                                                          "'; expected one of " + base::Join(known, ", ") +
                                                          ", or a run folder" + base::DidYouMean(name, known));
      }
      asked.policy = OpenModelPolicy(session_.registry, name, log_,
                                     {.temperature = args_.temperature,
                                      .epsilon = args_.epsilon,
                                      .greedy = args_.greedy,
                                      .candidates = args_.candidates,
                                      .device = args_.device});
    }
    return asked;
  }

  [[nodiscard]] bool Withheld(const Asked& asked) const {
    return asked.answer.verdict.refused() && !args_.allow_unsupported;
  }

  void PrintTable(const std::vector<Asked>& all) const {
    const ope::LoggedValue own = ope::ValueOfLog(log_, question_);
    const ope::PolicyAnswer& first = all.front().answer;
    fmt::print("{}: {} decisions{}{}, {} items; what made it is worth {:.6g} [{:.6g}, {:.6g}]\n", log_.source,
               base::FormatCount(log_.size()), first.slate == 1 ? "" : fmt::format(" of {} slots", first.slate),
               args_.sessions ? fmt::format(" in {} sessions", base::FormatCount(first.rounds)) : "",
               base::FormatCount(log_.num_items()), own.value, own.interval.low, own.interval.high);
    for (const Asked& asked : all) {
      PrintDiagnostics(asked);
      if (Withheld(asked)) {
        for (const ope::Verdict::Reason& reason : asked.answer.verdict.reasons) {
          fmt::print("  refused: {}\n", reason.message);
        }
        continue;
      }
      PrintEstimates(asked);
    }
    fmt::print("intervals: bootstrap over {}, {:.4g} %{}\n", args_.sessions ? "sessions" : "decisions",
               100.0 * (1.0 - args_.alpha), args_.sessions ? "" : "; lambda chosen by SLOPE");
  }

  static void PrintDiagnostics(const Asked& asked) {
    const ope::PolicyAnswer& answer = asked.answer;
    fmt::print("\n{}\n", asked.name);
    if (asked.on_policy) {
      fmt::print("  worth {:.6g} [{:.6g}, {:.6g}] by its own log\n", asked.on_policy->value,
                 asked.on_policy->interval.low, asked.on_policy->interval.high);
    }
    fmt::print("  effective sample {:.1f} of {}, weights: mean {:.4f} +- {:.4f}, largest {:.4g}, above 20: {:.2f} %\n",
               answer.weights.effective_sample_size, base::FormatCount(answer.rounds), answer.weights.mean.mean,
               answer.weights.mean.standard_error, answer.weights.max, 100.0 * answer.weights.clipped_share);
    if (answer.shown != 1.0) {
      fmt::print("  distinct items of the draws {:.2f}\n", answer.shown);
    }
    if (answer.horizon) {
      fmt::print("  the first {} of {} steps have an effective sample of 10 or more; a session counts {:.4g} steps\n",
                 answer.horizon->supported, answer.horizon->effective_sample_size.size(), answer.horizon->discounted);
    }
    fmt::print("  share on what the log never shows {:.4f}{}\n", answer.unseen_mass,
               answer.logging_known ? "" : " (by what it showed)");
    for (const std::string& flag : answer.flags) {
      fmt::print("  doubtful: {}\n", flag);
    }
  }

  static void PrintEstimates(const Asked& asked) {
    fmt::print("  {:<11}{:>11}  {:<25}{:>10}{:>12}{}\n", "estimator", "value", "interval", "lambda", "lower 95 %",
               asked.on_policy ? "  relative error" : "");
    for (const ope::EstimateRow& row : asked.answer.estimates) {
      fmt::print("  {:<11}{:>11.6f}  {:<25}{:>10}{:>12}", row.name, row.value,
                 fmt::format("[{:.6f}, {:.6f}]", row.interval.low, row.interval.high),
                 row.lambda ? fmt::format("{:.4g}", *row.lambda) : "",
                 row.lower ? fmt::format("{:.6f}", *row.lower) : "");
      if (asked.on_policy && asked.on_policy->value != 0.0) {
        fmt::print("{:>14.1f} %", 100.0 * std::abs(row.value - asked.on_policy->value) / asked.on_policy->value);
      }
      fmt::print("\n");
    }
  }

  void PrintJson(const std::vector<Asked>& all) const {
    const auto interval = [](const ope::Interval& found) { return Json::array({found.low, found.high}); };
    const ope::LoggedValue own = ope::ValueOfLog(log_, question_);
    Json object = {
        {"log", args_.log},          {"format", log_.format},
        {"decisions", log_.size()},  {"slots", all.front().answer.slate},
        {"items", log_.num_items()}, {"logged", {{"value", own.value}, {"interval", interval(own.interval)}}},
        {"alpha", args_.alpha},      {"top_k", args_.top_k},
        {"policies", Json::array()}};
    if (args_.sessions) {
      object["sessions"] = all.front().answer.rounds;
      object["discount"] = args_.discount;
    }
    for (const Asked& asked : all) {
      const ope::PolicyAnswer& answer = asked.answer;
      Json policy = {{"policy", asked.name},
                     {"refused", answer.verdict.refused()},
                     {"reasons", Json::array()},
                     {"distinct_items", answer.shown},
                     {"effective_sample_size", answer.weights.effective_sample_size},
                     {"mean_weight", answer.weights.mean.mean},
                     {"mean_weight_error", answer.weights.mean.standard_error},
                     {"max_weight", answer.weights.max},
                     {"share_above_20", answer.weights.clipped_share},
                     {"flags", answer.flags},
                     {"unseen_mass", answer.unseen_mass},
                     {"logging_known", answer.logging_known}};
      if (answer.horizon) {
        policy["horizon"] = {{"discounted", answer.horizon->discounted},
                             {"supported", answer.horizon->supported},
                             {"effective_sample_sizes", answer.horizon->effective_sample_size}};
      }
      for (const ope::Verdict::Reason& reason : answer.verdict.reasons) {
        policy["reasons"].push_back(reason.message);
      }
      if (asked.on_policy) {
        policy["on_policy"] = {{"value", asked.on_policy->value}, {"interval", interval(asked.on_policy->interval)}};
      }
      if (!Withheld(asked)) {
        policy["estimates"] = Json::array();
        for (const ope::EstimateRow& row : answer.estimates) {
          Json estimate = {{"estimator", row.name},
                           {"value", row.value},
                           {"interval", interval(row.interval)},
                           {"standard_error", row.standard_error}};
          estimate["lambda"] = row.lambda ? Json(*row.lambda) : Json(nullptr);
          estimate["lower"] = row.lower ? Json(*row.lower) : Json(nullptr);
          policy["estimates"].push_back(std::move(estimate));
        }
      }
      object["policies"].push_back(std::move(policy));
    }
    fmt::print("{}\n", object.dump(2, ' ', false, Json::error_handler_t::replace));
  }

  void ThrowIfRefused(const std::vector<Asked>& all) const {
    std::vector<std::string> refused;
    for (const Asked& asked : all) {
      if (Withheld(asked)) {
        refused.push_back(asked.name + ": " + asked.answer.verdict.reasons.front().message);
      }
    }
    if (!refused.empty()) {
      throw base::Error(base::ErrorKind::kRefused,
                        args_.log + ": the log does not support " + base::Join(refused, "; "));
    }
  }

  const OpeArgs& args_;
  const Session& session_;
  data::DecisionLog log_;
  ope::LogRounds rounds_;
  ope::PolicyQuestion question_;
};

}  // namespace

void RunOpe(const OpeArgs& args, const Session& session) { Evaluation(args, session).Execute(); }

}  // namespace recforce::cli
