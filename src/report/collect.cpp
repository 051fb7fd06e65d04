// SPDX-License-Identifier: Apache-2.0
// Reads runs, evaluates those that lack it, proves that they are comparable, and works out the numbers.
#include "report/collect.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "report/commands.h"
#include "report/examples.h"
#include "report/words.h"

namespace recforce::report {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kGroups = 4;
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
  run.valid_metric = settings.section("train").As<train::TrainConfig>().valid_metric;
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
  run.evaluation = train::ReadEvaluation(run.path);
  if (run.evaluation) {
    return;
  }
  if (!run.info.finished) {
    run.missing = "not finished";
    run.what_to_do = run.command + " --resume";
  } else if (!options.evaluate) {
    run.missing = "not evaluated";
    run.what_to_do = "recforce evaluate " + ShellQuote(run.path);
  } else {
    if (options.notice) {
      options.notice(run.path + ": not evaluated yet; evaluating it now");
    }
    run.evaluation = train::EvaluateRun(files, registry, run.path, options.data, options.stop);
  }
}

void CheckEvaluation(const RunPart& run, const std::vector<std::string>& users) {
  if (run.evaluation &&
      (run.evaluation->split_fingerprint != run.info.split_fingerprint || run.evaluation->user_ids != users)) {
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

// The groups of the evaluations where all have the same, else groups by how much the model was shown.
std::vector<GroupPart> MakeGroups(const data::Split& split, ReportData& report,
                                  std::vector<std::vector<std::size_t>>& rows) {
  std::vector<GroupPart> groups;
  const train::StoredEvaluation& first = *report.runs[*report.reference].evaluation;
  const bool shared =
      !first.user_groups.empty() && std::all_of(report.runs.begin(), report.runs.end(), [&](const RunPart& run) {
        return !run.evaluation ||
               (run.evaluation->group_names == first.group_names && run.evaluation->user_groups == first.user_groups);
      });
  if (shared) {
    report.grouping = first.groups == "activity"     ? "how much of them the model was shown"
                      : first.groups == "mainstream" ? "how popular the items are that the model was shown"
                                                     : first.groups;
    rows.resize(first.group_names.size());
    for (std::size_t row = 0; row < first.user_groups.size(); ++row) {
      rows[static_cast<std::size_t>(first.user_groups[row])].push_back(row);
    }
    for (const std::string& name : first.group_names) {
      groups.push_back({name, 0, {}});
    }
    return groups;
  }
  report.grouping = "items of the user that the model was shown";
  std::vector<std::int64_t> lengths;
  for (std::int64_t row = 0; row < split.test.rows(); ++row) {
    lengths.push_back(static_cast<std::int64_t>(split.test.input.row(row).size()));
  }
  for (ActivityGroup& group : GroupByActivity(lengths, kGroups)) {
    groups.push_back({RangeText(group.least, group.most), 0, {}});
    rows.push_back(std::move(group.rows));
  }
  return groups;
}

void AddGroups(const data::Split& split, ReportData& report) {
  std::vector<std::vector<std::size_t>> rows;
  report.groups = MakeGroups(split, report, rows);
  for (const RunPart& run : report.runs) {
    const std::vector<double> column = ColumnOf(run, report.metric);
    for (std::size_t group = 0; group < rows.size(); ++group) {
      std::vector<double> values;
      for (const std::size_t row : rows[group]) {
        if (!column.empty()) {
          values.push_back(column[row]);
        }
      }
      report.groups[group].users = static_cast<std::int64_t>(rows[group].size());
      report.groups[group].estimates.push_back(values.empty() ? std::nullopt : std::optional(EstimateOf(values)));
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
  const auto comparisons = static_cast<std::int64_t>(report.table.metrics.size() * (report.runs.size() - 1));
  report.all_metrics_compared = split.test.rows() * comparisons <= kMostCompared;
  report.differences = CompareWith(*report.reference, results,
                                   report.all_metrics_compared ? report.table.metrics : std::vector{report.metric});
  AddGroups(split, report);
  AddPairs(report);
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

std::string ReportCommand(const CollectOptions& options) {
  std::string command = "recforce report";
  for (const std::string& run : options.runs) {
    command += " " + ShellQuote(run);
  }
  const auto add = [&](const char* flag, const std::optional<std::string>& value) {
    command += value ? std::string(" ") + flag + " " + ShellQuote(*value) : "";
  };
  add("--title", options.title);
  add("--metric", options.metric);
  add("--reference", options.reference);
  add("--users", options.users.empty() ? std::nullopt : std::optional(base::Join(options.users, ",")));
  add("--data", options.data);
  return command + (options.evaluate ? "" : " --no-evaluate") + " --out report.html";
}

}  // namespace

ReportData Collect(base::FileSystem& files, const core::Registry& registry, const CollectOptions& options) {
  if (options.runs.empty()) {
    Fail(base::ErrorKind::kUsage, "no run is named; expected at least one run folder");
  }
  const std::vector<std::string> labels = Labels(options.runs);
  ReportData report;
  for (std::size_t n = 0; n < options.runs.size(); ++n) {
    report.runs.push_back(ReadRun(registry, options.runs[n], labels[n]));
    CheckComparable(report.runs.front(), report.runs.back());
  }
  report.split = report.runs.front().info;
  const data::Dataset dataset = data::Dataset::Open(options.data.value_or(report.split.dataset_path));
  if (dataset.fingerprint() != report.split.dataset_fingerprint) {
    Fail(base::ErrorKind::kData, "'" + dataset.directory().string() + "' is not the dataset of '" +
                                     options.runs.front() + "': fingerprint '" + dataset.fingerprint() +
                                     "'; expected '" + report.split.dataset_fingerprint + "'");
  }
  const config::Settings settings = train::ReadSettings(registry, options.runs.front());
  const data::Split split = data::MakeSplit(dataset, settings.section("split").As<data::SplitConfig>());
  if (split.fingerprint != report.split.split_fingerprint) {
    Fail(base::ErrorKind::kData, "the split is not the one of '" + options.runs.front() + "': fingerprint '" +
                                     split.fingerprint + "'; expected '" + report.split.split_fingerprint + "'");
  }
  std::vector<std::string> users;
  for (const std::int32_t user : split.test.users) {
    users.emplace_back(dataset.user_ids()[user]);
  }
  for (RunPart& run : report.runs) {
    AddEvaluation(files, registry, options, run);
    CheckEvaluation(run, users);
  }
  report.dataset = DescribeDataset(dataset);
  report.title = options.title.value_or("Recommenders on " + report.dataset.name);
  report.masks_input = split.test.mask_input;
  report.unit = std::set<std::int32_t>(split.test.users.begin(), split.test.users.end()).size() == users.size()
                    ? "users"
                    : "cases";
  AddNumbers(split, options, report);
  AddExamples(registry, dataset, split, options, report);
  report.command = ReportCommand(options);
  return report;
}

}  // namespace recforce::report
