// SPDX-License-Identifier: Apache-2.0
// `recforce train`: settings from defaults, files, environment and flags, then one run.
#include <algorithm>
#include <cstdio>
#include <string>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/run_settings.h"
#include "sim/environment_config.h"
#include "train/run.h"

namespace recforce::cli {
namespace {

// The resolved YAML, each field followed by where its value came from.
std::string WithOrigins(const config::Settings& settings) {
  const std::string yaml = settings.ToYaml();
  const std::vector<config::Settings::Entry> entries = settings.Entries();
  std::string text;
  std::size_t next = 0;
  for (std::size_t begin = 0; begin < yaml.size();) {
    const std::size_t end = std::min(yaml.find('\n', begin), yaml.size());
    const std::string line = yaml.substr(begin, end - begin);
    text += line;
    if (const std::size_t key = line.find_first_not_of(' ');
        next < entries.size() && key != std::string::npos &&
        line.compare(key, entries[next].field->key.size() + 1, entries[next].field->key + ":") == 0) {
      text += "  # " + entries[next].origin;
      ++next;
    }
    text += "\n";
    begin = end + 1;
  }
  return text;
}

}  // namespace

void RunTrain(const TrainArgs& args, const Session& session) {
  const config::Settings settings = ResolveSettings(args, session, "recforce train");
  if (args.dry_run) {
    std::fputs(WithOrigins(settings).c_str(), stdout);
    return;
  }
  UseThreads(settings.section("").As<train::RunConfig>().threads);
  Progress progress(session.common.quiet);
  const train::RunOptions options{args.out, args.resume, session.stop};
  train::Train(base::RealFileSystem(), session.registry, settings, options, progress);
}

std::string TrainHelp(const core::Registry& registry) {
  std::string text =
      "Settings, for --set section.key=value, for --config files (one mapping a section) and, but for the top level,\n"
      "for the environment (RECFORCE_SECTION_KEY):\n\n" +
      config::RenderHelp("", train::RunFields()) + "\n" + config::RenderHelp("split", data::SplitFields()) + "\n" +
      config::RenderHelp("train", train::TrainFields()) + "\n" + config::RenderHelp("eval", eval::EvalFields()) + "\n" +
      config::RenderHelp("environment", sim::EnvironmentFields());
  for (const core::AlgorithmSpec& spec : registry.all()) {
    const config::Section section = spec.make_config();
    text += "\n" + config::RenderHelp(section.name(), section.fields());
  }
  return text;
}

}  // namespace recforce::cli
