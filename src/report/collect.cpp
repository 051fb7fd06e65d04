// SPDX-License-Identifier: Apache-2.0
// Reads runs, evaluates those that lack it, proves that they are comparable, and works out the numbers.
#include "report/collect.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/eval/groups.h"
#include "report/commands.h"
#include "report/examples.h"
#include "train/choice_table.h"

namespace recforce::report {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBins = 60;
// Users times comparisons up to which every metric is compared, which is about ten seconds on two cores.
constexpr std::int64_t kMostCompared = 1'000'000;

[[noreturn]] void Fail(base::ErrorKind kind, const std::string& text) { throw base::Error(kind, "report: " + text); }

fs::path Normal(const std::string& path) {
  const fs::path normal = fs::path(path).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

// The last part of every path where they are all different, else the whole paths.
std::vector<std::string> Labels(const std::vector<std::string>& paths) {
  std::set<std::string> whole;
  std::set<std::string> names;
  for (const std::string& path : paths) {
    const std::string normal = Normal(path).string();
    if (!whole.insert(normal).second) {
      Fail(base::ErrorKind::kUsage, "a run is named twice: '" + path + "'; expected different runs");
    }
    names.insert(Normal(path).filename().string());
  }
  std::vector<std::string> labels;
  for (const std::string& path : paths) {
    labels.push_back(names.size() == paths.size() ? Normal(path).filename().string() : Normal(path).string());
  }
  return labels;
}

// What makes two runs incomparable is said with both their names.
void CheckComparable(const RunPart& first, const RunPart& other) {
  const auto differ = [&](const std::string& what, const std::string& a, const std::string& b) {
    Fail(base::ErrorKind::kData, "runs over different " + what + ": '" + first.path + "' has " + a + ", '" +
                                     other.path + "' has " + b +
                                     "; expected one dataset and one split. make a report of each");
  };
  if (first.info.dataset_fingerprint != other.info.dataset_fingerprint) {
    differ("datasets", "fingerprint " + first.info.dataset_fingerprint + " (" + first.info.dataset_path + ")",
           other.info.dataset_fingerprint + " (" + other.info.dataset_path + ")");
  }
  if (first.info.split_fingerprint != other.info.split_fingerprint) {
    differ("splits", "fingerprint " + first.info.split_fingerprint + " (" + first.info.split_kind + ")",
           other.info.split_fingerprint + " (" + other.info.split_kind + ")");
  }
}

// A run without its evaluation.
RunPart ReadRun(const core::Registry& registry, const std::string& path, const std::string& label) {
  RunPart run;
  run.path = path;
  run.label = label;
  run.info = train::ReadRunInfo(path);
  const config::Settings settings = train::ReadSettings(registry, path);
  const config::Settings defaults = train::MakeSettings(registry.Get(run.info.model));
  run.valid_metric =
      run.info.best ? run.info.valid_metric : settings.section("train").As<train::TrainConfig>().valid_metric;
  const std::vector<config::Settings::Entry> entries = settings.Entries();
  const std::vector<config::Settings::Entry> default_entries = defaults.Entries();
  for (std::size_t n = 0; n < entries.size(); ++n) {
    const std::string key = (entries[n].section.empty() ? "" : entries[n].section + ".") + entries[n].field->key;
    run.settings.push_back({key, entries[n].text, entries[n].text == default_entries[n].text});
  }
  run.epochs = train::ReadMetrics(path);
  run.command = TrainCommand(run.settings, path);
  return run;
}

// The kept evaluation, or a new one where that is possible and wanted.
void AddEvaluation(base::FileSystem& files, const core::Registry& registry, const CollectOptions& options,
                   RunPart& run) {
  run.evaluation =
      run.info.finished && options.evaluate
          ? train::KeptOrNewEvaluation(files, registry, run.path, options.data, options.stop, options.notice)
          : train::ReadEvaluation(run.path);
  if (run.evaluation) {
    const config::Settings settings = train::ReadSettings(registry, run.path);
    const std::vector<std::string> changes =
        EvaluationChanges(settings.section("eval").As<eval::EvalConfig>(), *run.evaluation);
    // With --no-evaluate the report does not even make the evaluation that the run's own settings ask for.
    if (!changes.empty() || !options.evaluate) {
      run.evaluate_command = EvaluateCommand(run.path, changes, options.data);
    }
  } else if (!run.info.finished) {
    run.missing = "not finished";
    run.what_to_do = run.command + " --resume";
  } else {
    run.missing = "not evaluated";
    run.what_to_do = EvaluateCommand(run.path, {}, options.data);
  }
}

void CheckEvaluation(const RunPart& run, const std::vector<std::string>& users, std::int64_t num_items) {
  if (!run.evaluation) {
    return;
  }
  train::CheckTopItems(*run.evaluation, run.path, num_items);
  if (run.evaluation->split_fingerprint != run.info.split_fingerprint || run.evaluation->user_ids != users) {
    Fail(base::ErrorKind::kData, "the evaluation of '" + run.path +
                                     "' is not of the test users of its run: split "
                                     "fingerprint '" +
                                     run.evaluation->split_fingerprint + "'; expected '" + run.info.split_fingerprint +
                                     "'. evaluate it again with `recforce evaluate`");
  }
}

DatasetPart DescribeDataset(const data::Dataset& dataset) {
  DatasetPart part;
  part.name = dataset.preprocessing().source;
  part.path = dataset.directory().string();
  part.fingerprint = dataset.fingerprint();
  part.users = dataset.num_users();
  part.items = dataset.num_items();
  part.interactions = dataset.num_interactions();
  part.has_times = !dataset.times().empty();
  part.has_titles = dataset.item_titles().size() != 0;
  part.preprocessing = dataset.preprocessing();
  part.command = ConvertCommand(part.preprocessing, part.path);
  return part;
}

std::size_t FindReference(const std::string& name, const std::vector<RunPart>& runs) {
  std::vector<std::string> known;
  for (std::size_t run = 0; run < runs.size(); ++run) {
    if (runs[run].label == name || Normal(runs[run].path) == Normal(name)) {
      if (!runs[run].evaluation) {
        Fail(base::ErrorKind::kUsage, "--reference: the run has no evaluation: '" + name + "' is " + runs[run].missing +
                                          "; expected a run that was evaluated");
      }
      return run;
    }
    known.push_back(runs[run].label);
  }
  Fail(base::ErrorKind::kUsage, "--reference: not one of the runs: '" + name + "'; expected one of " +
                                    base::Join(known, ", ") + base::DidYouMean(name, known));
}

std::vector<const eval::EvalResult*> Results(const std::vector<RunPart>& runs) {
  std::vector<const eval::EvalResult*> results;
  for (const RunPart& run : runs) {
    results.push_back(run.evaluation ? &run.evaluation->result : nullptr);
  }
  return results;
}

// The metric's values under a run, empty where it was not measured.
std::vector<double> ColumnOf(const RunPart& run, const std::string& metric) {
  if (run.evaluation) {
    for (std::size_t index = 0; index < run.evaluation->result.metrics.size(); ++index) {
      if (run.evaluation->result.metrics[index].name == metric) {
        return run.evaluation->result.Column(index);
      }
    }
  }
  return {};
}

// The groups of the evaluations where all have the same, else thirds by how much the model was shown.
eval::UserGroups FindGroups(const data::Split& split, ReportData& report) {
  const train::StoredEvaluation& first = *report.runs[*report.reference].evaluation;
  const bool shared =
      !first.user_groups.empty() && std::all_of(report.runs.begin(), report.runs.end(), [&](const RunPart& run) {
        return !run.evaluation ||
               (run.evaluation->group_names == first.group_names && run.evaluation->user_groups == first.user_groups);
      });
  const std::string by = shared ? first.groups : "activity";
  report.grouping = by == "activity"     ? "how much of them the model was shown"
                    : by == "mainstream" ? "how popular the items are that the model was shown"
                                         : by;
  return shared ? eval::UserGroups{first.group_names, first.user_groups}
                : eval::GroupUsers(by, split.test, split.train.view(), split.num_items());
}

void AddGroups(const data::Split& split, ReportData& report) {
  const eval::UserGroups groups = FindGroups(split, report);
  std::vector<std::vector<std::size_t>> rows(groups.names.size());
  for (std::size_t row = 0; row < groups.of_row.size(); ++row) {
    rows[static_cast<std::size_t>(groups.of_row[row])].push_back(row);
  }
  for (std::size_t group = 0; group < rows.size(); ++group) {
    if (rows[group].empty()) {
      continue;
    }
    GroupPart& part = report.groups.emplace_back();
    part.name = groups.names[group];
    part.users = static_cast<std::int64_t>(rows[group].size());
    for (const RunPart& run : report.runs) {
      std::optional<Estimate>& estimate = part.estimates.emplace_back();
      if (!ColumnOf(run, report.metric).empty()) {
        const eval::EvalResult& result = run.evaluation->result;
        const eval::Summary summary = eval::SummarizeRows(result, rows[group], result.IndexOf(report.metric));
        estimate = Estimate{summary.mean, summary.half_width95};
      }
    }
  }
}

void AddPairs(ReportData& report) {
  const std::vector<double> of_reference = ColumnOf(report.runs[*report.reference], report.metric);
  std::vector<std::vector<double>> columns;
  for (const Difference& difference : report.differences) {
    if (difference.metric == report.metric) {
      columns.push_back(ColumnOf(report.runs[difference.run], report.metric));
      report.reach = std::max(report.reach, LargestDifference(columns.back(), of_reference));
      report.pairs.push_back({difference.run, difference.comparison, {}});
    }
  }
  for (std::size_t pair = 0; pair < columns.size() && report.reach > 0.0; ++pair) {
    report.pairs[pair].bins = BinDifferences(columns[pair], of_reference, report.reach, kBins);
  }
}

// Two evaluations of one split may still have measured different things.
void CheckMeasuredAlike(ReportData& report) {
  const RunPart& first = report.runs[*report.reference];
  const auto protocol = [](const train::StoredEvaluation& evaluation) {
    return "ties '" + evaluation.ties + "', definitions '" + evaluation.definitions + "', candidates '" +
           evaluation.candidates + "'";
  };
  for (const RunPart& run : report.runs) {
    if (run.evaluation && protocol(*run.evaluation) != protocol(*first.evaluation)) {
      Fail(base::ErrorKind::kData, "runs that were evaluated differently: '" + first.path + "' with " +
                                       protocol(*first.evaluation) + ", '" + run.path + "' with " +
                                       protocol(*run.evaluation) + "; expected one way. evaluate one of them again");
    }
  }
  report.ties = first.evaluation->ties;
  report.definitions = first.evaluation->definitions;
  report.candidates = first.evaluation->candidates;
}

// Everything that rests on evaluations.
void AddNumbers(const data::Split& split, const CollectOptions& options, ReportData& report) {
  const std::vector<const eval::EvalResult*> results = Results(report.runs);
  report.table = MakeMetricTable(results);
  const auto evaluated = std::find_if(report.runs.begin(), report.runs.end(),
                                      [](const RunPart& run) { return run.evaluation.has_value(); });
  if (options.reference) {
    report.reference = FindReference(*options.reference, report.runs);
  } else if (evaluated != report.runs.end()) {
    report.reference = static_cast<std::size_t>(evaluated - report.runs.begin());
  }
  if (!report.reference) {
    return;
  }
  CheckMeasuredAlike(report);
  report.metric = PrimaryMetric(report.table, options.metric, report.runs[*report.reference].valid_metric);
  if (report.metric.empty()) {  // only metrics of all lists together: nothing to pair or to group
    return;
  }
  const auto comparisons = static_cast<std::int64_t>(report.table.metrics.size() * (report.runs.size() - 1));
  report.all_metrics_compared = split.test.rows() * comparisons <= kMostCompared;
  report.differences = CompareWith(*report.reference, results,
                                   report.all_metrics_compared ? report.table.metrics : std::vector{report.metric});
  AddGroups(split, report);
  AddPairs(report);
}

void AddChoices(const core::Registry& registry, const data::Split& split, const CollectOptions& options,
                ReportData& report) {
  if (split.test_displays.size() == 0) {
    return;
  }
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    if (!report.runs[run].info.finished) {
      continue;
    }
    const RunPart& part = report.runs[run];
    const config::Settings settings = train::ReadSettings(registry, part.path);
    const train::LoadedModel model = train::LoadModelOfRun(registry, part.path, part.info, settings);
    const std::int64_t batch_size = settings.section("eval").As<eval::EvalConfig>().batch_size;
    RunChoices& choices = report.choices.emplace_back();
    choices.run = run;
    for (const train::ChoiceRow& row :
         train::MakeChoiceTable(part.info.model, *model.recommender, split, batch_size, options.stop)) {
      const eval::Reliability clicks = ClickReliability(row.result);
      choices.parts.push_back({row.name, SummarizeChoices(row.result, eval::ChoiceSubset::kAll),
                               SummarizeChoices(row.result, eval::ChoiceSubset::kWithHistory), clicks.ece});
    }
  }
}

void AddExamples(const core::Registry& registry, const data::Dataset& dataset, const data::Split& split,
                 const CollectOptions& options, ReportData& report) {
  const bool typical = options.users.empty();
  const std::vector<std::size_t> rows =
      typical ? TypicalRows(split.test) : RowsOfUsers(dataset, split.test, options.users);
  const core::Ties ties = report.ties == "optimistic" ? core::Ties::kRelevantFirst : core::Ties::kRelevantLast;
  report.examples = DescribeUsers(dataset, split, rows, typical);
  for (const RunPart& run : report.runs) {
    if (run.evaluation && run.evaluation->result.top_k >= static_cast<std::int64_t>(kExampleItems)) {
      AddKeptLists(dataset, split, run.evaluation->result, rows, report.examples);
    } else if (run.info.finished) {
      const train::LoadedModel model = train::LoadModel(registry, run.path, "cpu");
      AddLists(dataset, split, *model.recommender, ties, rows, report.examples);
    } else {
      for (ExampleUser& user : report.examples) {
        user.lists.emplace_back();
      }
    }
  }
}

}  // namespace

ReportData Collect(base::FileSystem& files, const core::Registry& registry, const CollectOptions& asked) {
  CollectOptions options = asked;
  if (options.runs.empty()) {
    Fail(base::ErrorKind::kUsage, "no run is named; expected at least one run folder");
  }
  if (options.metric) {
    options.metric = UserMetric("report: --metric", *options.metric);
  }
  const std::vector<std::string> labels = Labels(options.runs);
  ReportData report;
  for (std::size_t n = 0; n < options.runs.size(); ++n) {
    report.runs.push_back(ReadRun(registry, options.runs[n], labels[n]));
    CheckComparable(report.runs.front(), report.runs.back());
  }
  report.split = report.runs.front().info;
  const train::RunData data = train::OpenDataOfRun(registry, options.runs.front(), options.data);
  const data::Dataset& dataset = data.dataset;
  const data::Split& split = data.split;
  std::vector<std::string> users;
  for (const std::int32_t user : split.test.users) {
    users.emplace_back(dataset.user_ids()[user]);
  }
  for (RunPart& run : report.runs) {
    AddEvaluation(files, registry, options, run);
    CheckEvaluation(run, users, split.num_items());
  }
  report.dataset = DescribeDataset(dataset);
  report.title = options.title.value_or("Recommenders on " + report.dataset.name);
  report.masks_input = split.test.mask_input;
  report.unit = std::set<std::int32_t>(split.test.users.begin(), split.test.users.end()).size() == users.size()
                    ? "users"
                    : "cases";
  AddNumbers(split, options, report);
  AddChoices(registry, split, options, report);
  AddExamples(registry, dataset, split, options, report);
  report.command = ReportCommand(options);
  return report;
}

}  // namespace recforce::report
