// SPDX-License-Identifier: Apache-2.0
// `recforce simulate`: policies on users who answer, side by side.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/print_trials.h"
#include "cli/replay_log.h"
#include "cli/run_settings.h"
#include "recforce/base/error.h"
#include "recforce/base/file_system.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "recforce/config/settings.h"
#include "sim/decision_recorder.h"
#include "sim/display_log.h"
#include "sim/drawing_policy.h"
#include "sim/mpc.h"
#include "sim/policies.h"
#include "sim/runner.h"
#include "sim/score_users.h"
#include "train/open_environment.h"

namespace recforce::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Users on whom popularity is measured; those who are tried are not among them.
constexpr std::int64_t kUsersOfPopularity = 10000;

// Before a run folder: plan ahead, and expect its policy to be shown from then on.
constexpr std::string_view kMpcOf = "mpc:";

// Before a run folder or popularity: draw in proportion to exp(score / temperature).
constexpr std::string_view kDrawn = "drawn:";

[[noreturn]] void Usage(const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); }

config::Settings MakeSettings() {
  return config::Settings({config::Section::Make<sim::EnvironmentConfig>("environment", sim::EnvironmentFields()),
                           config::Section::Make<sim::ServingConfig>("serving", sim::ServingFields()),
                           config::Section::Make<sim::MpcConfig>("mpc", sim::MpcFields())});
}

config::Settings ResolveSettings(const SimulateArgs& args) {
  config::Settings settings = MakeSettings();
  for (const std::string& pair : args.settings) {
    const auto [key, value] = CutSetting(pair, "environment.key=value, serving.key=value or mpc.key=value");
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

sim::SimulationPlan PlanOf(const SimulateArgs& args, const sim::EnvironmentConfig& config) {
  sim::SimulationPlan plan;
  plan.users = args.users;
  plan.first_user = args.first_user;
  plan.horizon = config.horizon;
  plan.slate = config.slate;
  plan.seed = static_cast<std::uint64_t>(args.seed);
  plan.discount = args.discount;
  plan.memory = args.decisions ? sim::kRecommenderClicks : 0;
  return plan;
}

class Trial {
 public:
  Trial(const SimulateArgs& args, const Session& session, const config::Settings& settings,
        const train::OpenedEnvironment& opened)
      : args_(args),
        session_(session),
        settings_(settings),
        opened_(opened),
        plan_(PlanOf(args, settings.section("environment").As<sim::EnvironmentConfig>())) {}

  void Execute() {
    // All policies are opened before the first is tried: a wrong name shows at once.
    std::vector<std::shared_ptr<const core::SlatePolicy>> policies;
    for (const std::string& name : args_.policies) {
      policies.push_back(MakePolicy(name));
    }
    Trials trials{opened_, plan_, opened_.environment->Optimum(plan_.slate, plan_.horizon, plan_.discount), {}};
    for (std::size_t index = 0; index < policies.size(); ++index) {
      trials.tried.push_back(Try(args_.policies[index], *policies[index], trials.optimum));
    }
    if (args_.json) {
      PrintJson(trials);
    } else {
      PrintTable(trials);
    }
  }

 private:
  std::shared_ptr<const core::SlatePolicy> MakePolicy(const std::string& name) {
    const core::Environment& environment = *opened_.environment;
    if (name == "random") {
      return sim::MakeRandomPolicy(environment.NumItems());
    }
    if (name == "popularity") {
      return sim::MakePopularityPolicy(Popularity());
    }
    if (name.starts_with(kDrawn)) {
      return MakeDrawn(name, name.substr(kDrawn.size()));
    }
    if (std::shared_ptr<const core::SlatePolicy> policy = sim::MakeImmediatePolicy(name, environment)) {
      return policy;
    }
    if (name == "mpc") {
      return MakeMpc(sim::MakeGreedyPolicy(environment));
    }
    if (name.starts_with(kMpcOf)) {
      return MakeMpc(OpenRun(name.substr(kMpcOf.size())));
    }
    for (const std::string& how : sim::ImmediatePolicyNames()) {
      if (name.starts_with(how + ":")) {
        const std::string run = name.substr(how.size() + 1);
        RequireFolder(name, run);
        return Fit(name, train::OpenBelief(session_.registry, how, run, args_.device));
      }
    }
    return OpenRun(name);
  }

  // Clicks of other users on random slates, by item.
  [[nodiscard]] std::vector<std::int64_t> Popularity() const {
    sim::SimulationPlan plan = plan_;
    plan.first_user = plan_.first_user + plan_.users;
    plan.users = std::max(kUsersOfPopularity, plan_.users);
    return sim::ClicksUnderRandom(*opened_.environment, plan, session_.stop);
  }

  std::shared_ptr<const core::SlatePolicy> MakeDrawn(const std::string& name, const std::string& of) const {
    const core::ServingRule rule = settings_.section("serving").As<sim::ServingConfig>().rule();
    if (of == "popularity") {
      std::vector<float> logits;
      for (const std::int64_t clicks : Popularity()) {
        logits.push_back(std::log1p(static_cast<float>(clicks)));
      }
      return sim::MakeDrawingPolicy(std::move(logits), rule);
    }
    RequireFolder(name, of);
    return Fit(name, train::OpenDrawn(session_.registry, of, rule, args_.device));
  }

  std::shared_ptr<const core::SlatePolicy> MakeMpc(std::shared_ptr<const core::SlatePolicy> base) const {
    return sim::MakeMpcPolicy(*opened_.environment, settings_.section("mpc").As<sim::MpcConfig>(), plan_.discount,
                              std::move(base));
  }

  std::shared_ptr<const core::SlatePolicy> OpenRun(const std::string& run) {
    RequireFolder(run, run);
    return Fit(run, train::OpenPolicy(session_.registry, run, args_.device));
  }

  static void RequireFolder(const std::string& policy, const std::string& run) {
    if (std::filesystem::exists(run)) {
      return;
    }
    std::vector<std::string> known = {"random", "popularity"};
    for (const std::string& how : sim::ImmediatePolicyNames()) {
      known.insert(known.end(), {how, how + ":RUN"});
    }
    known.insert(known.end(), {"mpc", "mpc:RUN", "drawn:popularity", "drawn:RUN"});
    throw base::Error(base::ErrorKind::kNotFound, "--policy: neither a policy nor a run folder: '" + policy +
                                                      "'; expected one of " + base::Join(known, ", ") +
                                                      ", or a run folder" + base::DidYouMean(policy, known));
  }

  [[nodiscard]] std::shared_ptr<const core::SlatePolicy> Fit(const std::string& name,
                                                             const train::OpenedPolicy& policy) const {
    std::shared_ptr<const core::SlatePolicy> fitted =
        train::FitPolicy(policy, opened_, plan_.slate, args_.allow_training_environment);
    const auto known = static_cast<std::int64_t>(policy.item_ids.size());
    const std::int64_t items = opened_.environment->NumItems();
    if (known < items) {
      base::LogWarn(name + ": knows " + base::FormatCount(known) + " of " + base::FormatCount(items) +
                    " items, and shows no others");
    }
    if (train::LearntItsErrors(policy, opened_)) {
      base::LogWarn(name + ": is tried in the simulator that it comes from; expect less from other users");
    }
    return fitted;
  }

  [[nodiscard]] Tried Try(const std::string& name, const core::SlatePolicy& policy,
                          std::optional<double> optimum) const {
    Tried tried;
    tried.name = name;
    const auto start = Clock::now();
    sim::SimulationHooks hooks;
    hooks.stop = session_.stop;
    std::optional<sim::DecisionRecorder> decisions;
    sim::DisplayLogWriter* displays = nullptr;
    hooks.on_step = [&](const sim::ShownStep& step) {
      if (decisions) {
        decisions->Answer(step);
      }
      if (displays != nullptr) {
        displays->Add(step);
      }
    };
    if (args_.decisions) {
      decisions.emplace(base::RealFileSystem(), *args_.decisions, name, opened_.item_ids, policy, plan_);
      hooks.on_choice = [&](const core::Episodes& users, base::MatrixView<const std::int32_t> slates) {
        decisions->Choose(users, slates);
      };
    }
    if (args_.log) {
      base::WriteAtomically(base::RealFileSystem(), *args_.log, [&](base::WritableFile& file) {
        sim::DisplayLogWriter log(file, opened_.item_ids, plan_);
        displays = &log;
        tried.outcome = sim::Simulate(*opened_.environment, policy, plan_, hooks);
        log.Finish();
      });
    } else {
      tried.outcome = sim::Simulate(*opened_.environment, policy, plan_, hooks);
    }
    if (decisions) {
      decisions->Finish();
    }
    tried.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    tried.summary = sim::Summarize(tried.outcome, plan_, optimum);
    base::LogInfo(fmt::format("{}: {} users in {:.1f} s", name, base::FormatCount(plan_.users), tried.seconds));
    return tried;
  }

  const SimulateArgs& args_;
  const Session& session_;
  const config::Settings& settings_;
  const train::OpenedEnvironment& opened_;
  sim::SimulationPlan plan_;
};

}  // namespace

std::string SimulateHelp() {
  return "Settings (--set section.key=value):\n\n" + config::RenderHelp("environment", sim::EnvironmentFields()) +
         "\n" + config::RenderHelp("serving", sim::ServingFields()) + "\n" +
         config::RenderHelp("mpc", sim::MpcFields());
}

void RunSimulate(const SimulateArgs& args, const Session& session) {
  if (args.policies.empty() && !args.replay) {
    Usage("recforce simulate: what to try is missing; expected --policy, or --replay with a dataset of displays");
  }
  for (const auto& [flag, path] : {std::pair("--log", args.log), std::pair("--decisions", args.decisions)}) {
    if (path && args.policies.size() != 1) {
      Usage(std::string("recforce simulate: ") + flag + ": of whom is unclear: '" +
            std::to_string(args.policies.size()) + "' policies; expected one");
    }
  }
  const config::Settings settings = ResolveSettings(args);
  const train::OpenedEnvironment opened = train::OpenEnvironment(
      session.registry, settings.section("environment").As<sim::EnvironmentConfig>(), args.device);
  if (args.replay) {
    ReplayLog(args, session, opened);
  } else {
    Trial(args, session, settings, opened).Execute();
  }
}

}  // namespace recforce::cli
