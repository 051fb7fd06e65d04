// SPDX-License-Identifier: Apache-2.0
// `recforce tune`: a search, its progress, and its trials in a table.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/run_settings.h"
#include "recforce/base/text.h"
#include "train/material.h"
#include "train/tune.h"
#include "train/tune_record.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;
using train::Trial;
using train::TuneResult;

// "1 epoch", "2 epochs".
std::string Count(std::int64_t count, const std::string& what) {
  return fmt::format("{} {}{}", base::FormatCount(count), what, count == 1 ? "" : "s");
}

// The key without its section.
std::string ShortKey(const train::SearchedKey& key) { return key.field->key; }

std::string ValuesText(const TuneResult& result, const Trial& trial) {
  std::string text;
  for (std::size_t at = 0; at < result.keys.size(); ++at) {
    text += (text.empty() ? "" : " ") + ShortKey(result.keys[at]) + "=" + trial.values[at];
  }
  return text;
}

// Of the trials' epochs only a bar is shown, and only on a terminal: a trial is one line.
class EpochBar final : public train::Observer {
 public:
  explicit EpochBar(bool quiet) : quiet_(quiet || ::isatty(STDERR_FILENO) != 1), progress_(quiet_) {}
  void OnPhase(const core::Phase& phase, std::int64_t index, std::int64_t count) override {
    progress_.OnPhase(phase, index, count);
  }
  void OnStep(std::int64_t done, std::int64_t total) override { progress_.OnStep(done, total); }

 private:
  bool quiet_;
  Progress progress_;
};

class TuneProgress final : public train::TuneObserver {
 public:
  explicit TuneProgress(bool quiet) : quiet_(quiet) {}

  void OnPlan(const TuneResult& plan, const train::Material& material) override {
    train::RunInfo info;
    material.Describe(info);
    if (info.environment.empty()) {
      Line(fmt::format("{}: {} training users, {} items; {} validation users decide, by {}", plan.model,
                       base::FormatCount(info.train_users), base::FormatCount(info.items),
                       base::FormatCount(info.validation_users), plan.metric));
    } else {
      Line(fmt::format("{}: users of {}, {} items; decided by {}", plan.model, info.environment,
                       base::FormatCount(info.items), plan.metric));
    }
    for (std::size_t rung = 0; rung < plan.rungs.size(); ++rung) {
      const std::string share = plan.rungs[rung].shrink == 1
                                    ? "all their epochs"
                                    : fmt::format("1/{} of their epochs", plan.rungs[rung].shrink);
      Line(fmt::format("{}{} with {}", plan.halving ? fmt::format("rung {}: ", rung + 1) : "",
                       Count(plan.rungs[rung].trials, "trial"), share));
    }
  }

  train::Observer& OnTrial(const TuneResult& result, const Trial& trial, std::size_t rung) override {
    bar_.emplace(quiet_);
    if (::isatty(STDERR_FILENO) == 1) {
      Line(fmt::format("{}: {}", Name(result, trial, rung), ValuesText(result, trial)));
    }
    return *bar_;
  }

  void OnTrialEnd(const TuneResult& result, const Trial& trial, std::size_t rung, bool best) override {
    bar_.reset();
    const std::string outcome = !trial.error.empty() ? std::string(NameOf(trial.status)) + ": " + trial.error
                                : trial.best
                                    ? fmt::format("{} {:.4f}{}", result.metric, trial.best->value, best ? "  best" : "")
                                    : "not validated yet";
    Line(fmt::format("{}: {}  ({}; {}, {:.1f} s)", Name(result, trial, rung), outcome, ValuesText(result, trial),
                     Count(trial.epochs, "epoch"), trial.seconds));
  }

 private:
  static std::string Name(const TuneResult& result, const Trial& trial, std::size_t rung) {
    return fmt::format("trial {}/{}{}", trial.number, result.trials.size(),
                       result.halving ? fmt::format(" rung {}", rung + 1) : "");
  }
  void Line(const std::string& text) const {
    if (!quiet_) {
      fmt::print(stderr, "{}\n", text);
    }
  }

  bool quiet_;
  std::optional<EpochBar> bar_;
};

void PrintRow(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string row;
  for (std::size_t at = 0; at < cells.size(); ++at) {
    row += fmt::format("{}{:>{}}", at == 0 ? "" : "  ", cells[at], widths[at]);
  }
  fmt::print("{}\n", row);
}

void PrintTable(const TuneResult& result, std::int64_t top) {
  std::vector<std::vector<std::string>> rows = {{"rank", "trial", result.metric, "epochs", "status"}};
  for (const train::SearchedKey& key : result.keys) {
    rows[0].push_back(ShortKey(key));
  }
  const auto add = [&](const Trial& trial, const std::string& rank) {
    std::vector<std::string> row = {rank, std::to_string(trial.number),
                                    trial.best ? base::FormatFixed(trial.best->value, 4) : "-",
                                    std::to_string(trial.epochs), std::string(NameOf(trial.status))};
    row.insert(row.end(), trial.values.begin(), trial.values.end());
    rows.push_back(std::move(row));
  };
  for (std::size_t place = 0; place < result.ranking.size() && place < static_cast<std::size_t>(top); ++place) {
    add(result.trials[result.ranking[place]], std::to_string(place + 1));
  }
  for (const Trial& trial : result.trials) {
    if (!trial.error.empty()) {
      add(trial, "-");
    }
  }
  std::vector<std::size_t> widths(rows[0].size(), 0);
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t at = 0; at < row.size(); ++at) {
      widths[at] = std::max(widths[at], row[at].size());
    }
  }
  for (const std::vector<std::string>& row : rows) {
    PrintRow(row, widths);
  }
}

// The best value among the trials of one stretch of a setting, or one choice.
struct Stretch {
  std::string name;
  double best = 0.0;
  std::size_t trials = 0;
};

constexpr std::size_t kStretches = 3;

// What trials are compared by: halving gives them different numbers of epochs, but the same in the first rung.
std::optional<double> ValueForHint(const TuneResult& result, const Trial& trial) {
  if (result.halving) {
    return trial.rungs.empty() ? std::nullopt : trial.rungs.front();
  }
  return trial.best ? std::optional<double>(trial.best->value) : std::nullopt;
}

// A range is cut into three of equal length on its scale, choices are kept apart; what no trial met is left out.
std::vector<Stretch> StretchesOf(const TuneResult& result, std::size_t key) {
  const config::SearchSpace& space = result.keys[key].space;
  std::vector<Stretch> stretches(space.is_range() ? kStretches : 0);
  for (const std::size_t at : result.ranking) {
    const std::string& value = result.trials[at].values[key];
    std::size_t place = 0;
    if (space.is_range()) {
      const double share = config::PlaceInRange(space, base::ParseReal(value).value_or(space.low));
      place = static_cast<std::size_t>(std::clamp(share * kStretches, 0.0, kStretches - 1.0));
      stretches[place].name = place == 0 ? "low" : place == 1 ? "middle" : "high";
    } else {
      const auto found =
          std::find_if(stretches.begin(), stretches.end(), [&](const Stretch& each) { return each.name == value; });
      place = static_cast<std::size_t>(found - stretches.begin());
      if (found == stretches.end()) {
        stretches.push_back({value, 0.0, 0});
      }
    }
    Stretch& stretch = stretches[place];
    if (const std::optional<double> value_then = ValueForHint(result, result.trials[at])) {
      stretch.best = stretch.trials++ == 0 ? *value_then : std::max(stretch.best, *value_then);
    }
  }
  stretches.erase(
      std::remove_if(stretches.begin(), stretches.end(), [](const Stretch& each) { return each.trials == 0; }),
      stretches.end());
  return stretches;
}

// Fewer trials say nothing about a stretch.
constexpr std::size_t kFewestForHint = 6;
// The best value is at an end of its range when it is within this share of it.
constexpr double kAtTheEnd = 0.05;

void PrintHints(const TuneResult& result) {
  if (result.ranking.size() < kFewestForHint) {
    return;
  }
  fmt::print("\nbest {} by setting{} (trials)\n", result.metric, result.halving ? ", after rung 1" : "");
  std::size_t width = 0;
  for (const train::SearchedKey& key : result.keys) {
    width = std::max(width, ShortKey(key).size());
  }
  std::vector<std::string> at_the_end;
  for (std::size_t key = 0; key < result.keys.size(); ++key) {
    std::string text;
    for (const Stretch& stretch : StretchesOf(result, key)) {
      text += fmt::format("  {} {:.4f} ({})", stretch.name, stretch.best, stretch.trials);
    }
    fmt::print("  {:<{}}{}\n", ShortKey(result.keys[key]), width, text);
    const config::SearchSpace& space = result.keys[key].space;
    const std::string& best = result.trials[result.ranking.front()].values[key];
    if (space.is_range()) {
      const double share = config::PlaceInRange(space, base::ParseReal(best).value_or(space.low));
      if (share < kAtTheEnd || share > 1.0 - kAtTheEnd) {
        at_the_end.push_back(ShortKey(result.keys[key]) + " = " + best + " (searched " + SearchText(space) + ")");
      }
    }
  }
  if (!at_the_end.empty()) {
    fmt::print("at an end of its range: {}; a wider one may hold more\n", base::Join(at_the_end, ", "));
  }
}

void PrintText(const TuneResult& result, const TuneArgs& args) {
  PrintTable(result, args.top);
  PrintHints(result);
  if (result.out_of_time) {
    const auto done = std::count_if(result.trials.begin(), result.trials.end(),
                                    [](const Trial& trial) { return trial.status != train::TrialStatus::kPlanned; });
    fmt::print("\nout of time with {} of {} trials begun; the same command with --resume goes on\n", done,
               result.trials.size());
  }
  if (!result.ranking.empty()) {
    fmt::print("\nbest: trial {}; `recforce train --config {} --out RUN` trains it\n",
               result.trials[result.ranking.front()].number, result.best_file.string());
  }
}

void PrintJson(const TuneResult& result) {
  Json trials = Json::array();
  for (const Trial& trial : result.trials) {
    trials.push_back(Json::parse(train::TrialLine(result, trial)));
  }
  Json object = {{"model", result.model},
                 {"metric", result.metric},
                 {"method", result.halving ? "halving" : "random"},
                 {"out_of_time", result.out_of_time},
                 {"best", nullptr},
                 {"trials", std::move(trials)}};
  if (!result.ranking.empty()) {
    const Trial& best = result.trials[result.ranking.front()];
    object["best"] = {{"trial", best.number}, {"value", best.best->value}, {"config", result.best_file.string()}};
  }
  fmt::print("{}\n", object.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

void RunTune(const TuneArgs& args, const Session& session) {
  const config::Settings settings = ResolveSettings(args, session, "recforce tune");
  UseThreads(settings.section("").As<train::RunConfig>().threads);
  train::TuneOptions options;
  options.out = args.out;
  options.resume = args.resume;
  options.stop = session.stop;
  options.trials = args.trials;
  options.halving = args.method == "halving";
  options.search = args.search;
  options.keep = args.keep;
  options.minutes = args.minutes;
  TuneProgress progress(session.common.quiet);
  const TuneResult result = train::Tune(base::RealFileSystem(), session.registry, settings, options, progress);
  if (args.json) {
    PrintJson(result);
  } else {
    PrintText(result, args);
  }
}

}  // namespace recforce::cli
