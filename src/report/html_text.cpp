// SPDX-License-Identifier: Apache-2.0
// The sections of words: what the report is about, examples, settings, commands.
#include <algorithm>

#include "recforce/base/text.h"
#include "report/html_parts.h"
#include "report/markup.h"
#include "report/words.h"

namespace recforce::report {
namespace {

std::string Fact(std::string_view name, std::string_view value) {
  return Tag("tr", Text("th", name, " scope=\"row\"") + Text("td", value)) + "\n";
}

std::string FactTable(const std::string& name, const std::string& rows) {
  return Tag("div",
             Tag("table", "\n" + Tag("tbody", "\n" + rows), " class=\"facts\" aria-label=\"" + Escape(name) + "\""),
             " class=\"scroll\"") +
         "\n";
}

std::string Percent(double share) {
  const double percent = 100.0 * share;
  return base::FormatFixed(percent, percent < 0.1 ? 4 : 2) + " %";
}

// What conversion kept out, in the order in which it did.
std::string Filters(const data::Preprocessing& preprocessing) {
  std::vector<std::string> parts = {base::FormatCount(preprocessing.rows_read) + " rows read"};
  const auto dropped = [&](std::int64_t rows, const std::string& what) {
    if (rows > 0) {
      parts.push_back(base::FormatCount(rows) + " " + what);
    }
  };
  if (preprocessing.min_rating) {
    dropped(preprocessing.rows_below_rating, "rated below " + base::FormatReal(*preprocessing.min_rating));
  }
  dropped(preprocessing.duplicates_removed, "repeated pairs (the " + preprocessing.duplicates + " one is kept)");
  dropped(preprocessing.rows_of_rare_items,
          "of items with fewer than " + base::FormatCount(preprocessing.min_item_interactions) + " interactions");
  dropped(preprocessing.rows_of_rare_users,
          "of users with fewer than " + base::FormatCount(preprocessing.min_user_interactions) + " interactions");
  std::string text = parts[0];
  for (std::size_t n = 1; n < parts.size(); ++n) {
    text += (n == 1 ? "; left out: " : ", ") + parts[n];
  }
  return text;
}

std::string DatasetFacts(const ReportData& report) {
  const DatasetPart& dataset = report.dataset;
  const double cells = static_cast<double>(dataset.users) * static_cast<double>(dataset.items);
  const double density = cells > 0.0 ? static_cast<double>(dataset.interactions) / cells : 0.0;
  const std::string& made = dataset.preprocessing.displays;
  const std::string displays =
      made.empty() ? "" : Fact("Displays", made == data::kLoggedDisplays ? "as logged" : "made: " + made);
  return FactTable(
      "Dataset", Fact("Dataset", dataset.name + " (" + dataset.preprocessing.format + ")") +
                     Fact("Users", base::FormatCount(dataset.users)) + Fact("Items", base::FormatCount(dataset.items)) +
                     Fact("Interactions", base::FormatCount(dataset.interactions) + ", density " + Percent(density)) +
                     Fact("Log", Filters(dataset.preprocessing)) + displays + Fact("Fingerprint", dataset.fingerprint));
}

std::string SplitFacts(const ReportData& report) {
  const train::RunInfo& split = report.split;
  std::string rows = Fact("Split", split.split_kind);
  rows +=
      Fact("Training", base::FormatCount(split.train_users) + " users, " + base::FormatCount(split.train_interactions) +
                           " interactions, " + base::FormatCount(split.items) + " items");
  rows += Fact("Validation", base::FormatCount(split.validation_users) + " " + report.unit);
  rows += Fact("Test", base::FormatCount(split.test_users) + " " + report.unit);
  rows += Fact("Left out", base::FormatCount(split.cold_targets_dropped) + " targets that training never saw, " +
                               base::FormatCount(split.users_without_targets) + " users without a target or an input");
  if (report.reference) {
    if (const std::int64_t seen = report.runs[*report.reference].evaluation->seen_targets_dropped; seen > 0) {
      rows += Fact("Left out, too", base::FormatCount(seen) + " targets that their users had before");
    }
    rows += Fact("Ranked", report.candidates == "all"        ? "the whole catalogue"
                           : report.candidates == "displays" ? "what was shown beside the item that was clicked"
                           : report.candidates == "given"    ? "the candidates that the log gives for each user"
                                                             : "sampled candidates: such metrics do not order models "
                                                               "reliably");
    rows += Fact("Rules", std::string(report.masks_input ? "items that the model was shown are left out, "
                                                         : "items that the model was shown are ranked again, ") +
                              report.ties + " ties, metrics as " + report.definitions + " defines them");
  }
  return FactTable("Split", rows + Fact("Fingerprint", split.split_fingerprint));
}

// What the report is about in a sentence. "" without a metric of single users.
std::string BestSentence(const ReportData& report) {
  if (report.metric.empty()) {
    return "";
  }
  const std::size_t column = report.table.Column(report.metric).value();
  std::size_t best = *report.reference;
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    const std::optional<Estimate>& cell = report.table.cells[run][column];
    if (cell && (!report.table.cells[best][column] || cell->mean > report.table.cells[best][column]->mean)) {
      best = run;
    }
  }
  const std::optional<Estimate>& cell = report.table.cells[best][column];
  if (!cell) {
    return "";
  }
  std::string text = report.metric + " " + base::FormatFixed(cell->mean, 4) + " (95 % interval " +
                     base::FormatFixed(cell->mean - cell->half_width, 4) + " to " +
                     base::FormatFixed(cell->mean + cell->half_width, 4) + ")";
  if (report.pairs.empty()) {
    return report.runs[best].label + (report.table.MoreIsBetter(report.metric) ? " reaches " : " has ") + text + ".";
  }
  text = "Highest: " + report.runs[best].label + ", " + text + ".";
  const auto pair =
      std::find_if(report.pairs.begin(), report.pairs.end(), [&](const PairPart& part) { return part.run == best; });
  if (pair == report.pairs.end()) {
    const bool all_lower = std::all_of(report.pairs.begin(), report.pairs.end(),
                                       [](const PairPart& part) { return part.comparison.ci_high < 0.0; });
    return text + " It is the reference; " +
           (all_lower ? "every other run is shown to be lower." : "not every other run is shown to be lower.");
  }
  return text + " Its difference to the reference " + report.runs[*report.reference].label + " is " +
         Signed(pair->comparison.difference) + " (" + Signed(pair->comparison.ci_low) + " to " +
         Signed(pair->comparison.ci_high) + ")" + (pair->comparison.ci_low > 0.0 ? "." : ": no difference is shown.");
}

std::string ItemText(const ItemPart& item) {
  return item.title.empty() ? Escape(item.id) : Text("span", item.title, " title=\"item " + Escape(item.id) + "\"");
}

std::string ListTable(const ReportData& report, const ExampleUser& user) {
  std::string head = Text("th", "", " scope=\"col\"");
  std::vector<std::size_t> shown;
  std::size_t longest = 0;
  for (std::size_t run = 0; run < user.lists.size(); ++run) {
    if (!user.lists[run].empty()) {
      shown.push_back(run);
      longest = std::max(longest, user.lists[run].size());
      const auto hits = std::count_if(user.lists[run].begin(), user.lists[run].end(),
                                      [](const ItemPart& item) { return item.is_hit; });
      head += Tag("th", RunName(report, run) + Escape(" (" + std::to_string(hits) + (hits == 1 ? " hit)" : " hits)")),
                  " scope=\"col\"");
    }
  }
  if (shown.empty()) {
    return Paragraph("No run has a model yet.", "note");
  }
  std::string rows;
  for (std::size_t place = 0; place < longest; ++place) {
    std::string cells = Text("td", std::to_string(place + 1), " class=\"n\"");
    for (const std::size_t run : shown) {
      if (place >= user.lists[run].size()) {
        cells += Tag("td", "");
        continue;
      }
      const ItemPart& item = user.lists[run][place];
      cells += item.is_hit ? Tag("td", "\xE2\x9C\x93\xC2\xA0" + ItemText(item), " class=\"hit\"")
                           : Tag("td", ItemText(item));
    }
    rows += Tag("tr", cells) + "\n";
  }
  return Tag("div", Table("Recommendations for user " + user.id, head, rows), " class=\"lists\"");
}

std::string ItemList(const std::vector<ItemPart>& items, bool mark) {
  std::string text;
  for (const ItemPart& item : items) {
    text +=
        (text.empty() ? "" : "; ") +
        (mark && item.is_hit ? Tag("span", "\xE2\x9C\x93\xC2\xA0" + ItemText(item), " class=\"hit\"") : ItemText(item));
  }
  return text;
}

std::string More(std::int64_t all, std::size_t shown) {
  const std::int64_t more = all - static_cast<std::int64_t>(shown);
  return more > 0 ? base::FormatCount(more) : "";
}

std::string Example(const ReportData& report, const ExampleUser& user) {
  const std::string earlier = More(user.history_length, user.history.size());
  const std::string unseen = More(user.target_count, user.targets.size());
  return Text("h3", "User " + user.id + (user.kind.empty() ? "" : ", a " + user.kind + " one")) + "\n" +
         Tag("p", Text("b", "Shown to the model: ") + (earlier.empty() ? "" : Escape(earlier + " earlier items; ")) +
                      ItemList(user.history, false) + ".") +
         "\n" +
         Tag("p", Text("b", "To be found: ") + ItemList(user.targets, true) +
                      (unseen.empty() ? "" : Escape("; and " + unseen + " more")) + ".") +
         "\n" + ListTable(report, user);
}

const SettingRow* Find(const RunPart& run, const std::string& key) {
  const auto found =
      std::find_if(run.settings.begin(), run.settings.end(), [&](const SettingRow& row) { return row.key == key; });
  return found == run.settings.end() ? nullptr : &*found;
}

// Keys that at least two runs have and that not all of those agree on, in the order of the settings.
std::vector<std::string> DifferingKeys(const std::vector<RunPart>& runs) {
  std::vector<std::string> keys;
  for (const RunPart& run : runs) {
    for (const SettingRow& row : run.settings) {
      const bool differs = std::any_of(runs.begin(), runs.end(), [&](const RunPart& other) {
        const SettingRow* found = Find(other, row.key);
        return found != nullptr && found->text != row.text;
      });
      if (differs && std::find(keys.begin(), keys.end(), row.key) == keys.end()) {
        keys.push_back(row.key);
      }
    }
  }
  return keys;
}

std::string SettingDifferences(const ReportData& report) {
  const std::vector<std::string> keys = DifferingKeys(report.runs);
  if (report.runs.size() < 2) {
    return "";
  }
  if (keys.empty()) {
    return Paragraph("The runs have the same settings.");
  }
  std::string head = Text("th", "setting", " scope=\"col\"");
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    head += Tag("th", RunName(report, run), " scope=\"col\"");
  }
  std::string rows;
  for (const std::string& key : keys) {
    std::string cells = Tag("th", Text("code", key), " scope=\"row\"");
    for (const RunPart& run : report.runs) {
      const SettingRow* row = Find(run, key);
      cells += row == nullptr ? Tag("td", "") : Text("td", row->text);
    }
    rows += Tag("tr", cells) + "\n";
  }
  return Paragraph("Settings in which the runs differ, where at least two have them:", "note") +
         Tag("div", Table("Settings that differ", head, rows), " class=\"pin\"");
}

std::string FullSettings(const ReportData& report, std::size_t number) {
  const RunPart& run = report.runs[number];
  std::string rows;
  for (const SettingRow& row : run.settings) {
    rows += Tag("tr", Tag("th", Text("code", row.key), " scope=\"row\"") +
                          Text("td", row.text, row.is_default ? "" : " class=\"changed\"") +
                          Text("td", row.is_default ? "default" : "set")) +
            "\n";
  }
  const std::string facts = "Trained by recforce " + run.info.recforce_version + " on " +
                            std::to_string(run.info.threads) + (run.info.threads == 1 ? " thread" : " threads") +
                            " in " + base::FormatFixed(run.info.seconds, 1) + " s" +
                            (run.info.finished ? "" : "; not finished") + ". Run folder: " + run.path;
  return Tag("details", "\n" + Tag("summary", "All settings of " + RunName(report, number)) + "\n" +
                            Paragraph(facts, "note") +
                            Table("All settings of " + run.label,
                                  Text("th", "setting", " scope=\"col\"") + Text("th", "value", " scope=\"col\"") +
                                      Text("th", "origin", " scope=\"col\""),
                                  rows)) +
         "\n";
}

}  // namespace

std::string HeadSection(const ReportData& report) {
  std::string runs;
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    runs += (run == 0 ? "" : ", ") + report.runs[run].label;
  }
  const std::string lead = report.reference ? BestSentence(report) : "No run has been evaluated on the test set yet.";
  return Tag("header", "\n" + Text("h1", report.title) + "\n" + (lead.empty() ? "" : Paragraph(lead, "lead")) +
                           Paragraph(std::to_string(report.runs.size()) +
                                         (report.runs.size() == 1 ? " run: " : " runs: ") + runs + ".",
                                     "note")) +
         "\n";
}

std::string DataSection(const ReportData& report) {
  return Section(
      "data", "Data and split",
      DatasetFacts(report) + SplitFacts(report) +
          Paragraph("All runs here share this dataset and this split, which their fingerprints prove. Numbers "
                    "from another split, another filtering of the log, another set of ranked candidates or "
                    "another definition of a metric are not comparable with these.",
                    "note"));
}

std::string ExamplesSection(const ReportData& report) {
  if (report.examples.empty()) {
    return "";
  }
  std::string inner =
      Paragraph("A check mark is a hit: an item that the user chose and the model was not shown.", "note");
  for (const ExampleUser& user : report.examples) {
    inner += Example(report, user);
  }
  return Section("recommendations", "Recommendations", inner);
}

std::string SettingsSection(const ReportData& report) {
  std::string inner = SettingDifferences(report);
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    inner += FullSettings(report, run);
  }
  return Section("settings", "Settings", inner);
}

std::string CommandsSection(const ReportData& report) {
  std::string inner;
  if (!report.dataset.command.empty()) {
    inner += Paragraph("The dataset (a dataset does not keep where its log was, nor which flags named its columns):",
                       "note") +
             Command(report.dataset.command);
  }
  inner += Paragraph("The runs:", "note");
  for (const RunPart& run : report.runs) {
    inner += Command(run.command);
    inner += run.evaluate_command.empty() ? "" : Command(run.evaluate_command);
  }
  return Section("commands", "Repeat it", inner + Paragraph("This report:", "note") + Command(report.command));
}

}  // namespace recforce::report
