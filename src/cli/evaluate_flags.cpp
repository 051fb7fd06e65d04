// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluate_flags.h"

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace recforce::cli {

void AddEvaluate(Grammar& grammar) {
  auto [evaluate, args] = grammar.Command<EvaluateArgs>(
      grammar.root(), "evaluate", "Measure a run on its test users and keep the result", RunEvaluate);
  evaluate->add_option("RUN", args->run, "run folder")->required();
  evaluate->add_option("--data", args->data, "folder of the dataset, where it has moved");
  evaluate->add_option("--set", args->settings, "another setting of the evaluation, eval.key=value")
      ->allow_extra_args(false);
  CLI::Option* const floors = evaluate->add_flag(
      "--floors", args->floors, "beside the model: popularity, the mean user, and each user scored as another one");
  CLI::Option* const rated = evaluate->add_flag(
      "--rated", args->rated,
      "offer each user only what the user rated in the test part, and take one item after the other; nothing is kept");
  rated->excludes(floors);
  evaluate->add_option("--steps", args->steps, "items that are taken")
      ->check(Whole(1, 1000000))
      ->capture_default_str()
      ->needs(rated);
  evaluate->add_option("--liked-above", args->liked_above, "an item of a greater value is liked")
      ->capture_default_str()
      ->needs(rated);
  evaluate->add_flag("--json", args->json, "print one JSON object");
}

}  // namespace recforce::cli
