// SPDX-License-Identifier: Apache-2.0
#include "cli/replay_log.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "sim/replay.h"
#include "train/open_displays.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Named {
  const char* key;
  const char* title;
  sim::Divergence divergence;
};

std::array<Named, 3> Divergences(const sim::Replay& replay) {
  return {{{"rank", "rank", replay.rank},
           {"items", "items", replay.items},
           {"clicks_per_user", "clicks/user", replay.clicks_per_user}}};
}

void PrintJson(const SimulateArgs& args, const train::OpenedEnvironment& opened, const train::LoggedDisplays& logged,
               const sim::Replay& replay) {
  Json object = {{"environment", opened.name},
                 {"identity", opened.environment->identity()},
                 {"learnt", opened.environment->learnt()},
                 {"data", *args.replay},
                 {"part", logged.test_part ? "test" : "all"},
                 {"users", replay.users},
                 {"displays", replay.displays},
                 {"displays_left_out", logged.left_out},
                 {"seed", args.seed},
                 {"logged_click_rate", replay.logged_click_rate},
                 {"simulated_click_rate", replay.simulated_click_rate}};
  for (const Named& named : Divergences(replay)) {
    object["divergence"][named.key] = {{"value", named.divergence.value}, {"chance", named.divergence.chance}};
  }
  fmt::print("{}\n", object.dump(2, ' ', false, Json::error_handler_t::replace));
}

void PrintTable(const SimulateArgs& args, const train::OpenedEnvironment& opened, const train::LoggedDisplays& logged,
                const sim::Replay& replay) {
  fmt::print("{} before {} displays of {} users of {}{}\n", opened.name, base::FormatCount(replay.displays),
             base::FormatCount(replay.users), *args.replay, logged.test_part ? ", the test part of its split" : "");
  fmt::print("{:<13}{:<11}{}\n", "", "logged", "simulated");
  fmt::print("{:<13}{:<11.4f}{:.4f}\n", "click rate", replay.logged_click_rate, replay.simulated_click_rate);
  fmt::print("{:<13}{:<11}{}\n", "", "divergence", "by chance");
  for (const Named& named : Divergences(replay)) {
    fmt::print("{:<13}{:<11.4f}{:.4f}\n", named.title, named.divergence.value, named.divergence.chance);
  }
  fmt::print("divergence of simulated from logged clicks, in nats; by chance: of two simulations from each other\n");
}

}  // namespace

void ReplayLog(const SimulateArgs& args, const Session& session, const train::OpenedEnvironment& opened) {
  const train::LoggedDisplays logged = train::OpenDisplays(session.registry, opened, args.environment, *args.replay);
  if (logged.left_out > 0) {
    base::LogWarn(*args.replay + ": " + base::FormatCount(logged.left_out) + " displays of " +
                  base::FormatCount(logged.left_out + logged.displays.size()) +
                  " are left out: they show items that '" + opened.name + "' has not");
  }
  const sim::Replay replay =
      sim::CompareWithLog(*opened.environment, logged.displays, static_cast<std::uint64_t>(args.seed));
  if (args.json) {
    PrintJson(args, opened, logged, replay);
  } else {
    PrintTable(args, opened, logged, replay);
  }
}

}  // namespace recforce::cli
