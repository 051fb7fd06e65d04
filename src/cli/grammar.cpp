// SPDX-License-Identifier: Apache-2.0
#include "cli/grammar.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::cli {
namespace {

CommandLine Print(const std::string& text) {
  return {{}, [text](const Session&) { std::fputs(text.c_str(), stdout); }};
}

std::string FullName(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : FullName(*parent) + " " + command.get_name();
}

// The commands that may follow the command.
std::vector<std::string> Words(const CLI::App& command) {
  std::vector<std::string> words;
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back(sub->get_name());
  }
  return words;
}

}  // namespace

Grammar::Grammar()
    : root_(std::make_unique<CLI::App>("Recommenders trained with reinforcement learning.", "recforce")) {
  root_->set_version_flag("--version", "recforce " RECFORCE_VERSION);
  root_->allow_extras();
}

Grammar::~Grammar() = default;

CLI::App& Grammar::Group(CLI::App& parent, const std::string& name, const std::string& summary) {
  CLI::App* group = parent.add_subcommand(name, summary);
  group->allow_extras();
  return *group;
}

CLI::App* Grammar::AddCommand(CLI::App& parent, const std::string& name, const std::string& summary,
                              std::function<void(const Session&)> run) {
  CLI::App* command = &Group(parent, name, summary);
  command->add_option("--threads", common_.threads, "worker threads; 0 for every core")->check(Whole(0, 1024));
  command->add_flag("--quiet", common_.quiet, "no progress, only warnings and errors");
  command->add_flag("--verbose", common_.verbose, "more log lines");
  command->final_callback([this, run = std::move(run)] { run_ = run; });
  return command;
}

CommandLine Grammar::Parse(int argc, const char* const* argv) {
  // Not earlier: commands take over the footer that their parent has when they are made.
  root_->footer("`recforce COMMAND --help` explains one command. Data goes to stdout, progress and logs to stderr.");
  try {
    root_->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Print(root_->help());
  } catch (const CLI::CallForVersion& version) {
    return Print(std::string(version.what()) + "\n");
  } catch (const CLI::ParseError& error) {
    Refuse(error.what());
  }
  const CLI::App* command = Deepest();
  if (const std::vector<std::string> extras = command->remaining(); !extras.empty()) {
    RefuseWord(*command, extras.front());
  }
  if (!run_) {
    Refuse("a command is missing; expected one of " + base::Join(Words(*command), ", "));
  }
  return {common_, run_};
}

// The innermost command that was named.
CLI::App* Grammar::Deepest() const {
  CLI::App* command = root_.get();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
  }
  return command;
}

void Grammar::Refuse(const std::string& what) const {
  const std::string name = FullName(*Deepest());
  throw base::Error(base::ErrorKind::kUsage, name + ": " + what + " (see `" + name + " --help`)");
}

void Grammar::RefuseWord(const CLI::App& command, const std::string& word) const {
  const bool is_flag = word.size() > 1 && word[0] == '-';
  std::vector<std::string> known = Words(command);
  if (is_flag) {
    known.clear();
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        known.push_back("--" + name);
      }
    }
  }
  const std::string flag = word.substr(0, word.find('='));
  const char* kind = is_flag ? "unknown flag '" : known.empty() ? "unexpected argument '" : "unknown command '";
  Refuse(kind + flag + "'" + base::DidYouMean(flag, known));
}

std::function<std::string(const std::string&)> Whole(std::int64_t low, std::int64_t high) {
  return [low, high](const std::string& text) -> std::string {
    const std::optional<std::int64_t> value = base::ParseInt(text);
    if (value && *value >= low && *value <= high) {
      return "";
    }
    return "not a whole number of the range: '" + text + "'; expected one in [" + std::to_string(low) + ", " +
           std::to_string(high) + "]";
  };
}

std::string NotNegative(const std::string& text) {
  const std::optional<double> value = base::ParseReal(text);
  return value && *value >= 0.0 ? "" : "not a number of at least 0: '" + text + "'";
}

std::string Share(const std::string& text) {
  const std::optional<double> value = base::ParseReal(text);
  return value && *value >= 0.0 && *value <= 1.0 ? "" : "not a number from 0 to 1: '" + text + "'";
}

}  // namespace recforce::cli
