// SPDX-License-Identifier: Apache-2.0
// The page as a document: well formed, accessible, of a reasonable size.
#include "report/html.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace recforce::report {
namespace {

// Two runs of 500 epochs over 100,000 users.
ReportData LargeReport() {
  ReportData report;
  report.title = "Large";
  report.dataset.name = "log";
  report.dataset.users = report.dataset.items = report.dataset.interactions = 100000;
  report.ties = "pessimistic";
  report.candidates = "all";
  std::vector<const eval::EvalResult*> results;
  for (const std::string label : {"first", "second"}) {
    RunPart& run = report.runs.emplace_back();
    run.label = run.path = label;
    run.valid_metric = "ndcg@10";
    run.settings = {{"seed", label == "first" ? "1" : "2", label == "first"}, {"train.eval_every", "1", true}};
    for (std::int64_t epoch = 1; epoch <= 500; ++epoch) {
      run.epochs.push_back({"train", epoch, 1.0, {{"loss", 1.0 / epoch}, {"kl", 0.1 * epoch}}, 0.001 * epoch, true});
    }
    run.evaluation.emplace();
    eval::EvalResult& result = run.evaluation->result;
    result.metrics = eval::ParseMetrics(std::vector<std::string>{"ndcg@10"});
    result.users = 100000;
    for (std::int64_t user = 0; user < result.users; ++user) {
      result.per_user.push_back(static_cast<double>((user * 7919) % 1000) / 1000.0 * (label == "first" ? 1.0 : 0.9));
    }
  }
  for (const RunPart& run : report.runs) {
    results.push_back(&run.evaluation->result);
  }
  report.metric = "ndcg@10";
  report.reference = 0;
  report.table = MakeMetricTable(results);
  eval::Comparison comparison;
  comparison.users = 100000;
  report.differences = {{1, "ndcg@10", comparison, 0.5}};
  report.reach = LargestDifference(results[1]->per_user, results[0]->per_user);
  report.pairs = {{1, comparison, BinDifferences(results[1]->per_user, results[0]->per_user, report.reach, 60)}};
  report.grouping = "items";
  report.groups = {{"1 to 5", 100000, {Estimate{0.1, 0.01}, std::nullopt}}};
  return report;
}

// Names of elements that are open when the text ends, and complaints about ends that match nothing.
std::vector<std::string> Unbalanced(const std::string& html) {
  const std::set<std::string> empty = {"meta", "wbr"};
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    const bool closes = html[at + 1] == '/';
    const std::size_t name_begin = at + (closes ? 2 : 1);
    const std::string name = html.substr(name_begin, html.find_first_of(" />\n", name_begin) - name_begin);
    if (html[at + 1] == '!' || html[end - 1] == '/' || empty.count(name) != 0) {
      continue;
    }
    if (!closes) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      open.push_back("unexpected /" + name);
      return open;
    } else {
      open.pop_back();
    }
  }
  return open;
}

TEST(Html, EveryElementIsClosedAndEveryIdIsItsOwn) {
  const std::string html = RenderHtml(LargeReport());
  EXPECT_EQ(Unbalanced(html), std::vector<std::string>{});
  std::set<std::string> ids;
  for (std::size_t at = html.find(" id=\""); at != std::string::npos; at = html.find(" id=\"", at + 1)) {
    const std::string id = html.substr(at + 5, html.find('"', at + 5) - at - 5);
    EXPECT_TRUE(ids.insert(id).second) << id;
  }
  EXPECT_EQ(ids.count("curves"), 1U);
  EXPECT_EQ(ids.count("curves-narrow-title"), 1U);
}

TEST(Html, LargeRunsMakeSmallFiles) {
  const std::string html = RenderHtml(LargeReport());
  EXPECT_LT(html.size(), 200'000U);
  EXPECT_EQ(html, RenderHtml(LargeReport()));
}

TEST(Html, SaysWhatDiffersAndWhatIsBest) {
  const std::string html = RenderHtml(LargeReport());
  EXPECT_NE(html.find("Highest: first, ndcg@10 0.4995"), std::string::npos);
  EXPECT_NE(html.find("<tr><th scope=\"row\"><code>seed</code></th><td>1</td><td>2</td></tr>"), std::string::npos);
  EXPECT_EQ(html.find("<th scope=\"row\"><code>train.eval_every</code></th><td>1</td><td>1</td></tr>"),
            std::string::npos);
  EXPECT_NE(html.find("<strong>0.4995</strong>"), std::string::npos);
  EXPECT_NE(html.find("not measured"), std::string::npos) << "a group that a run has no value for";
  EXPECT_NE(html.find(">wins<"), std::string::npos);
  EXPECT_NE(html.find("better for"), std::string::npos);
}

TEST(Html, JudgesNothingWhereMoreIsNotBetter) {
  ReportData report = LargeReport();
  report.metric = report.differences[0].metric = report.table.metrics[0] = "novelty@10";
  report.table.more_is_better[0] = false;
  const std::string html = RenderHtml(report);
  EXPECT_NE(html.find(">higher</th>"), std::string::npos);
  EXPECT_NE(html.find("higher for"), std::string::npos);
  EXPECT_NE(html.find("Right of zero the run is higher"), std::string::npos);
  for (const char* word : {"<strong>", ">wins<", ">losses<", "wins are", "better for", "the run is better"}) {
    EXPECT_EQ(html.find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace recforce::report
