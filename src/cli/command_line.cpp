// SPDX-License-Identifier: Apache-2.0
// The grammar of the command line. The only file that sees CLI11.
#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/data/export.h"
#include "recforce/data/generate.h"

namespace recforce::cli {
namespace {

[[noreturn]] void Usage(const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); }

constexpr std::int64_t kLargest = std::int64_t{1} << 53;

// A check that the argument is a whole number of the range.
std::function<std::string(const std::string&)> Whole(std::int64_t low, std::int64_t high = kLargest) {
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

// Builds the grammar; the arguments live as long as the bound command.
class Grammar {
 public:
  explicit Grammar(const core::Registry& registry)
      : registry_(registry), app_("Recommenders trained with reinforcement learning.", "recforce") {
    app_.set_version_flag("--version", "recforce " RECFORCE_VERSION);
    app_.allow_extras();
    AddData();
    AddTrain();
    AddTune();
    AddEvaluate();
    AddCompare();
    AddReport();
    AddRecommend();
    AddSimulate();
    AddModels();
    AddDemo();
    AddDocs();
    app_.footer("`recforce COMMAND --help` explains one command. Data goes to stdout, progress and logs to stderr.");
  }

  CommandLine Parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      return Print(app_.help());
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
    return {*common_, run_};
  }

 private:
  static CommandLine Print(const std::string& text) {
    return {{}, [text](const Session&) { std::fputs(text.c_str(), stdout); }};
  }

  // The innermost command that was named.
  [[nodiscard]] CLI::App* Deepest() {
    CLI::App* command = &app_;
    while (!command->get_subcommands().empty()) {
      command = command->get_subcommands().front();
    }
    return command;
  }

  [[nodiscard]] static std::string FullName(const CLI::App& command) {
    const CLI::App* parent = command.get_parent();
    return parent == nullptr ? command.get_name() : FullName(*parent) + " " + command.get_name();
  }

  // What may follow the command: its subcommands, or its flags when it has none.
  [[nodiscard]] static std::vector<std::string> Words(const CLI::App& command) {
    std::vector<std::string> words;
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
      words.push_back(sub->get_name());
    }
    return words;
  }

  [[noreturn]] void Refuse(const std::string& what) {
    const std::string name = FullName(*Deepest());
    Usage(name + ": " + what + " (see `" + name + " --help`)");
  }

  [[noreturn]] void RefuseWord(const CLI::App& command, const std::string& word) {
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

  // A command with its arguments, bound to the function that runs it.
  template <class Args>
  std::pair<CLI::App*, Args*> Command(CLI::App& parent, const std::string& name, const std::string& summary,
                                      void (*run)(const Args&, const Session&)) {
    CLI::App* command = parent.add_subcommand(name, summary);
    command->allow_extras();
    command->add_option("--threads", common_->threads, "worker threads; 0 for every core")->check(Whole(0, 1024));
    command->add_flag("--quiet", common_->quiet, "no progress, only warnings and errors");
    command->add_flag("--verbose", common_->verbose, "more log lines");
    auto args = std::make_shared<Args>();
    command->final_callback([this, args, run] { run_ = [args, run](const Session& session) { run(*args, session); }; });
    return {command, args.get()};
  }

  void AddData() {
    CLI::App* data = app_.add_subcommand("data", "Validate, convert, describe, export and generate logs, add displays");
    data->allow_extras();
    AddValidate(*data);
    AddConvert(*data);
    AddExport(*data);
    AddDisplays(*data);
    auto [describe, describe_args] =
        Command<DescribeArgs>(*data, "describe", "Counts, quantiles and provenance of a dataset", RunDescribe);
    describe->add_option("DIR", describe_args->directory, "folder of the dataset")->required();
    describe->add_flag("--json", describe_args->json, "print one JSON object");
    auto [generate, generate_args] =
        Command<GenerateArgs>(*data, "generate", "A synthetic log whose truth is known", RunGenerate);
    const std::string presets = base::Join(data::PresetNames(), ", ");
    generate->add_option("--preset", generate_args->preset, "one of " + presets)->capture_default_str();
    generate->add_option("--seed", generate_args->seed, "seed of the world and its log")
        ->check(Whole(0))
        ->capture_default_str();
    generate->add_option("--out", generate_args->out, "folder of the dataset to write")->required();
  }

  void AddConvert(CLI::App& data) {
    auto [convert, args] = Command<ConvertArgs>(data, "convert", "Make a dataset from log files", RunConvert);
    data::ConvertOptions& options = args->options;
    AddInput(*convert, args->input, options);
    convert->add_option("--out", args->out, "folder of the dataset to write")->required();
    convert->add_flag("--overwrite", options.overwrite,
                      "replace a dataset in --out that was made from another source or by other filters");
    convert
        ->add_option("--config", args->config_files,
                     "configuration file of RecBole, for its columns and filters; later files win, flags before all")
        ->allow_extra_args(false);
    convert->add_option("--min-rating", options.min_rating, "keep rows with at least this value");
    convert->add_option("--min-user-interactions", options.min_user_interactions, "keep users with at least so many")
        ->check(Whole(0))
        ->each([args = args](const std::string&) { args->min_users_given = true; });
    convert->add_option("--min-item-interactions", options.min_item_interactions, "keep items with at least so many")
        ->check(Whole(0))
        ->each([args = args](const std::string&) { args->min_items_given = true; });
    convert
        ->add_option("--duplicates", options.duplicates,
                     "which row of a repeated pair is kept: last, first, error or keep (all); keep for sessions, "
                     "displays, open_bandit and coat, last for the others, when not given")
        ->check(CLI::IsMember({"last", "first", "error", "keep"}));
    convert->add_option("--max-bad-rows", options.max_bad_rows, "malformed rows to skip before giving up")
        ->check(Whole(0))
        ->capture_default_str();
    convert->add_option("--memory-mb", args->memory_mb, "rows beyond so many MiB go to a temporary file in DIR")
        ->check(Whole(1, 1 << 30))
        ->capture_default_str();
  }

  void AddValidate(CLI::App& data) {
    auto [validate, args] =
        Command<ValidateArgs>(data, "validate", "Read a log, say what it holds and what is wrong with it", RunValidate);
    AddInput(*validate, args->input, args->options);
    validate->add_option("--max-bad-rows", args->shown_bad_rows, "malformed rows to show; all are counted")
        ->check(Whole(0))
        ->capture_default_str();
    validate->add_flag("--json", args->json, "print one JSON object");
  }

  void AddExport(CLI::App& data) {
    auto [exported, args] = Command<ExportArgs>(data, "export", "Write a dataset as files of other tools", RunExport);
    exported->add_option("DIR", args->directory, "folder of the dataset")->required();
    exported->add_option("--format", args->format, "one of " + base::Join(data::ExportFormatNames(), ", "))->required();
    exported
        ->add_option("--out", args->out,
                     "file to write; a folder for recbole, and for adjacency and sessions where the log has parts")
        ->required();
  }

  void AddDisplays(CLI::App& data) {
    auto [displays, args] = Command<DisplaysArgs>(
        data, "displays", "Make displays for a dataset that does not say what was shown", RunDisplays);
    data::DisplayOptions& options = args->options;
    displays->add_option("DIR", args->directory, "folder of the dataset")->required();
    displays->add_option("--kind", options.kind, "one of " + base::Join(data::DisplayKinds(), ", "))->required();
    displays->add_option("--size", options.size, "items of a display at most, the chosen one among them")
        ->check(Whole(2, 1000))
        ->capture_default_str();
    displays->add_option("--seed", options.seed, "seed of draws, of ties in time and of the stored order")
        ->check(Whole(0))
        ->capture_default_str();
    displays->add_flag_callback(
        "--no-parts", [args = args] { args->options.parts = false; },
        "leave the parts of the log out, so that split.kind=displays draws users itself");
    displays->add_flag("--overwrite", options.overwrite, "replace a dataset in --out that was made otherwise");
    displays->add_option("--out", args->out, "folder of the dataset to write")->required();
  }

  // What every command that reads a log asks.
  static void AddInput(CLI::App& command, std::string& input, data::ConvertOptions& options) {
    command.add_option("INPUT", input, "a file, or a folder that holds files of known names")->required();
    command.add_option("--format", options.format, "one of " + base::Join(data::FormatNames(), ", "))
        ->capture_default_str();
    command.add_option("--user-col", options.user_column, "name of the column of users");
    command.add_option("--item-col", options.item_column, "name of the column of items");
    command.add_option("--time-col", options.time_column, "name of the column of times");
    command.add_option("--value-col", options.value_column, "name of the column of values");
    command.add_option("--part-col", options.part_column,
                       "name of the column that says train, validation, test or input; none when not given");
    command.add_option("--propensity-col", options.propensity_column,
                       "name of the column of propensities; none when not given");
    command.add_option("--position-col", options.position_column,
                       "name of the column of positions; none when not given");
    command
        .add_option("--feedback-types", options.feedback_types,
                    "gorse: the types of feedback to keep, with commas between them")
        ->delimiter(',')
        ->allow_extra_args(false);
  }

  void AddSettings(CLI::App& command, SettingsArgs& args) {
    command.add_option("--model", args.model, "one of " + base::Join(registry_.Names(), ", "));
    command.add_option("--data", args.data, "folder of the dataset");
    command.add_option("--environment", args.environment,
                       "users to learn from in place of a dataset: world:NAME, or the run of a user model");
    command.add_option("--config", args.config_files, "YAML file of settings; later files win")
        ->allow_extra_args(false);
    command.add_option("--set", args.settings, "one setting, section.key=value; wins over files")
        ->allow_extra_args(false);
    command.add_option("--seed", args.seed, "seed of weights, order and noise")->check(Whole(0));
    command.add_option("--device", args.device, "cpu, cuda or cuda:N");
  }

  void AddTrain() {
    auto [train, args] = Command<TrainArgs>(app_, "train", "Train a model into a run folder", RunTrain);
    AddSettings(*train, *args);
    train->add_option("--out", args->out, "run folder to write")->required();
    train->add_flag("--resume", args->resume, "go on with the run in --out, or start it");
    train->add_flag("--dry-run", args->dry_run, "print the resolved settings and their origins, and stop");
    train->footer([this] { return TrainHelp(registry_); });
  }

  void AddTune() {
    auto [tune, args] =
        Command<TuneArgs>(app_, "tune", "Search for the best settings on the validation users", RunTune);
    AddSettings(*tune, *args);
    tune->get_option("--seed")->description("seed of the search and of every trial");
    tune->add_option("--out", args->out, "folder of the search to write")->required();
    tune->add_option("--search", args->search,
                     "a setting to search: key=LOW..HIGH[:log], key=A,B,C, or key alone for its own space; without "
                     "the flag, every setting with a space that is not set")
        ->allow_extra_args(false);
    tune->add_option("--trials", args->trials, "how many configurations to try; the first is the one given")
        ->check(Whole(1, 1000000))
        ->capture_default_str();
    tune->add_option("--method", args->method, "random, or halving: all trials start, the best third goes on")
        ->check(CLI::IsMember({"random", "halving"}))
        ->capture_default_str();
    tune->add_option("--metric", args->valid_metric, "what is to be highest on the validation users, like ndcg@10");
    tune->add_option("--minutes", args->minutes, "pause the search after this long; 0: no limit")
        ->check(NotNegative)
        ->capture_default_str();
    tune->add_option("--keep", args->keep, "keep the run folders of so many of the best trials; 0: of all")
        ->check(Whole(0))
        ->capture_default_str();
    tune->add_option("--top", args->top, "rows of the printed table")->check(Whole(1, 1000000))->capture_default_str();
    tune->add_flag("--resume", args->resume, "go on with the search in --out, or start it");
    tune->add_flag("--json", args->json, "print one JSON object");
    tune->footer("The spaces of all settings: `recforce docs parameters`, or `recforce models --json`.");
  }

  void AddEvaluate() {
    auto [evaluate, args] =
        Command<EvaluateArgs>(app_, "evaluate", "Measure a run on its test users and keep the result", RunEvaluate);
    evaluate->add_option("RUN", args->run, "run folder")->required();
    evaluate->add_option("--data", args->data, "folder of the dataset, where it has moved");
    evaluate->add_option("--set", args->settings, "another setting of the evaluation, eval.key=value")
        ->allow_extra_args(false);
    evaluate->add_flag("--json", args->json, "print one JSON object");
  }

  void AddCompare() {
    auto [compare, args] =
        Command<CompareArgs>(app_, "compare", "Paired comparison of runs over the same test users", RunCompare);
    compare->add_option("RUN", args->runs, "two run folders or more; the others are compared with the first")
        ->required()
        ->expected(2, -1)
        ->option_text("RUN... REQUIRED");
    compare
        ->add_option("--metric", args->metrics,
                     "the metric to compare, may be repeated; train.valid_metric otherwise, where all have measured it")
        ->allow_extra_args(false);
    compare->add_option("--data", args->data, "folder of the dataset, where it has moved");
    compare->add_flag("--all-pairs", args->all_pairs, "compare every run with every other");
    compare->add_flag("--json", args->json, "print one JSON object");
  }

  void AddReport() {
    auto [report, args] =
        Command<ReportArgs>(app_, "report", "One HTML file about one or several runs, and their plots", RunReport);
    report->add_option("RUN", args->runs, "run folders over one dataset and one split")->required();
    report->add_option("--out", args->out, "HTML file to write")->required();
    report->add_option("--plots", args->plots, "folder in which every plot is kept as SVG and as PNG");
    report->add_option("--title", args->title, "heading of the report");
    report->add_option("--metric", args->metric, "the metric of plots and differences; train.valid_metric otherwise");
    report->add_option("--reference", args->reference, "the run that others are compared with; the first otherwise");
    report->add_option("--users", args->users, "ids of test users to show, with commas between them");
    report->add_option("--data", args->data, "folder of the dataset, where it has moved");
    report->add_flag("--no-evaluate", args->no_evaluate, "leave finished runs that were not evaluated as they are");
    report->add_flag("--json", args->json, "print the numbers of the tables as one JSON object");
  }

  void AddRecommend() {
    auto [recommend, args] = Command<RecommendArgs>(
        app_, "recommend", "The best items for one user or many, from the model alone", RunRecommend);
    recommend->add_option("RUN", args->run, "run folder or bundle folder")->required();
    recommend->add_option("--user", args->user, "id of a user of the log");
    recommend->add_option("--history", args->history, "item ids with commas between them, oldest first");
    recommend->add_option("--users", args->users, "all users of the log, or a file with an id a line; needs --out");
    recommend->add_option("--out", args->out, "JSON lines file for the lists of --users");
    recommend->add_option("-n", args->count, "how many items")->check(Whole(1, 1000000))->capture_default_str();
    recommend->add_option("--seen", args->seen, "may items of the history come again: auto (as tested), skip or allow")
        ->check(CLI::IsMember({"auto", "skip", "allow"}))
        ->capture_default_str();
    recommend->add_option("--device", args->device, "cpu, cuda or cuda:N")->capture_default_str();
    recommend->add_flag("--json", args->json, "print one JSON object");
  }

  void AddSimulate() {
    auto [simulate, args] =
        Command<SimulateArgs>(app_, "simulate", "Try policies on users of a world or of a user model", RunSimulate);
    simulate
        ->add_option("--environment", args->environment,
                     "world:tabular, world:linear, world:latent, or the run folder of a user model")
        ->required();
    simulate
        ->add_option("--policy", args->policies,
                     "random, popularity, top_k, top_utility, greedy, myopic, mpc, or a run folder; may be repeated, "
                     "and the others are compared with the first")
        ->required()
        ->allow_extra_args(false);
    simulate->add_option("--users", args->users, "how many users meet each policy")
        ->check(Whole(1, 100000000))
        ->capture_default_str();
    simulate->add_option("--horizon", args->horizon, "slates shown to a user; environment.horizon otherwise");
    simulate->add_option("--slate", args->slate, "items shown at once; environment.slate otherwise");
    simulate->add_option("--seed", args->seed, "seed of what users do and policies draw")
        ->check(Whole(0))
        ->capture_default_str();
    simulate->add_option("--discount", args->discount, "what a reward loses with each step, for the discounted return")
        ->check(Share)
        ->capture_default_str();
    simulate->add_option("--set", args->settings, "one setting, environment.key=value or mpc.key=value")
        ->allow_extra_args(false);
    simulate->add_option("--log", args->log, "write what was shown and clicked as a log of displays; with one policy");
    simulate->add_option("--device", args->device, "cpu, cuda or cuda:N")->capture_default_str();
    simulate->add_flag("--allow-training-environment", args->allow_training_environment,
                       "try a policy in the learnt users that it was trained on, all the same");
    simulate->add_flag("--json", args->json, "print one JSON object");
    simulate->footer([] { return SimulateHelp(); });
  }

  void AddModels() {
    auto [models, args] = Command<ModelsArgs>(app_, "models", "List the algorithms", RunModels);
    models->add_flag("--json", args->json, "print one JSON array");
  }

  void AddDemo() {
    auto [demo, args] =
        Command<DemoArgs>(app_, "demo", "Generate a log, train four models, compare them, recommend", RunDemo);
    demo->add_option("--out", args->out, "keep everything in this folder");
  }

  void AddDocs() {
    auto [docs, args] = Command<DocsArgs>(app_, "docs", "Print generated documentation as Markdown", RunDocs);
    docs->add_option("TOPIC", args->topic, "parameters or errors")->required();
  }

  const core::Registry& registry_;
  std::shared_ptr<CommonArgs> common_ = std::make_shared<CommonArgs>();
  std::function<void(const Session&)> run_;
  CLI::App app_;
};

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv, const core::Registry& registry) {
  return Grammar(registry).Parse(argc, argv);
}

}  // namespace recforce::cli
