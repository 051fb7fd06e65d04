// SPDX-License-Identifier: Apache-2.0
// The commands of the program and their flags.
#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <string>

#include "cli/evaluate_flags.h"
#include "cli/grammar.h"
#include "recforce/base/text.h"
#include "recforce/data/export.h"
#include "recforce/data/generate.h"
#include "train/open_environment.h"

namespace recforce::cli {
namespace {

class Commands {
 public:
  explicit Commands(const core::Registry& registry) : registry_(registry) {
    AddData();
    AddTrain();
    AddTune();
    AddEvaluate(grammar_);
    AddCompare();
    AddReport();
    AddRecommend();
    AddSimulate();
    AddOpe();
    AddModels();
    AddDemo();
    AddDocs();
  }

  CommandLine Parse(int argc, const char* const* argv) { return grammar_.Parse(argc, argv); }

 private:
  void AddData() {
    CLI::App& data =
        Grammar::Group(grammar_.root(), "data", "Validate, convert, describe, export and generate logs, add displays");
    AddValidate(data);
    AddConvert(data);
    AddExport(data);
    AddDisplays(data);
    auto [describe, describe_args] =
        grammar_.Command<DescribeArgs>(data, "describe", "Counts, quantiles and provenance of a dataset", RunDescribe);
    describe->add_option("DIR", describe_args->directory, "folder of the dataset")->required();
    describe->add_flag("--json", describe_args->json, "print one JSON object");
    auto [generate, generate_args] =
        grammar_.Command<GenerateArgs>(data, "generate", "A synthetic log whose truth is known", RunGenerate);
    const std::string presets = base::Join(data::PresetNames(), ", ");
    generate->add_option("--preset", generate_args->preset, "one of " + presets)->capture_default_str();
    generate->add_option("--seed", generate_args->seed, "seed of the world and its log")
        ->check(Whole(0))
        ->capture_default_str();
    generate->add_option("--out", generate_args->out, "folder of the dataset to write")->required();
  }

  void AddConvert(CLI::App& data) {
    auto [convert, args] = grammar_.Command<ConvertArgs>(data, "convert", "Make a dataset from log files", RunConvert);
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
                     "displays, decisions, open_bandit and coat, last for the others, when not given")
        ->check(CLI::IsMember({"last", "first", "error", "keep"}));
    convert->add_option("--max-bad-rows", options.max_bad_rows, "malformed rows to skip before giving up")
        ->check(Whole(0))
        ->capture_default_str();
    convert->add_option("--memory-mb", args->memory_mb, "rows beyond so many MiB go to a temporary file in DIR")
        ->check(Whole(1, 1 << 30))
        ->capture_default_str();
  }

  void AddValidate(CLI::App& data) {
    auto [validate, args] = grammar_.Command<ValidateArgs>(
        data, "validate", "Read a log, say what it holds and what is wrong with it", RunValidate);
    AddInput(*validate, args->input, args->options);
    validate->add_option("--max-bad-rows", args->shown_bad_rows, "malformed rows to show; all are counted")
        ->check(Whole(0))
        ->capture_default_str();
    validate->add_flag("--json", args->json, "print one JSON object");
  }

  void AddExport(CLI::App& data) {
    auto [exported, args] =
        grammar_.Command<ExportArgs>(data, "export", "Write a dataset as files of other tools", RunExport);
    exported->add_option("DIR", args->directory, "folder of the dataset")->required();
    exported->add_option("--format", args->format, "one of " + base::Join(data::ExportFormatNames(), ", "))->required();
    exported
        ->add_option("--out", args->out,
                     "file to write; a folder for recbole, and for adjacency and sessions where the log has parts")
        ->required();
  }

  void AddDisplays(CLI::App& data) {
    auto [displays, args] = grammar_.Command<DisplaysArgs>(
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
    command.add_option("--context-col", options.context_column,
                       "name of the column of what was known of the request, such as its page or device; none when not "
                       "given");
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
    auto [train, args] =
        grammar_.Command<TrainArgs>(grammar_.root(), "train", "Train a model into a run folder", RunTrain);
    AddSettings(*train, *args);
    train->add_option("--out", args->out, "run folder to write")->required();
    train->add_flag("--resume", args->resume, "go on with the run in --out, or start it");
    train->add_flag("--dry-run", args->dry_run, "print the resolved settings and their origins, and stop");
    train->footer([this] { return TrainHelp(registry_); });
  }

  void AddTune() {
    auto [tune, args] = grammar_.Command<TuneArgs>(grammar_.root(), "tune",
                                                   "Search for the best settings on the validation users", RunTune);
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

  void AddCompare() {
    auto [compare, args] = grammar_.Command<CompareArgs>(
        grammar_.root(), "compare", "Paired comparison of runs over the same test users", RunCompare);
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
    auto [report, args] = grammar_.Command<ReportArgs>(
        grammar_.root(), "report", "One HTML file about one or several runs, and their plots", RunReport);
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
    auto [recommend, args] = grammar_.Command<RecommendArgs>(
        grammar_.root(), "recommend", "The best items for one user or many, from the model alone", RunRecommend);
    recommend->add_option("RUN", args->run, "run folder or bundle folder")->required();
    recommend->add_option("--user", args->user, "id of a user of the log");
    recommend->add_option("--history", args->history, "item ids with commas between them, oldest first");
    recommend->add_option("--users", args->users, "all users of the log, or a file with an id a line; needs --out");
    recommend->add_option("--out", args->out, "JSON lines file for the lists of --users");
    recommend->add_option("-n", args->count, "how many items")->check(Whole(1, 1000000))->capture_default_str();
    recommend->add_option("--context", args->context,
                          "what is known of the request, such as its page or device: one of the log's contexts");
    recommend->add_option("--seen", args->seen, "may items of the history come again: auto (as tested), skip or allow")
        ->check(CLI::IsMember({"auto", "skip", "allow"}))
        ->capture_default_str();
    recommend->add_option("--device", args->device, "cpu, cuda or cuda:N")->capture_default_str();
    recommend->add_flag("--json", args->json, "print one JSON object");
  }

  void AddSimulate() {
    auto [simulate, args] = grammar_.Command<SimulateArgs>(
        grammar_.root(), "simulate", "Try policies on users of a world or of a user model", RunSimulate);
    simulate
        ->add_option("--environment", args->environment, train::WorldSources() + ", or the run folder of a user model")
        ->required();
    simulate
        ->add_option(
            "--policy", args->policies,
            "random, popularity, top_k, top_utility, greedy, myopic, mpc, RUN (a run folder), mpc:RUN, or greedy:RUN "
            "and "
            "the like for what the users of RUN would like best; may be repeated, and the others are compared with the "
            "first")
        ->allow_extra_args(false);
    CLI::Option* replay = simulate->add_option(
        "--replay", args->replay, "a dataset of displays; compares what these users click with what was clicked");
    simulate->add_option("--users", args->users, "how many users meet each policy")
        ->check(Whole(1, 100000000))
        ->capture_default_str();
    simulate->add_option("--first-user", args->first_user, "the number of the first of them; others are other people")
        ->check(Whole(0, 1000000000000))
        ->capture_default_str();
    simulate->add_option("--horizon", args->horizon, "slates shown to a user; environment.horizon otherwise");
    simulate->add_option("--slate", args->slate, "items shown at once; environment.slate otherwise");
    simulate->add_option("--seed", args->seed, "seed of what users do and policies draw")
        ->check(Whole(0))
        ->capture_default_str();
    simulate
        ->add_option("--discount", args->discount,
                     "what a reward is worth when it comes a step later, in the return and for mpc")
        ->check(Share)
        ->capture_default_str();
    simulate
        ->add_option("--set", args->settings, "one setting, environment.key=value, serving.key=value or mpc.key=value")
        ->allow_extra_args(false);
    simulate->add_option("--log", args->log, "write what was shown and clicked as a log of displays; with one policy");
    simulate->add_option("--decisions", args->decisions,
                         "write what was shown, how likely it was and what it brought as a log of decisions; with one "
                         "policy");
    simulate->add_option("--device", args->device, "cpu, cuda or cuda:N")->capture_default_str();
    simulate->add_flag("--allow-training-environment", args->allow_training_environment,
                       "try a policy in the learnt users that it comes from, all the same");
    for (const char* flag : {"--policy", "--users", "--horizon", "--slate", "--discount", "--log"}) {
      replay->excludes(flag);
    }
    simulate->add_flag("--json", args->json, "print one JSON object");
    simulate->footer([] { return SimulateHelp(); });
  }

  void AddOpe() {
    auto [ope, args] = grammar_.Command<OpeArgs>(grammar_.root(), "ope",
                                                 "What policies are worth, from the decisions of another one", RunOpe);
    ope->add_option("--log", args->log, "log of decisions with propensities")->required();
    ope->add_option(
           "--policy", args->policies,
           "uniform; log:FILE, what the log FILE shows at each position, whatever the user; RUN, a run folder; "
           "or logged, what made the log; may be repeated")
        ->required()
        ->allow_extra_args(false);
    ope->add_option("--format", args->read.format, "of logs: one of " + base::Join(data::DecisionFormatNames(), ", "))
        ->capture_default_str();
    ope->add_option("--max-bad-rows", args->read.max_bad_rows, "malformed rows to skip before giving up")
        ->check(Whole(0))
        ->capture_default_str();
    ope->add_option("--estimators", args->estimators,
                    "names with commas between them; a wrong one prints those that there are")
        ->delimiter(',')
        ->allow_extra_args(false);
    ope->add_option("--temperature", args->temperature, "RUN: of the softmax over its scores")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    ope->add_option("--epsilon", args->epsilon, "RUN: how often it shows any item that could be chosen")
        ->check(Share)
        ->capture_default_str();
    ope->add_option("--greedy", args->greedy, "RUN: share of a slate's places that its best items take for certain")
        ->check(Share)
        ->capture_default_str();
    ope->add_option("--candidates", args->candidates, "RUN: draws among so many of its best items; 0: all")
        ->check(Whole(0))
        ->capture_default_str();
    ope->add_option("--top-k", args->top_k,
                    "draws of the policy that are shown at once, each distinct item bringing what it brings alone")
        ->check(Whole(1, 100000))
        ->capture_default_str();
    CLI::Option* sessions =
        ope->add_flag("--sessions", args->sessions,
                      "the value of a session in place of a decision: what is decided now changes what comes later");
    ope->add_option("--discount", args->discount, "of the rewards of later decisions of a session")
        ->check(Share)
        ->needs(sessions)
        ->capture_default_str();
    ope->add_option("--folds", args->folds, "parts of the log that predict each other's rewards")
        ->check(Whole(2, 1000))
        ->capture_default_str();
    ope->add_option("--replicates", args->replicates, "of the bootstrap")
        ->check(Whole(1, 10000000))
        ->capture_default_str();
    ope->add_option("--alpha", args->alpha, "intervals hold with probability 1 - alpha")
        ->check(Share)
        ->capture_default_str();
    ope->add_option("--seed", args->seed, "of folds and of the bootstrap")->check(Whole(0))->capture_default_str();
    ope->add_option("--device", args->device, "cpu, cuda or cuda:N")->capture_default_str();
    ope->add_flag("--allow-unsupported", args->allow_unsupported,
                  "print estimates that the log does not support, too, and exit as if it did");
    ope->add_flag("--json", args->json, "print one JSON object");
  }

  void AddModels() {
    auto [models, args] = grammar_.Command<ModelsArgs>(grammar_.root(), "models", "List the algorithms", RunModels);
    models->add_flag("--json", args->json, "print one JSON array");
  }

  void AddDemo() {
    auto [demo, args] = grammar_.Command<DemoArgs>(
        grammar_.root(), "demo", "Generate a log, train four models, compare them, recommend", RunDemo);
    demo->add_option("--out", args->out, "keep everything in this folder");
  }

  void AddDocs() {
    auto [docs, args] =
        grammar_.Command<DocsArgs>(grammar_.root(), "docs", "Print generated documentation as Markdown", RunDocs);
    docs->add_option("TOPIC", args->topic, "parameters or errors")->required();
  }

  const core::Registry& registry_;
  Grammar grammar_;
};

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv, const core::Registry& registry) {
  return Commands(registry).Parse(argc, argv);
}

}  // namespace recforce::cli
