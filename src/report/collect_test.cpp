// SPDX-License-Identifier: Apache-2.0
// From real run folders, of an algorithm that ranks by index, to the whole report.
#include "report/collect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "recforce/data/build_displays.h"
#include "report/commands.h"
#include "report/html.h"
#include "report/json.h"
#include "support/temp_dir.h"
#include "support/unsynced_file_system.h"

namespace recforce::report {
namespace {

namespace fs = std::filesystem;

struct IndexConfig {
  std::int64_t shift = 0;  // the item of this index comes first
  std::int64_t epochs = 1;
};

const config::FieldTable& IndexFields() {
  static const config::FieldTable table = config::Fields<IndexConfig>()
                                              .Int("shift", &IndexConfig::shift, 0, 100, "First item.")
                                              .Int("epochs", &IndexConfig::epochs, 1, 1000, "Epochs.")
                                              .Take();
  return table;
}

class IndexRecommender final : public core::Recommender {
 public:
  IndexRecommender(std::int64_t items, std::int64_t shift) : items_(items), shift_(shift) {}
  [[nodiscard]] std::int64_t NumItems() const override { return items_; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      for (std::int64_t item = 0; item < items_; ++item) {
        out.row(row)[static_cast<std::size_t>(item)] = -static_cast<float>((item - shift_ + items_) % items_);
      }
    }
  }

 private:
  std::int64_t items_;
  std::int64_t shift_;
};

class IndexTrainer final : public core::Trainer {
 public:
  IndexTrainer(const IndexConfig& config, std::int64_t items)
      : config_(config), recommender_(items, config.shift % items) {}
  [[nodiscard]] std::vector<core::Phase> Phases() const override { return {{"train", config_.epochs, 0}}; }
  void BeginPhase(std::int64_t /*phase*/) override {}
  core::Metrics Epoch(const core::EpochContext& context) override {
    return {{"loss", 1.0 / static_cast<double>(context.epoch + 1)}};
  }
  [[nodiscard]] const core::Recommender& Current() const override { return recommender_; }
  void KeepBest() override {}
  void EndPhase() override {}
  [[nodiscard]] base::TensorSet Export() const override {
    base::TensorSet set;
    set.AddOwned("shift", std::vector<std::int64_t>{config_.shift});
    return set;
  }
  [[nodiscard]] base::TensorSet SaveState() const override { return Export(); }
  void LoadState(const base::TensorSet& /*state*/, std::int64_t /*phase*/) override {}

 private:
  IndexConfig config_;
  IndexRecommender recommender_;
};

core::Registry MakeRegistry() {
  core::AlgorithmSpec spec;
  spec.name = "index";
  spec.make_config = [] { return config::Section::Make<IndexConfig>("index", IndexFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view, const core::TrainerContext&) {
    return std::make_unique<IndexTrainer>(section.As<IndexConfig>(), view.num_items);
  };
  spec.load = [](const config::Section& section, const base::TensorSet&, std::int64_t items, const std::string&) {
    return std::make_unique<IndexRecommender>(items, section.As<IndexConfig>().shift % items);
  };
  core::Registry registry;
  registry.Add(std::move(spec));
  return registry;
}

// Thirty users with 4 to 18 of twenty items, whose titles are hostile.
void MakeLog(const fs::path& directory, std::int32_t step = 3) {
  data::Columns log;
  for (std::int32_t item = 0; item < 20; ++item) {
    log.item_ids.push_back("i" + std::string(item < 10 ? "0" : "") + std::to_string(item));
    log.item_titles.push_back(item % 2 == 0 ? "<script>alert(" + std::to_string(item) + ")</script>"
                                            : "\x01t & \"co\"");
  }
  for (std::int32_t user = 0; user < 30; ++user) {
    log.user_ids.push_back("u" + std::string(user < 10 ? "0" : "") + std::to_string(user));
    for (std::int32_t place = 0; place < 4 + user % 15; ++place) {
      log.user.push_back(user);
      log.item.push_back((user + step * place) % 20);
      log.time.push_back(place);
    }
  }
  data::WriteDataset(test::UnsyncedDisk(), directory, log, {.source = "a<b.csv", .format = "csv", .rows_read = 400});
}

class Collecting : public testing::Test {
 protected:
  Collecting() { MakeLog(dir_ / "data"); }

  void Train(const std::string& run, const std::vector<std::pair<std::string, std::string>>& more = {}) {
    config::Settings settings = train::MakeSettings(registry_.Get("index"));
    settings.Set("data", (dir_ / "data").string(), "test");
    settings.Set("split.kind", "leave_last_out", "test");
    settings.Set("train.valid_metric", "ndcg@10", "test");
    for (const auto& [key, text] : more) {
      settings.Set(key, text, "test");
    }
    train::Observer observer;
    train::Train(test::UnsyncedDisk(), registry_, settings, {dir_ / run}, observer);
  }

  CollectOptions Options(const std::vector<std::string>& runs) {
    CollectOptions options;
    for (const std::string& run : runs) {
      options.runs.push_back((dir_ / run).string());
    }
    return options;
  }

  ReportData Report(const CollectOptions& options) { return Collect(test::UnsyncedDisk(), registry_, options); }

  std::string Refusal(const CollectOptions& options, base::ErrorKind kind) {
    try {
      Report(options);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      std::string text = error.what();
      for (std::size_t at = 0; (at = text.find(dir_.path().string() + "/")) != std::string::npos;) {
        text.erase(at, dir_.path().string().size() + 1);
      }
      return text;
    }
    return "nothing was refused";
  }

  test::TempDir dir_;
  core::Registry registry_ = MakeRegistry();
};

TEST_F(Collecting, EverythingOfTwoRuns) {
  Train("a");
  Train("b", {{"index.shift", "7"}, {"index.epochs", "3"}});
  CollectOptions options = Options({"a", "b"});
  std::vector<std::string> notices;
  options.notice = [&](const std::string& text) { notices.push_back(text); };
  const ReportData report = Report(options);
  EXPECT_EQ(notices.size(), 2U);
  EXPECT_TRUE(fs::exists(dir_ / "a/evaluation.safetensors"));
  EXPECT_EQ(report.metric, "ndcg@10");
  EXPECT_EQ(report.reference, 0U);
  EXPECT_EQ(report.runs[1].epochs.size(), 3U);
  EXPECT_EQ(report.runs[1].command, "recforce train --model index --data " + (dir_ / "data").string() +
                                        " --seed 1 --set split.kind=leave_last_out --set train.valid_metric=ndcg@10"
                                        " --set index.shift=7 --set index.epochs=3 --out " +
                                        (dir_ / "b").string());
  EXPECT_EQ(report.command,
            "recforce report " + (dir_ / "a").string() + " " + (dir_ / "b").string() + " --out report.html");
  ASSERT_EQ(report.groups.size(), 3U);
  EXPECT_EQ(report.groups[0].name, "light");
  std::int64_t users = 0;
  for (const GroupPart& group : report.groups) {
    users += group.users;
  }
  EXPECT_EQ(users, report.split.test_users);
  ASSERT_EQ(report.pairs.size(), 1U);
  ASSERT_EQ(report.examples.size(), 3U);
  EXPECT_EQ(report.examples[0].kind, "light");
  EXPECT_LT(report.examples[0].history_length, report.examples[2].history_length);
  EXPECT_EQ(report.examples[0].lists.size(), 2U);
}

// The lists of examples must be those that the metrics saw.
TEST_F(Collecting, HitsOfExamplesAgreeWithTheirHitRate) {
  Train("a", {{"index.shift", "4"}});
  CollectOptions options = Options({"a"});
  for (int user = 0; user < 30; ++user) {
    options.users.push_back("u" + std::string(user < 10 ? "0" : "") + std::to_string(user));
  }
  const ReportData report = Report(options);
  const eval::EvalResult& result = report.runs[0].evaluation->result;
  const std::vector<double> hit_rate = result.Column(result.IndexOf("hr@10"));
  double hits = 0.0;
  for (std::size_t user = 0; user < report.examples.size(); ++user) {
    bool hit = false;
    for (const ItemPart& item : report.examples[user].lists[0]) {
      hit = hit || item.is_hit;
    }
    EXPECT_EQ(hit, hit_rate[user] > 0.0) << report.examples[user].id;
    hits += hit ? 1.0 : 0.0;
  }
  EXPECT_GT(hits, 0.0);
  EXPECT_LT(hits, 30.0);
}

TEST_F(Collecting, TheSameBytesOnAnyNumberOfThreads) {
  Train("a");
  Train("b", {{"index.shift", "7"}});
  base::SetThreads(1);
  const std::string one = RenderHtml(Report(Options({"a", "b"})));
  base::SetThreads(2);
  const std::string two = RenderHtml(Report(Options({"a", "b"})));
  EXPECT_EQ(one, two);
}

TEST_F(Collecting, HostileTextsAreText) {
  Train("a");
  CollectOptions options = Options({"a"});
  options.title = "</title><script>alert(1)</script>";
  const std::string html = RenderHtml(Report(options));
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;alert("), std::string::npos);
  EXPECT_NE(html.find("a&lt;b.csv"), std::string::npos);
  EXPECT_NE(html.find("\xEF\xBF\xBDt &amp; &quot;co&quot;"), std::string::npos);
}

TEST_F(Collecting, ThePageAsksForNothing) {
  Train("a");
  Train("b", {{"index.shift", "7"}});
  const std::string html = RenderHtml(Report(Options({"a", "b"})));
  for (const char* word : {"http:", "https:", "src=", "href=", "url(", "@import", "<link", "<img", "<script"}) {
    EXPECT_EQ(html.find(word), std::string::npos) << word;
  }
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
}

TEST_F(Collecting, WithoutEvaluationTheCommandIsOffered) {
  Train("a");
  CollectOptions options = Options({"a"});
  options.evaluate = false;
  const ReportData report = Report(options);
  EXPECT_FALSE(report.reference.has_value());
  EXPECT_EQ(report.runs[0].missing, "not evaluated");
  EXPECT_EQ(report.runs[0].what_to_do, "recforce evaluate " + (dir_ / "a").string());
  const std::string html = RenderHtml(report);
  EXPECT_NE(html.find("No run has been evaluated"), std::string::npos);
  EXPECT_NE(html.find("id=\"recommendations\""), std::string::npos) << "a finished run recommends";
  EXPECT_FALSE(fs::exists(dir_ / "a/evaluation.safetensors"));
}

TEST_F(Collecting, AnUnfinishedRunStillHasItsCurves) {
  Train("a");
  Train("b", {{"index.epochs", "5"}});
  train::RunInfo info = train::ReadRunInfo(dir_ / "b");
  info.finished = false;
  train::WriteRunInfo(test::UnsyncedDisk(), dir_ / "b", info);
  std::ofstream(dir_ / "b/metrics.jsonl", std::ios::app) << R"({"phase":"train","epo)";
  const ReportData report = Report(Options({"b", "a"}));
  EXPECT_EQ(report.reference, 1U) << "the first run that is evaluated";
  EXPECT_EQ(report.runs[0].missing, "not finished");
  EXPECT_EQ(report.runs[0].epochs.size(), 5U);
  EXPECT_TRUE(report.examples[0].lists[0].empty());
  const std::string html = RenderHtml(report);
  EXPECT_NE(html.find("not finished"), std::string::npos);
  EXPECT_NE(html.find("--resume"), std::string::npos);
}

TEST_F(Collecting, JsonHoldsTheNumbers) {
  Train("a");
  Train("b", {{"index.shift", "7"}});
  const ReportData report = Report(Options({"a", "b"}));
  const auto json = nlohmann::json::parse(RenderJson(report));
  EXPECT_EQ(json["metric"], "ndcg@10");
  EXPECT_EQ(json["reference"], "a");
  EXPECT_EQ(json["runs"][1]["label"], "b");
  EXPECT_EQ(json["groups"].size(), 3U);
  const double difference =
      json["runs"][1]["metrics"]["ndcg@10"].get<double>() - json["runs"][0]["metrics"]["ndcg@10"].get<double>();
  EXPECT_NEAR(json["differences"][0]["difference"].get<double>(), difference, 1e-12);
}

TEST_F(Collecting, RunsOverDifferentSplitsAreRefused) {
  Train("a");
  Train("b", {{"split.kind", "random_ratio"}});
  const std::string a = train::ReadRunInfo(dir_ / "a").split_fingerprint;
  const std::string b = train::ReadRunInfo(dir_ / "b").split_fingerprint;
  EXPECT_EQ(Refusal(Options({"a", "b"}), base::ErrorKind::kData),
            "report: runs over different splits: 'a' has fingerprint " + a + " (leave_last_out), 'b' has " + b +
                " (random_ratio); expected one dataset and one split. make a report of each");
}

TEST_F(Collecting, RunsOverDifferentDatasetsAreRefused) {
  Train("a");
  MakeLog(dir_ / "other", 7);
  Train("b", {{"data", (dir_ / "other").string()}});
  const std::string a = train::ReadRunInfo(dir_ / "a").dataset_fingerprint;
  const std::string b = train::ReadRunInfo(dir_ / "b").dataset_fingerprint;
  EXPECT_EQ(Refusal(Options({"a", "b"}), base::ErrorKind::kData),
            "report: runs over different datasets: 'a' has fingerprint " + a + " (data), 'b' has " + b +
                " (other); expected one dataset and one split. make a report of each");
}

TEST_F(Collecting, RunsThatWereEvaluatedDifferentlyAreRefused) {
  Train("a");
  Train("b", {{"eval.ties", "optimistic"}});
  EXPECT_EQ(Refusal(Options({"a", "b"}), base::ErrorKind::kData),
            "report: runs that were evaluated differently: 'a' with ties 'pessimistic', definitions 'recforce', "
            "candidates 'all', 'b' with ties 'optimistic', definitions 'recforce', candidates 'all'; expected one way. "
            "evaluate one of them again");
}

TEST_F(Collecting, AnEvaluationOfAnotherSplitIsRefused) {
  Train("a");
  Report(Options({"a"}));
  train::StoredEvaluation evaluation = *train::ReadEvaluation(dir_ / "a");
  const std::string expected = evaluation.split_fingerprint;
  evaluation.split_fingerprint = "0123";
  train::WriteEvaluation(test::UnsyncedDisk(), dir_ / "a", evaluation);
  EXPECT_EQ(Refusal(Options({"a"}), base::ErrorKind::kData),
            "report: the evaluation of 'a' is not of the test users of its run: split fingerprint '0123'; expected '" +
                expected + "'. evaluate it again with `recforce evaluate`");
}

TEST_F(Collecting, KeptListsOfItemsThatThereAreNotAreRefused) {
  Train("a");
  const std::int64_t items = Report(Options({"a"})).split.items;
  const std::string range = "[0, " + std::to_string(items - 1) + "]";
  const train::StoredEvaluation good = *train::ReadEvaluation(dir_ / "a");
  for (const auto item : {static_cast<std::int32_t>(items), 1 << 30, -2}) {
    train::StoredEvaluation evaluation = good;
    evaluation.result.top_items[15] = item;
    train::WriteEvaluation(test::UnsyncedDisk(), dir_ / "a", evaluation);
    EXPECT_EQ(Refusal(Options({"a"}), base::ErrorKind::kData),
              "a/evaluation.safetensors: 'top_items' names an item outside the catalogue: '" + std::to_string(item) +
                  "'; expected -1 or one in " + range);
  }
  train::StoredEvaluation longer = good;
  longer.result.top_k = items + 1;
  longer.result.top_items.assign(static_cast<std::size_t>(longer.result.users * longer.result.top_k), 0);
  train::WriteEvaluation(test::UnsyncedDisk(), dir_ / "a", longer);
  EXPECT_EQ(Refusal(Options({"a"}), base::ErrorKind::kData),
            "a/evaluation.safetensors: 'top_k' is more than the catalogue has: '" + std::to_string(items + 1) +
                "'; expected at most " + std::to_string(items));
  train::StoredEvaluation shorter = good;
  std::fill(shorter.result.top_items.begin(), shorter.result.top_items.end(), -1);
  train::WriteEvaluation(test::UnsyncedDisk(), dir_ / "a", shorter);
  EXPECT_TRUE(Report(Options({"a"})).examples[0].lists[0].empty()) << "-1 fills a list that is short";
}

TEST_F(Collecting, OnlyMetricsOfAllListsTogether) {
  Train("a", {{"eval.metrics", "coverage@10"}});
  Train("b", {{"eval.metrics", "coverage@10"}, {"index.shift", "7"}});
  const ReportData report = Report(Options({"a", "b"}));
  EXPECT_EQ(report.metric, "");
  EXPECT_EQ(report.reference, 0U);
  EXPECT_TRUE(report.table.metrics.empty());
  EXPECT_EQ(report.table.set_metrics, std::vector<std::string>{"coverage@10"});
  EXPECT_TRUE(report.groups.empty() && report.pairs.empty() && report.differences.empty());
  EXPECT_EQ(report.examples[0].lists[0].size(), 10U);
  const std::string html = RenderHtml(report);
  EXPECT_NE(html.find("All lists together"), std::string::npos);
  for (const char* absent : {"class=\"lead\"", "id=\"groups\"", "id=\"differences\"", "id=\"metrics-wide-title\""}) {
    EXPECT_EQ(html.find(absent), std::string::npos) << absent;
  }
  const auto json = nlohmann::json::parse(RenderJson(report));
  EXPECT_TRUE(json["metric"].is_null());
  EXPECT_EQ(json["runs"][0]["set_metrics"].size(), 1U);
}

TEST_F(Collecting, OneRunMayLackMetricsOfSingleUsers) {
  Train("a", {{"eval.metrics", "coverage@10"}});
  Train("b");
  const ReportData report = Report(Options({"a", "b"}));
  EXPECT_EQ(report.metric, "ndcg@10");
  EXPECT_TRUE(report.pairs.empty());
  ASSERT_EQ(report.groups.size(), 3U);
  EXPECT_FALSE(report.groups[0].estimates[0].has_value());
  EXPECT_TRUE(report.groups[0].estimates[1].has_value());
  EXPECT_NE(RenderHtml(report).find("not measured"), std::string::npos);
}

TEST_F(Collecting, MetricsThatDescribeListsAreNotJudged) {
  const std::vector<std::pair<std::string, std::string>> settings = {{"eval.metrics", "novelty@10,ndcg@20"}};
  Train("a", settings);
  Train("b", settings);
  CollectOptions options = Options({"a", "b"});
  EXPECT_EQ(Report(options).metric, "ndcg@20") << "the first that both have, of which more is better";
  options.metric = "novelty@10";
  const std::string html = RenderHtml(Report(options));
  EXPECT_NE(html.find("higher for 0 users, lower for 0"), std::string::npos);
  EXPECT_EQ(html.find("better for"), std::string::npos);
}

// Every command of the page leads to this page again.
TEST_F(Collecting, CommandsSayHowItWasEvaluatedAndWhereItGoes) {
  Train("a", {{"eval.metrics", "ndcg@10,coverage@5,hr@10"}});
  Train("b", {{"eval.metrics", "ndcg@10,coverage@5,hr@10"}});
  CollectOptions options = Options({"a", "b"});
  options.out = "pages/one.html";
  options.plots = "my plots";
  ReportData report = Report(options);
  EXPECT_EQ(report.command,
            "recforce report " + options.runs[0] + " " + options.runs[1] + " --out pages/one.html --plots 'my plots'");
  EXPECT_EQ(report.runs[0].evaluate_command, "") << "as the settings of the run say";
  for (const std::string& run : options.runs) {
    train::EvaluateRun(test::UnsyncedDisk(), registry_, run, std::nullopt, nullptr,
                       {"eval.ties=optimistic", "eval.definitions=recbole", "eval.groups=mainstream",
                        "eval.metrics=[gini@5, ndcg@20]"});
  }
  report = Report(options);
  EXPECT_EQ(report.runs[0].evaluate_command,
            "recforce evaluate " + options.runs[0] +
                " --set 'eval.metrics=[ndcg@20, gini@5]' --set eval.ties=optimistic --set eval.definitions=recbole"
                " --set eval.groups=mainstream");
  EXPECT_NE(RenderHtml(report).find("--set eval.ties=optimistic"), std::string::npos);
  EXPECT_EQ(report.grouping, "how popular the items are that the model was shown");
}

TEST_F(Collecting, AMovedDatasetIsNamedInEveryCommand) {
  Train("a");
  fs::rename(dir_ / "data", dir_ / "moved");
  CollectOptions options = Options({"a"});
  options.data = (dir_ / "moved").string();
  options.evaluate = false;
  const ReportData report = Report(options);
  EXPECT_EQ(report.runs[0].what_to_do, "recforce evaluate " + options.runs[0] + " --data " + *options.data);
  EXPECT_EQ(report.command,
            "recforce report " + options.runs[0] + " --data " + *options.data + " --no-evaluate --out report.html");
}

TEST_F(Collecting, GroupsAndListMetricsOfTheEvaluation) {
  const std::vector<std::pair<std::string, std::string>> settings = {
      {"eval.groups", "activity"}, {"eval.metrics", "ndcg@10,novelty@10,coverage@10"}};
  Train("a", settings);
  Train("b", settings);
  const ReportData report = Report(Options({"a", "b"}));
  ASSERT_EQ(report.groups.size(), 3U);
  EXPECT_EQ(report.groups[0].name, "light");
  EXPECT_EQ(report.grouping, "how much of them the model was shown");
  EXPECT_EQ(report.table.metrics, (std::vector<std::string>{"ndcg@10", "novelty@10"}));
  EXPECT_EQ(report.table.set_metrics, std::vector<std::string>{"coverage@10"});
  EXPECT_TRUE(report.table.IsBest(0, 0));
  EXPECT_FALSE(report.table.IsBest(0, 1)) << "more novelty is not better";
  EXPECT_NE(RenderHtml(report).find("All lists together"), std::string::npos);
}

TEST_F(Collecting, BadWordsAreRefused) {
  Train("a");
  Train("b");
  EXPECT_EQ(Refusal({}, base::ErrorKind::kUsage), "report: no run is named; expected at least one run folder");
  EXPECT_EQ(Refusal(Options({"a", "b", "a/"}), base::ErrorKind::kUsage),
            "report: a run is named twice: 'a/'; expected different runs");
  CollectOptions options = Options({"a", "b"});
  options.reference = "c";
  EXPECT_EQ(Refusal(options, base::ErrorKind::kUsage),
            "report: --reference: not one of the runs: 'c'; expected one of a, b");
  options = Options({"a"});
  options.metric = "ndcg@11";
  EXPECT_EQ(Refusal(options, base::ErrorKind::kNotFound).substr(0, 56),
            "report: metric was not measured: 'ndcg@11'; measured: nd");
  options.metric = "coverage@10";
  EXPECT_EQ(Refusal(options, base::ErrorKind::kUsage),
            "report: --metric: a metric of all lists together, without a value for a single user: 'coverage@10'; "
            "expected one of single users, like ndcg@10");
  options = Options({"a"});
  options.users = {"u01", "u99"};
  EXPECT_EQ(Refusal(options, base::ErrorKind::kNotFound),
            "report: --users: no such user in the log: 'u99'; expected ids of the 30 test users, such as 'u00'");
}

TEST_F(Collecting, ABrokenLineOfMetricsIsNamed) {
  Train("a");
  std::ofstream(dir_ / "a/metrics.jsonl", std::ios::app) << "{\"phase\":\"train\"}\n";
  EXPECT_EQ(Refusal(Options({"a"}), base::ErrorKind::kData).substr(0, 46),
            "a/metrics.jsonl:2: not an epoch of a run: [jso");
}

TEST(CommandsTest, MadeDisplaysAreMadeAgain) {
  data::Preprocessing preprocessing;
  preprocessing.source = "log.csv";
  preprocessing.format = "csv";
  EXPECT_EQ(ConvertCommand(preprocessing, "data/x"), "recforce data convert log.csv --format csv --out data/x");
  preprocessing.displays = "logged";
  EXPECT_EQ(ConvertCommand(preprocessing, "data/x"), "recforce data convert log.csv --format csv --out data/x");
  preprocessing.displays = data::DescribeDisplays({.kind = "session", .size = 5, .seed = 3});
  EXPECT_EQ(ConvertCommand(preprocessing, "data/x"),
            "recforce data convert log.csv --format csv --out data/x-log && recforce data displays data/x-log --kind "
            "session --size 5 --seed 3 --out data/x");
  preprocessing.displays = data::DescribeDisplays({.kind = "session", .size = 5, .seed = 3, .parts = false});
  EXPECT_EQ(ConvertCommand(preprocessing, "data/x"),
            "recforce data convert log.csv --format csv --out data/x-log && recforce data displays data/x-log --kind "
            "session --size 5 --seed 3 --no-parts --out data/x");
}

}  // namespace
}  // namespace recforce::report
