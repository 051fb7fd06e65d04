// SPDX-License-Identifier: Apache-2.0
// The sections that hold measured numbers.
#include <algorithm>
#include <cmath>

#include "recforce/base/text.h"
#include "report/html_parts.h"
#include "report/markup.h"
#include "report/words.h"

namespace recforce::report {
namespace {

std::string Number(std::string_view text) { return Text("td", text, " class=\"n\""); }
std::string Heading(std::string_view text) { return Text("th", text, " scope=\"col\""); }
std::string NumberHeading(std::string_view text) { return Text("th", text, " scope=\"col\" class=\"n\""); }
std::string RowHeading(const std::string& inner) { return Tag("th", inner, " scope=\"row\""); }
std::string Row(const std::string& cells) { return Tag("tr", cells) + "\n"; }
std::string Fixed(double value) { return base::FormatFixed(value, 4); }

// "0.4123" over "+- 0.0101".
std::string EstimateCell(const std::optional<Estimate>& estimate, bool best) {
  if (!estimate) {
    return Tag("td", Text("span", "not measured"), " class=\"n\"");
  }
  return Tag("td",
             (best ? Text("strong", Fixed(estimate->mean)) : Fixed(estimate->mean)) +
                 Text("span", "\xC2\xB1 " + Fixed(estimate->half_width)),
             " class=\"n\"");
}

std::string MetricRows(const ReportData& report) {
  std::string rows;
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    std::string cells = RowHeading(RunName(report, run));
    for (std::size_t metric = 0; metric < report.table.metrics.size(); ++metric) {
      cells += EstimateCell(report.table.cells[run][metric], report.table.IsBest(run, metric));
    }
    rows += Row(cells);
  }
  return rows;
}

std::string SetMetricTable(const ReportData& report) {
  if (report.table.set_metrics.empty()) {
    return "";
  }
  std::string head = Heading("run");
  for (const std::string& metric : report.table.set_metrics) {
    head += NumberHeading(metric);
  }
  std::string rows;
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    std::string cells = RowHeading(RunName(report, run));
    for (const std::optional<Estimate>& cell : report.table.set_cells[run]) {
      cells += EstimateCell(cell, false);
    }
    rows += Row(cells);
  }
  return Text("h3", "All lists together") + "\n" +
         Paragraph(
             "What the lists of all test users share: there is no value for a single user, and more is not "
             "better by itself. \xC2\xB1 is half the 95 % interval over resampled users.",
             "note") +
         Tag("div", Table("Metrics of all lists together", head, rows), " class=\"pin\"");
}

std::string DifferenceRow(const ReportData& report, const Difference& difference, bool with_metric) {
  const eval::Comparison& comparison = difference.comparison;
  const std::int64_t ties = comparison.users - comparison.users_where_a_wins - comparison.users_where_b_wins;
  return Row(RowHeading(RunName(report, difference.run)) + (with_metric ? Text("td", difference.metric) : "") +
             Number(Signed(comparison.difference)) +
             Number(Signed(comparison.ci_low) + " to " + Signed(comparison.ci_high)) + Number(Fixed(comparison.p)) +
             Number(Fixed(difference.p_holm)) + Number(base::FormatCount(comparison.users_where_a_wins)) +
             Number(base::FormatCount(comparison.users_where_b_wins)) + Number(base::FormatCount(ties)));
}

std::string DifferenceTable(const ReportData& report, bool primary) {
  std::string rows;
  bool more_is_better = true;  // in all rows
  for (const Difference& difference : report.differences) {
    if ((difference.metric == report.metric) == primary) {
      rows += DifferenceRow(report, difference, !primary);
      more_is_better = more_is_better && report.table.MoreIsBetter(difference.metric);
    }
  }
  if (rows.empty()) {
    return "";
  }
  const std::string head = Heading("run") + (primary ? "" : Heading("metric")) + NumberHeading("difference") +
                           NumberHeading("95 % interval") + NumberHeading("p") + NumberHeading("p (Holm)") +
                           NumberHeading(more_is_better ? "wins" : "higher") +
                           NumberHeading(more_is_better ? "losses" : "lower") +
                           NumberHeading(more_is_better ? "ties" : "equal");
  return Tag("div", Table(primary ? "Differences of " + report.metric : "Differences of the other metrics", head, rows),
             " class=\"pin\"");
}

std::string DifferenceBlock(const ReportData& report) {
  if (report.differences.empty()) {
    return "";
  }
  const std::string reference = report.runs[*report.reference].label;
  std::string block =
      Text("h3", "Difference of " + report.metric + " to " + reference) + "\n" +
      Paragraph(std::string(
                    "Run minus reference over the same users: paired percentile bootstrap (10,000 resamples of users) "
                    "and a sign-flip permutation test. p (Holm) is corrected for the number of runs in this table; ") +
                    (report.table.MoreIsBetter(report.metric)
                         ? "wins are users for whom the run is better than the reference."
                         : "higher and lower are users for whom the run has more or less than the reference, which is "
                           "neither better nor worse by itself."),
                "note") +
      DifferenceTable(report, true);
  if (const std::string others = DifferenceTable(report, false); !others.empty()) {
    block += Tag("details", "\n" + Text("summary", "The same for the other metrics") + "\n" + others) + "\n";
  } else if (!report.all_metrics_compared) {
    block += Paragraph(
        "The other metrics are not compared: there are too many users and runs for that. Choose another "
        "one with --metric.",
        "note");
  }
  return block;
}

// "0.4123" over "0.4022 to 0.4224"; a dash where nothing counts.
std::string IntervalCell(const eval::Estimate& estimate) {
  if (std::isnan(estimate.value)) {
    return Number("-");
  }
  return Tag("td", Fixed(estimate.value) + Text("span", Fixed(estimate.low) + " to " + Fixed(estimate.high)),
             " class=\"n\"");
}

std::string ChoiceRows(const std::vector<ChoicePart>& parts, const std::string& subset,
                       eval::ChoiceSummary ChoicePart::*of) {
  std::string rows;
  for (const ChoicePart& part : parts) {
    const eval::ChoiceSummary& summary = part.*of;
    const auto mean = [&](eval::ChoiceMeasure measure) {
      return IntervalCell(summary.mean[static_cast<std::size_t>(measure)]);
    };
    rows += Row(RowHeading(Escape(part.name)) + Text("td", subset) + mean(eval::ChoiceMeasure::kPrecision1) +
                mean(eval::ChoiceMeasure::kPrecision2) + mean(eval::ChoiceMeasure::kNll) +
                IntervalCell(summary.relative_perplexity) +
                Number(of != &ChoicePart::all || std::isnan(part.ece) ? "-" : Fixed(part.ece)));
  }
  return rows;
}

// Runs without an evaluation, and what gives them one.
std::string MissingNotices(const ReportData& report) {
  std::string notices;
  for (const RunPart& run : report.runs) {
    if (!run.evaluation) {
      notices += Tag("div",
                     "\n" +
                         Paragraph("'" + run.label + "' is " + run.missing +
                                   ", so it has no test numbers. This "
                                   "command changes that:") +
                         Command(run.what_to_do),
                     " class=\"notice\"") +
                 "\n";
    }
  }
  return notices;
}

}  // namespace

std::string MetricsSection(const ReportData& report, const std::vector<NamedFigure>& figures) {
  std::string inner = MissingNotices(report);
  if (!report.reference) {
    return Section("metrics", "Metrics", inner);
  }
  if (report.metric.empty()) {
    return Section("metrics", "Metrics", inner + SetMetricTable(report));
  }
  std::string head = Heading("run");
  for (const std::string& metric : report.table.metrics) {
    head += NumberHeading(metric);
  }
  inner += Paragraph("Means over " + base::FormatCount(report.runs[*report.reference].evaluation->result.users) +
                         " test " + report.unit +
                         "; \xC2\xB1 is half the 95 % interval over users. Bold: the highest of its column, where "
                         "more is better. Overlapping intervals do not say that two runs are equal: the paired "
                         "differences below do "
                         "better.",
                     "note") +
           Tag("div", Table("Metrics of every run", head, MetricRows(report)), " class=\"pin\"") +
           FigureBlock(figures, "metrics",
                       report.pairs.empty() ? "Mean with its 95 % interval."
                                            : "Mean with its 95 % interval, and the paired difference to the "
                                              "reference with its own: an interval without zero shows a difference.") +
           DifferenceBlock(report) + SetMetricTable(report);
  return Section("metrics", "Metrics", inner);
}

std::string ChoicesSection(const ReportData& report) {
  if (report.choices.empty()) {
    return "";
  }
  std::string inner = Paragraph(
      "Which of the items that they were shown test users chose, or none. Perplexity is over that of guessing: 1 knows "
      "nothing, 0.5 leaves half of the uncertainty. The baselines know items, no histories: a model of users that does "
      "not beat item_logit has learnt nothing of theirs. Below each number its 95 % interval over resampled users.",
      "note");
  const std::string head = Heading("model") + Heading("choices") + NumberHeading("p@1") + NumberHeading("p@2") +
                           NumberHeading("nll") + NumberHeading("perplexity / guessing") +
                           NumberHeading("calibration error");
  for (const RunChoices& choices : report.choices) {
    inner += Tag("h3", RunName(report, choices.run)) + "\n" +
             Tag("div",
                 Table("Choices foreseen by " + report.runs[choices.run].label, head,
                       ChoiceRows(choices.parts, "all", &ChoicePart::all) +
                           ChoiceRows(choices.parts, "after a click", &ChoicePart::with_history)),
                 " class=\"pin\"");
  }
  return Section("choices", "Choices from displays", inner);
}

std::string CurvesSection(const ReportData& report, const std::vector<NamedFigure>& figures) {
  const std::string block = FigureBlock(
      figures, "curves",
      "Epochs count through all phases of a run; a dashed line is the beginning of a phase. A dot marks the epoch "
      "whose weights were kept, a dotted line a model that does not learn by epochs.");
  if (block.empty()) {
    return "";
  }
  std::string rows;
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    const train::RunInfo& info = report.runs[run].info;
    rows += Row(RowHeading(RunName(report, run)) + Text("td", info.model) +
                Number(base::FormatCount(static_cast<std::int64_t>(report.runs[run].epochs.size()))) +
                (info.best ? Text("td", info.best->phase + " " + base::FormatCount(info.best->epoch)) +
                                 Number(Fixed(info.best->value)) + Text("td", info.valid_metric)
                           : Text("td", "none") + Number("") + Text("td", report.runs[run].valid_metric)) +
                Number(base::FormatFixed(info.seconds, 1)));
  }
  return Section("curves", "Learning curves",
                 block + Tag("div",
                             Table("Training of every run",
                                   Heading("run") + Heading("model") + NumberHeading("epochs") + Heading("best epoch") +
                                       NumberHeading("validation") + Heading("metric") + NumberHeading("seconds"),
                                   rows),
                             " class=\"pin\""));
}

std::string GroupsSection(const ReportData& report, const std::vector<NamedFigure>& figures) {
  if (report.groups.empty()) {
    return "";
  }
  std::string head = Heading("run");
  for (const GroupPart& group : report.groups) {
    head += Tag("th", Escape(group.name) + Text("span", base::FormatCount(group.users) + " users"),
                " scope=\"col\" class=\"n\"");
  }
  std::string rows;
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    std::string cells = RowHeading(RunName(report, run));
    for (const GroupPart& group : report.groups) {
      const std::optional<Estimate>& own = group.estimates[run];
      const bool best = own && std::none_of(group.estimates.begin(), group.estimates.end(),
                                            [&](const auto& other) { return other && other->mean > own->mean; });
      cells += EstimateCell(own, best && report.runs.size() > 1 && report.table.MoreIsBetter(report.metric));
    }
    rows += Row(cells);
  }
  return Section("groups", "Groups of users",
                 FigureBlock(figures, "groups",
                             report.metric + " of test users grouped by " + report.grouping +
                                 ". Whiskers are 95 % intervals over the users of a group.") +
                     Tag("div", Table("Metric by groups of users", head, rows), " class=\"pin\""));
}

std::string DifferencesSection(const ReportData& report, const std::vector<NamedFigure>& figures) {
  if (report.pairs.empty()) {
    return "";
  }
  return Section(
      "differences", "Differences user by user",
      FigureBlock(figures, "differences",
                  "How many test users have which difference of " + report.metric + ". Right of zero the run is " +
                      (report.table.MoreIsBetter(report.metric) ? "better" : "higher") +
                      ", left of it the reference; users for whom both are exactly equal are in no bar. The "
                      "dashed line is the mean."));
}

}  // namespace recforce::report
