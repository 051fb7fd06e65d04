// SPDX-License-Identifier: Apache-2.0
// `recforce docs`: Markdown pages that are printed from the tables of the program.
#include <cstdio>
#include <string>

#include "cli/commands.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "sim/environment_config.h"
#include "sim/mpc.h"
#include "train/run.h"

namespace recforce::cli {
namespace {

std::string Parameters(const core::Registry& registry) {
  std::string text =
      "# Parameters\n\n"
      "Printed by `recforce docs parameters`; do not edit. Give a setting with `--set section.key=value`, in a\n"
      "`--config` file (top-level keys and one mapping a section) or, but for the top level, in the environment as\n"
      "`RECFORCE_SECTION_KEY`. Later layers win: defaults, files in order, environment, flags. `mpc` is a section of\n"
      "`recforce simulate`, which takes `--set` alone.\n\n" +
      config::RenderMarkdown("", train::RunFields()) + "\n" + config::RenderMarkdown("split", data::SplitFields()) +
      "\n" + config::RenderMarkdown("train", train::TrainFields()) + "\n" +
      config::RenderMarkdown("eval", eval::EvalFields()) + "\n" +
      config::RenderMarkdown("environment", sim::EnvironmentFields()) + "\n" +
      config::RenderMarkdown("mpc", sim::MpcFields());
  for (const core::AlgorithmSpec& spec : registry.all()) {
    const config::Section section = spec.make_config();
    text += "\n" + config::RenderMarkdown(section.name(), section.fields());
  }
  return text;
}

std::string Errors() {
  std::string text =
      "# Errors\n\n"
      "Printed by `recforce docs errors`; do not edit. An error is one line on stderr,\n"
      "`recforce: error: where: what is wrong: what was found; what is allowed`, and an exit code:\n\n"
      "| kind | exit code | HTTP status | when |\n|---|---|---|---|\n";
  for (const base::ErrorKindInfo& info : base::kErrorKinds) {
    text += "| `" + std::string(info.name) + "` | " + std::to_string(info.exit_code) + " | " +
            std::to_string(info.http_status) + " | " + std::string(info.meaning) + " |\n";
  }
  return text;
}

}  // namespace

void RunDocs(const DocsArgs& args, const Session& session) {
  const std::vector<std::string> topics = {"parameters", "errors"};
  if (args.topic == topics[0]) {
    std::fputs(Parameters(session.registry).c_str(), stdout);
  } else if (args.topic == topics[1]) {
    std::fputs(Errors().c_str(), stdout);
  } else {
    throw base::Error(base::ErrorKind::kUsage, "recforce docs: unknown topic: '" + args.topic + "'; expected one of " +
                                                   base::Join(topics, ", ") + base::DidYouMean(args.topic, topics));
  }
}

}  // namespace recforce::cli
