// SPDX-License-Identifier: Apache-2.0
// `recforce simulate`: policies on users who answer, side by side.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
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
#include "cli/run_settings.h"
#include "recforce/base/error.h"
#include "recforce/base/file_system.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "recforce/config/settings.h"
#include "sim/display_log.h"
#include "sim/mpc.h"
#include "sim/policies.h"
#include "sim/runner.h"
#include "train/open_environment.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

// Users on whom popularity is measured; those who are tried are not among them.
constexpr std::int64_t kUsersOfPopularity = 10000;

// Before a run folder: plan ahead, and expect its policy to be shown from then on.
constexpr std::string_view kMpcOf = "mpc:";

[[noreturn]] void Usage(const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); }

config::Settings MakeSettings() {
  return config::Settings({config::Section::Make<sim::EnvironmentConfig>("environment", sim::EnvironmentFields()),
                           config::Section::Make<sim::MpcConfig>("mpc", sim::MpcFields())});
}

config::Settings ResolveSettings(const SimulateArgs& args) {
  config::Settings settings = MakeSettings();
  for (const std::string& pair : args.settings) {
    const auto [key, value] = CutSetting(pair, "environment.key=value or mpc.key=value");
    settings.Set(key, value, "--set");
  }
  settings.Set("environment.source", args.environment, "--environment");
  if (args.horizon) {
    settings.Set("environment.horizon", std::to_string(*args.horizon), "--horizon");
  }
  if (args.slate) {
    settings.Set("environment.slate", std::to_string(*args.slate), "--slate");
  }
  return settings;
}

// A policy that was tried, and what came of it.
struct Tried {
  std::string name;  // as --policy has it
  sim::Outcome outcome;
  sim::OutcomeSummary summary;
  double seconds = 0.0;
};

class Trial {
 public:
  Trial(const SimulateArgs& args, const Session& session)
      : args_(args),
        session_(session),
        settings_(ResolveSettings(args)),
        config_(settings_.section("environment").As<sim::EnvironmentConfig>()),
        opened_(train::OpenEnvironment(session.registry, config_, args.device)) {
    plan_.users = args.users;
    plan_.horizon = config_.horizon;
    plan_.slate = config_.slate;
    plan_.seed = static_cast<std::uint64_t>(args.seed);
    plan_.discount = args.discount;
  }

  void Execute() {
    // All policies are opened before the first is tried: a wrong name shows at once.
    std::vector<std::shared_ptr<const core::SlatePolicy>> policies;
    for (const std::string& name : args_.policies) {
      policies.push_back(MakePolicy(name));
    }
    optimum_ = opened_.environment->Optimum(plan_.slate, plan_.horizon, plan_.discount);
    for (std::size_t index = 0; index < policies.size(); ++index) {
      Try(args_.policies[index], *policies[index]);
    }
    if (args_.json) {
      PrintJson();
    } else {
      PrintTable();
    }
  }

 private:
  std::shared_ptr<const core::SlatePolicy> MakePolicy(const std::string& name) {
    const core::Environment& environment = *opened_.environment;
    if (name == "random") {
      return sim::MakeRandomPolicy(environment.NumItems());
    }
    if (name == "popularity") {
      sim::SimulationPlan plan = plan_;
      plan.first_user = plan_.first_user + plan_.users;
      plan.users = std::max(kUsersOfPopularity, plan_.users);
      return sim::MakePopularityPolicy(sim::ClicksUnderRandom(environment, plan, session_.stop));
    }
    if (name == "top_k") {
      return sim::MakeTopRewardPolicy(environment.NumItems());
    }
    if (name == "top_utility") {
      return sim::MakeTopUtilityPolicy(environment.NumItems());
    }
    if (name == "greedy") {
      return sim::MakeGreedyPolicy(environment);
    }
    if (name == "myopic") {
      return sim::MakeExactPolicy(environment);
    }
    if (name == "mpc") {
      return MakeMpc(sim::MakeGreedyPolicy(environment));
    }
    if (name.starts_with(kMpcOf)) {
      return MakeMpc(OpenRun(name.substr(kMpcOf.size())));
    }
    return OpenRun(name);
  }

  std::shared_ptr<const core::SlatePolicy> MakeMpc(std::shared_ptr<const core::SlatePolicy> base) const {
    return sim::MakeMpcPolicy(*opened_.environment, settings_.section("mpc").As<sim::MpcConfig>(), plan_.discount,
                              std::move(base));
  }

  std::shared_ptr<const core::SlatePolicy> OpenRun(const std::string& name) {
    if (!std::filesystem::exists(name)) {
      const std::vector<std::string> known = {"random", "popularity", "top_k", "top_utility",
                                              "greedy", "myopic",     "mpc",   "mpc:RUN"};
      throw base::Error(base::ErrorKind::kNotFound, "--policy: neither a policy nor a run folder: '" + name +
                                                        "'; expected one of " + base::Join(known, ", ") +
                                                        ", or a run folder" + base::DidYouMean(name, known));
    }
    const train::OpenedPolicy policy = train::OpenPolicy(session_.registry, name, args_.device);
    std::shared_ptr<const core::SlatePolicy> fitted =
        train::FitPolicy(policy, opened_, plan_.slate, args_.allow_training_environment);
    const auto known = static_cast<std::int64_t>(policy.item_ids.size());
    const std::int64_t items = opened_.environment->NumItems();
    if (known < items) {
      base::LogWarn(name + ": knows " + base::FormatCount(known) + " of " + base::FormatCount(items) +
                    " items, and shows no others");
    }
    if (train::LearntItsErrors(policy, opened_)) {
      base::LogWarn(name + ": is tried in the simulator that it was trained in; expect less from other users");
    }
    return fitted;
  }

  void Try(const std::string& name, const core::SlatePolicy& policy) {
    Tried tried;
    tried.name = name;
    const auto start = Clock::now();
    sim::SimulationHooks hooks;
    hooks.stop = session_.stop;
    if (args_.log) {
      base::WriteAtomically(base::RealFileSystem(), *args_.log, [&](base::WritableFile& file) {
        sim::DisplayLogWriter log(file, opened_.item_ids, plan_);
        hooks.on_step = [&log](const sim::ShownStep& step) { log.Add(step); };
        tried.outcome = sim::Simulate(*opened_.environment, policy, plan_, hooks);
        log.Finish();
      });
    } else {
      tried.outcome = sim::Simulate(*opened_.environment, policy, plan_, hooks);
    }
    tried.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    tried.summary = sim::Summarize(tried.outcome, plan_, optimum_);
    base::LogInfo(fmt::format("{}: {} users in {:.1f} s", name, base::FormatCount(plan_.users), tried.seconds));
    tried_.push_back(std::move(tried));
  }

  void PrintJson() const;
  void PrintTable() const;
  void PrintComparisons(std::size_t width) const;

  const SimulateArgs& args_;
  const Session& session_;
  config::Settings settings_;
  const sim::EnvironmentConfig& config_;
  train::OpenedEnvironment opened_;
  sim::SimulationPlan plan_;
  std::optional<double> optimum_;
  std::vector<Tried> tried_;
};

struct Named {
  const char* key;
  sim::Estimate estimate;
};

std::vector<Named> Estimates(const sim::OutcomeSummary& summary) {
  std::vector<Named> named = {{"reward_per_step", summary.reward_per_step},
                              {"reward_per_user", summary.reward_per_user},
                              {"click_rate", summary.click_rate},
                              {"discounted_return", summary.discounted_return},
                              {"share_left", summary.share_left}};
  if (summary.regret) {
    named.push_back({"regret", *summary.regret});
  }
  return named;
}

Json ToJson(const Tried& tried) {
  Json object = {{"policy", tried.name}};
  Json half_widths = Json::object();
  for (const Named& named : Estimates(tried.summary)) {
    object[named.key] = named.estimate.mean;
    half_widths[named.key] = named.estimate.half_width95;
  }
  if (!tried.summary.regret) {
    object["regret"] = nullptr;
  }
  object["coverage"] = tried.summary.coverage;
  object["gini"] = tried.summary.gini;
  object["half_width95"] = std::move(half_widths);
  object["seconds"] = std::round(tried.seconds * 1e3) / 1e3;
  return object;
}

Json ToJson(const Tried& a, const Tried& b) {
  Json object = {{"policy_a", a.name}, {"policy_b", b.name}};
  const sim::OutcomeDifference difference = sim::Compare(a.outcome, b.outcome);
  for (const Named& named :
       {Named{"reward_per_user", difference.reward_per_user}, Named{"discounted_return", difference.discounted_return},
        Named{"clicks_per_user", difference.clicks_per_user}}) {
    object["difference"][named.key] = named.estimate.mean;
    object["half_width95"][named.key] = named.estimate.half_width95;
  }
  return object;
}

void Trial::PrintJson() const {
  const core::Environment& environment = *opened_.environment;
  Json object = {{"environment", opened_.name},
                 {"identity", environment.identity()},
                 {"learnt", environment.learnt()},
                 {"observed", environment.observed()},
                 {"items", environment.NumItems()},
                 {"users", plan_.users},
                 {"horizon", plan_.horizon},
                 {"slate", plan_.slate},
                 {"seed", plan_.seed},
                 {"discount", plan_.discount},
                 {"optimum", optimum_ ? Json(*optimum_) : Json()},
                 {"policies", Json::array()},
                 {"comparisons", Json::array()}};
  for (std::size_t index = 0; index < tried_.size(); ++index) {
    object["policies"].push_back(ToJson(tried_[index]));
    if (index > 0) {
      object["comparisons"].push_back(ToJson(tried_[index], tried_.front()));
    }
  }
  fmt::print("{}\n", object.dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string Cell(const sim::Estimate& estimate) {
  return fmt::format("{:.4f} +- {:.4f}", estimate.mean, estimate.half_width95);
}

std::string SignedCell(const sim::Estimate& estimate) {
  return fmt::format("{:+.4f} +- {:.4f}", estimate.mean, estimate.half_width95);
}

void PrintRow(const std::string& name, std::size_t width, const std::vector<std::string>& cells) {
  std::string line = fmt::format("{:<{}}", name, width);
  for (const std::string& cell : cells) {
    line += fmt::format("  {:<18}", cell);
  }
  fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
}

void Trial::PrintTable() const {
  fmt::print("{}: {} items, {} users, {} slates of {}, discount {}\n", opened_.name,
             base::FormatCount(opened_.environment->NumItems()), base::FormatCount(plan_.users),
             base::FormatCount(plan_.horizon), plan_.slate, base::FormatReal(plan_.discount));
  std::size_t width = 6;
  bool anybody_left = false;
  for (const Tried& tried : tried_) {
    width = std::max(width, tried.name.size());
    anybody_left = anybody_left || tried.summary.share_left.mean > 0.0;
  }
  std::vector<std::string> heads = {"reward/step", "clicks/slate", "return"};
  if (optimum_) {
    heads.emplace_back("regret");
  }
  if (anybody_left) {
    heads.emplace_back("left");
  }
  heads.emplace_back("coverage, gini");
  PrintRow("policy", width, heads);
  for (const Tried& tried : tried_) {
    const sim::OutcomeSummary& summary = tried.summary;
    std::vector<std::string> cells = {Cell(summary.reward_per_step), Cell(summary.click_rate),
                                      Cell(summary.discounted_return)};
    if (summary.regret) {
      cells.push_back(Cell(*summary.regret));
    }
    if (anybody_left) {
      cells.push_back(Cell(summary.share_left));
    }
    cells.push_back(fmt::format("{:.3f}, {:.3f}", summary.coverage, summary.gini));
    PrintRow(tried.name, width, cells);
  }
  if (optimum_) {
    fmt::print("the largest expected return is {:.4f}\n", *optimum_);
  }
  if (tried_.size() > 1) {
    PrintComparisons(width);
  }
  fmt::print("+- is half the 95 % interval over users, by the normal approximation\n");
}

void Trial::PrintComparisons(std::size_t width) const {
  fmt::print("more than {}, for the same users and random numbers\n", tried_.front().name);
  PrintRow("policy", width, {"reward/user", "return", "clicks/user"});
  for (std::size_t index = 1; index < tried_.size(); ++index) {
    const sim::OutcomeDifference difference = sim::Compare(tried_[index].outcome, tried_.front().outcome);
    PrintRow(tried_[index].name, width,
             {SignedCell(difference.reward_per_user), SignedCell(difference.discounted_return),
              SignedCell(difference.clicks_per_user)});
  }
}

}  // namespace

std::string SimulateHelp() {
  return "Settings (--set section.key=value):\n\n" + config::RenderHelp("environment", sim::EnvironmentFields()) +
         "\n" + config::RenderHelp("mpc", sim::MpcFields());
}

void RunSimulate(const SimulateArgs& args, const Session& session) {
  if (args.log && args.policies.size() != 1) {
    Usage("recforce simulate: --log: whose displays is unclear: '" + std::to_string(args.policies.size()) +
          "' policies; expected one");
  }
  Trial(args, session).Execute();
}

}  // namespace recforce::cli
