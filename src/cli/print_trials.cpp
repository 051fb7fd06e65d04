// SPDX-License-Identifier: Apache-2.0
#include "cli/print_trials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "recforce/base/text.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

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

void PrintComparisons(const std::vector<Tried>& tried, std::size_t width) {
  fmt::print("more than {}, for the same users and random numbers\n", tried.front().name);
  PrintRow("policy", width, {"reward/user", "return", "clicks/user"});
  for (std::size_t index = 1; index < tried.size(); ++index) {
    const sim::OutcomeDifference difference = sim::Compare(tried[index].outcome, tried.front().outcome);
    PrintRow(tried[index].name, width,
             {SignedCell(difference.reward_per_user), SignedCell(difference.discounted_return),
              SignedCell(difference.clicks_per_user)});
  }
}

}  // namespace

void PrintJson(const Trials& trials) {
  const core::Environment& environment = *trials.opened.environment;
  const sim::SimulationPlan& plan = trials.plan;
  const std::optional<double>& optimum = trials.optimum;
  Json object = {{"environment", trials.opened.name},
                 {"identity", environment.identity()},
                 {"learnt", environment.learnt()},
                 {"observed", environment.observed()},
                 {"items", environment.NumItems()},
                 {"users", plan.users},
                 {"horizon", plan.horizon},
                 {"slate", plan.slate},
                 {"seed", plan.seed},
                 {"discount", plan.discount},
                 {"optimum", optimum ? Json(*optimum) : Json()},
                 {"policies", Json::array()},
                 {"comparisons", Json::array()}};
  for (std::size_t index = 0; index < trials.tried.size(); ++index) {
    object["policies"].push_back(ToJson(trials.tried[index]));
    if (index > 0) {
      object["comparisons"].push_back(ToJson(trials.tried[index], trials.tried.front()));
    }
  }
  fmt::print("{}\n", object.dump(2, ' ', false, Json::error_handler_t::replace));
}

void PrintTable(const Trials& trials) {
  const sim::SimulationPlan& plan = trials.plan;
  fmt::print("{}: {} items, {} users, {} slates of {}, discount {}\n", trials.opened.name,
             base::FormatCount(trials.opened.environment->NumItems()), base::FormatCount(plan.users),
             base::FormatCount(plan.horizon), plan.slate, base::FormatReal(plan.discount));
  std::size_t width = 6;
  bool anybody_left = false;
  for (const Tried& tried : trials.tried) {
    width = std::max(width, tried.name.size());
    anybody_left = anybody_left || tried.summary.share_left.mean > 0.0;
  }
  std::vector<std::string> heads = {"reward/step", "clicks/slate", "return"};
  if (trials.optimum) {
    heads.emplace_back("regret");
  }
  if (anybody_left) {
    heads.emplace_back("left");
  }
  heads.emplace_back("coverage, gini");
  PrintRow("policy", width, heads);
  for (const Tried& tried : trials.tried) {
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
  if (trials.optimum) {
    fmt::print("the largest expected return is {:.4f}\n", *trials.optimum);
  }
  if (trials.tried.size() > 1) {
    PrintComparisons(trials.tried, width);
  }
  fmt::print("+- is half the 95 % interval over users, by the normal approximation\n");
}

}  // namespace recforce::cli
