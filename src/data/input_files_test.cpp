// SPDX-License-Identifier: Apache-2.0
// Which files make a log, in every layout; and every real log that is there, counted.
#include "data/input_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <thread>
#include <tuple>

#include "data/id_table.h"
#include "recforce/base/error.h"
#include "support/collecting_sink.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorKind;
using test::CollectingSink;
using test::TempDir;
using Strings = std::vector<std::string>;

// "format: file=kind ..." with kinds as numbers of the enumeration left out: what matters is the format and the order.
std::string Show(const LogFile& log) {
  std::string text = log.format + ":";
  for (const LogInput& input : log.inputs) {
    text += " " + input.path.filename().string() +
            (input.part ? "#" + std::to_string(static_cast<int>(*input.part)) : "") +
            (input.propensities ? "+" + input.propensities->filename().string() : "");
  }
  return text + (log.titles ? " titles=" + log.titles->filename().string() : "") +
         (log.duplicates == "last" ? "" : " " + log.duplicates);
}

std::string Find(const fs::path& input, const std::string& format = "auto") { return Show(FindLog(input, format, {})); }

std::string ErrorOf(const fs::path& input, const std::string& format = "auto", const ColumnNames& names = {}) {
  try {
    (void)FindLog(input, format, names);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

CollectingSink ReadAll(const fs::path& input, const std::string& format = "auto") {
  CollectingSink sink;
  ReadFound(FindLog(input, format, {}), {}, sink);
  EXPECT_EQ(sink.begins, 1);
  return sink;
}

constexpr const char* kInterHeader = "user_id:token\titem_id:token\n";

TEST(FindLog, KnowsPublishedSplits) {
  const TempDir dir;
  (void)dir.Write("ncf/x.train.rating", "0\t1\t5\t9\n");
  (void)dir.Write("ncf/x.test.rating", "0\t2\t5\t9\n");
  EXPECT_EQ(Find(dir / "ncf"), "ncf: x.train.rating#0 x.test.rating#2");
  (void)dir.Write("ncf/x.test.negative.gz", "");
  EXPECT_EQ(Find(dir / "ncf"), "ncf: x.train.rating#0 x.test.rating#2 x.test.negative.gz");
  (void)dir.Write("ncf/y.train.rating", "0\t1\t5\t9\n");
  (void)dir.Write("ncf/y.test.rating", "0\t2\t5\t9\n");
  EXPECT_EQ(ErrorOf(dir / "ncf"), (dir / "ncf").string() +
                                      ": more than one log in this folder: 'x.train.rating', 'y.train.rating'; give "
                                      "the file itself");
  EXPECT_EQ(Find(dir / "ncf/y.train.rating"), "ncf: y.train.rating#0 y.test.rating#2");
  (void)dir.Write("coat/train.ascii", "0 1\n");
  (void)dir.Write("coat/test.ascii", "1 0\n");
  (void)dir.Write("coat/propensities.ascii.zst", "");
  EXPECT_EQ(Find(dir / "coat"), "coat: train.ascii#0+propensities.ascii.zst test.ascii#2 keep");
  (void)dir.Write("cds/train.txt", "0 1 2\n");
  (void)dir.Write("cds/test.txt", "0 3\n");
  EXPECT_EQ(Find(dir / "cds"), "adjacency: train.txt#0 test.txt#2");
  (void)dir.Write("graph/train.txt", "berlin in germany\n");
  (void)dir.Write("graph/test.txt", "paris in france\n");
  const std::string no_log = (dir / "graph").string() + ": no log in this folder: 'test.txt', 'train.txt'; ";
  EXPECT_EQ(ErrorOf(dir / "graph").substr(0, no_log.size()), no_log);
  EXPECT_EQ(Find(dir / "graph", "adjacency"), "adjacency: train.txt#0 test.txt#2");
  (void)dir.Write("yc/train_sessions.txt", "1 2\n");
  (void)dir.Write("yc/test_cases.txt", "1 2\n");
  EXPECT_EQ(Find(dir / "yc"), "sessions: train_sessions.txt#0 test_cases.txt keep");
}

TEST(FindLog, TakesASplitOrTheWholeRecboleLog) {
  const TempDir dir;
  (void)dir.Write("b/m.train.inter", kInterHeader);
  (void)dir.Write("b/m.test.inter", kInterHeader);
  (void)dir.Write("b/m.item", "");
  EXPECT_EQ(Find(dir / "b"), "recbole: m.train.inter#0 m.test.inter#2 titles=m.item");
  (void)dir.Write("b/m.valid.inter", kInterHeader);
  EXPECT_EQ(Find(dir / "b"), "recbole: m.train.inter#0 m.valid.inter#1 m.test.inter#2 titles=m.item");
  EXPECT_EQ(Find(dir / "b/m.test.inter"), "recbole: m.test.inter");
  (void)dir.Write("b/b.inter", kInterHeader);
  EXPECT_EQ(Find(dir / "b"), "recbole: b.inter");
}

TEST(FindLog, KnowsSingleFilesByNameAndContent) {
  const TempDir dir;
  EXPECT_EQ(Find(dir.Write("a.jsonl", R"({"user":1,"item":2})")), "jsonl: a.jsonl");
  EXPECT_EQ(Find(dir.Write("events", R"({"user":1,"item":2})")), "jsonl: events");
  const std::string feedback = R"({"FeedbackType":"a","UserId":"u","ItemId":"i","Timestamp":"2020-01-01"})";
  EXPECT_EQ(Find(dir.Write("b.jsonl", feedback)), "gorse: b.jsonl");
  (void)dir.Write("g/feedback.jsonl", feedback);
  (void)dir.Write("g/users.jsonl", "{}");
  (void)dir.Write("g/items.jsonl", "{}");
  EXPECT_EQ(Find(dir / "g"), "gorse: feedback.jsonl titles=items.jsonl");
  EXPECT_EQ(Find(dir / "g", "gorse"), "gorse: feedback.jsonl titles=items.jsonl");
  EXPECT_EQ(Find(dir.Write("d.txt", "SessionId\tTime\tItemId\tis_click\n")), "displays: d.txt keep");
  const std::string bandit = "timestamp,item_id,position,click,propensity_score,user_feature_0\n";
  EXPECT_EQ(Find(dir.Write("men.csv", bandit)), "open_bandit: men.csv keep");
  (void)dir.Write("men/men.csv", bandit);
  (void)dir.Write("men/item_context.csv", "item_id\n");
  EXPECT_EQ(Find(dir / "men"), "open_bandit: men.csv keep");
  EXPECT_EQ(Find(dir.Write("u.csv", "user,item\n")), "csv: u.csv");
  EXPECT_EQ(Find(dir.Write("v.csv", "nothing,known\n")), "csv: v.csv");
}

TEST(FindLog, AsksWhereItIsNotSure) {
  const TempDir dir;
  const fs::path pairs = dir.Write("p/ml.txt", "1 2\n1 3\n");
  const std::string expected =
      "expected a log that its name or its first line tells; say which with --format: recbole, movielens, csv, jsonl, "
      "gorse, adjacency, sessions, pairs, ncf, displays, decisions, open_bandit, coat";
  EXPECT_EQ(ErrorOf(pairs), pairs.string() + ": format is not recognised: the first line is '1 2'; " + expected);
  EXPECT_EQ(ErrorOf(dir / "p"), (dir / "p").string() + ": no log in this folder: 'ml.txt'; " + expected);
  (void)dir.Write("p/README.txt", "what it is");
  EXPECT_EQ(Find(dir / "p", "pairs"), "pairs: ml.txt");
  EXPECT_EQ(Find(pairs, "adjacency"), "adjacency: ml.txt");
  EXPECT_EQ(
      ErrorOf(pairs, "pairs", {"", "", "", "", {"like"}}),
      pairs.string() + ": --feedback-types: format pairs has no types of feedback: 'like'; expected a gorse dump");
}

TEST(FindLog, SaysWhatAFolderWithoutALogHolds) {
  const TempDir dir;
  (void)dir.Write("shop/log.csv", "user,item\n1,2\n");
  (void)dir.Write("shop/notes.txt", "");
  EXPECT_EQ(ErrorOf(dir / "shop"), (dir / "shop").string() + ": no log in this folder: 'log.csv', 'notes.txt'; give " +
                                       (dir / "shop/log.csv").string() + " itself, or --format csv");
  EXPECT_EQ(Find(dir / "shop", "csv"), "csv: log.csv");
  for (const char* name : {"a", "b", "c", "d"}) {
    (void)dir.Write("shop/" + std::string(name), "");
  }
  (void)dir.Write("shop/more.jsonl", "");
  const std::string many =
      (dir / "shop").string() + ": no log in this folder: 'a', 'b', 'c', 'd', 'log.csv', ...; expected a log";
  EXPECT_EQ(ErrorOf(dir / "shop").substr(0, many.size()), many);
}

TEST(FindLog, APipeIsNotLookedAt) {
  const TempDir dir;
  const fs::path pipe = dir / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string refused = pipe.string() + ": format of a pipe cannot be looked at; say it with --format";
  EXPECT_EQ(ErrorOf(pipe), refused);
  EXPECT_EQ(ErrorOf(pipe, "movielens"), refused + ", movielens only for a regular file");
  EXPECT_EQ(Find(pipe, "csv"), "csv: pipe");
  // More than a pipe holds, so that nothing of it may have been read before.
  std::string text = "user,item\n";
  for (int i = 0; i < 30000; ++i) {
    text += std::to_string(i) + ",1\n";
  }
  std::thread writer([&] { std::ofstream(pipe) << text; });
  EXPECT_EQ(ReadAll(pipe, "csv").rows.size(), 30000U);
  writer.join();
}

TEST(FindLog, NamesThatCannotBeAreTheUsersAffair) {
  const TempDir dir;
  const fs::path long_name = dir / std::string(300, 'x');
  EXPECT_EQ(ErrorOf(long_name), long_name.string() + ": cannot be looked up: File name too long");
  fs::create_symlink(dir / "loop", dir / "loop");
  EXPECT_EQ(ErrorOf(dir / "loop"),
            (dir / "loop").string() + ": cannot be looked up: Too many levels of symbolic links");
  EXPECT_EQ(ErrorOf(dir / "none/log.csv"), (dir / "none/log.csv").string() + ": no such file or folder");
  (void)dir.Write("links/u.data", "1\t2\t3\t4\n");
  fs::create_symlink(dir / "loop", dir / "links/a.inter");
  fs::create_symlink(dir / "nowhere", dir / "links/b.inter");
  EXPECT_EQ(Find(dir / "links"), "movielens: u.data");
}

TEST(FindLog, FormatsAndPartsAreChecked) {
  const TempDir dir;
  const fs::path log = dir.Write("log.csv", "user,item\n1,2\n");
  EXPECT_EQ(ErrorOf(log, "cvs"),
            "--format: unknown choice 'cvs'; expected recbole, movielens, csv, jsonl, gorse, adjacency, sessions, "
            "pairs, ncf, displays, decisions, open_bandit, coat, auto; did you mean 'csv'?");
  (void)dir.Write("b/m.train.inter", kInterHeader);
  (void)dir.Write("b/m.test.inter", kInterHeader);
  EXPECT_EQ(ErrorOf(dir / "b", "auto", {"", "", "", "", {}, "part"}),
            (dir / "b/m").string() +
                ": --part-col: the files of this log say the parts: 'part'; leave it out, or give "
                "one file that holds all parts");
}

TEST(ReadFound, PartsComeFromTheFiles) {
  const TempDir dir;
  (void)dir.Write("ncf/x.train.rating", "0\t1\t5\t9\n");
  (void)dir.Write("ncf/x.test.rating", "0\t2\t4\t10\n");
  (void)dir.Write("ncf/x.test.negative", "(0,2)\t7\t8\n");
  const CollectingSink ncf = ReadAll(dir / "ncf");
  EXPECT_EQ(ncf.rows, (Strings{"0|1|t9|v5.00|#0:1", "0|2|t10|v4.00|#2:1"}));
  EXPECT_EQ(ncf.candidates, Strings{"0: 7 8"});
  (void)dir.Write("yc/train_sessions.txt", "1 2\n");
  (void)dir.Write("yc/test_cases.txt", "1 2\n");
  EXPECT_EQ(ReadAll(dir / "yc").rows, (Strings{"s1|1|#0:1", "s1|2|#0:1", "t1|1|#3:1", "t1|2|#2:1"}));
  (void)dir.Write("coat/train.ascii", "0 1\n2 0\n");
  (void)dir.Write("coat/test.ascii", "3 0\n0 0\n");
  EXPECT_EQ(ReadAll(dir / "coat").rows, (Strings{"1|2|v1.00|#0:1", "2|1|v2.00|#0:2", "1|1|v3.00|#2:1"}));
  (void)dir.Write("coat/propensities.ascii", "1 0.5\n0.25 1\n");
  EXPECT_EQ(ReadAll(dir / "coat").rows,
            (Strings{"1|2|v1.00|p0.500|#0:1", "2|1|v2.00|p0.250|#0:2", "1|1|v3.00|p1.000|#2:1"}));
}

TEST(ReadFound, PartsMustHaveTheSameColumnsAndShape) {
  const TempDir dir;
  const auto error_of = [](const fs::path& input) -> std::string {
    try {
      (void)ReadAll(input);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kData);
      return error.what();
    }
    return "";
  };
  (void)dir.Write("b/m.train.inter", "user_id:token\titem_id:token\ttimestamp:float\n1\t2\t3\n");
  const fs::path test = dir.Write("b/m.test.inter", std::string(kInterHeader) + "1\t3\n");
  EXPECT_EQ(error_of(dir / "b"),
            test.string() + ": has no times, which m.train.inter has; expected the same columns in all parts");
  (void)dir.Write("coat/train.ascii", "0 1\n2 0\n");
  const fs::path ratings = dir.Write("coat/test.ascii", "3 0 1\n0 0 1\n");
  EXPECT_EQ(error_of(dir / "coat"), ratings.string() + ": matrix is 2 x 3; expected 2 x 2 as in train.ascii");
}

// Counts, so that no row of a public log can go missing.
struct Counts final : RowSink {
  void Begin(const LogContent& what) override { content = what; }
  void Add(const LogRow& row) override {
    ++parts[static_cast<int>(row.part)];
    users.Add(row.user);
    items.Add(row.item);
    clicks += row.value > 0.0 ? 1 : 0;
  }
  void AddDisplay(const LogDisplay& display) override {
    ++displays;
    shown += display.items.size();
    users.Add(display.user);
    for (const std::string_view item : display.items) {
      items.Add(item);
    }
  }
  void AddCandidates(std::string_view, std::span<const std::string_view> list) override {
    ++lists;
    candidates += list.size();
  }
  void AddBad(std::string message) override { bad.push_back(std::move(message)); }

  LogContent content;
  std::map<int, std::int64_t> parts;
  IdTable users;
  IdTable items;
  std::int64_t clicks = 0;
  std::int64_t displays = 0;
  std::size_t shown = 0;
  std::int64_t lists = 0;
  std::size_t candidates = 0;
  Strings bad;
};

using Parts = std::map<int, std::int64_t>;

class RealLogs : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::RealData()) {
      GTEST_SKIP() << "no public logs: set RECFORCE_DATA";
    }
  }
  // Nothing when this log is not there.
  // With `recognised`, the format must come out of --format auto.
  static std::optional<Counts> Count(const std::string& name, const std::string& format, bool recognised = true) {
    const fs::path input = *test::RealData() / name;
    if (!fs::exists(input)) {
      std::printf("skipped: no %s\n", input.c_str());
      return std::nullopt;
    }
    const LogFile found = FindLog(input, recognised ? "auto" : format, {});
    EXPECT_EQ(found.format, format);
    Counts counts;
    ReadFound(found, {}, counts);
    EXPECT_EQ(counts.bad, Strings{});
    return counts;
  }
};

TEST_F(RealLogs, NcfMovielens) {
  if (const auto log = Count("ml-1m-ncf", "ncf")) {
    EXPECT_EQ(log->parts, (Parts{{0, 994169}, {2, 6040}}));
    EXPECT_EQ(log->users.size(), 6040);
    EXPECT_EQ(log->items.size(), 3706);
    EXPECT_EQ(log->lists, 6040);
    EXPECT_EQ(log->candidates, 6040U * 99U);
  }
}

TEST_F(RealLogs, GanUserModel) {
  struct Expected {
    const char* name;
    std::int64_t displays;
    std::size_t shown;
    std::int32_t users;
    std::int32_t items;
    Parts parts;
  };
  const Expected expected[] = {{"yelp", 1725, 6676, 1406, 804, {{0, 841}, {1, 447}, {2, 437}}},
                               {"tb", 2042, 10869, 1369, 4042, {{0, 1035}, {1, 487}, {2, 520}}},
                               {"rsc", 2063, 6624, 1082, 890, {{0, 1051}, {1, 519}, {2, 493}}}};
  for (const Expected& log : expected) {
    if (const auto found = Count("gan-user-model/" + std::string(log.name) + ".txt.gz", "displays")) {
      EXPECT_EQ(found->displays, log.displays);
      EXPECT_EQ(found->shown, log.shown);
      EXPECT_EQ(found->users.size(), log.users);
      EXPECT_EQ(found->items.size(), log.items);
      EXPECT_EQ(found->parts, log.parts);
    }
  }
}

TEST_F(RealLogs, Sessions) {
  if (const auto log = Count("yoochoose1_64", "sessions")) {
    EXPECT_EQ(log->parts, (Parts{{0, 486026}, {2, 55898}, {3, 304354}}));
    EXPECT_EQ(log->users.size(), 116167 + 55898);
    EXPECT_EQ(log->items.size(), 17745);
  }
  if (const auto log = Count("retailrocket-sessions", "sessions")) {
    EXPECT_EQ(log->parts, (Parts{{0, 685984}, {2, 15132}, {3, 113141}}));
    EXPECT_EQ(log->items.size(), 36968);
  }
}

TEST_F(RealLogs, AdjacencyLists) {
  if (const auto log = Count("amazon-cds", "adjacency")) {
    EXPECT_EQ(log->parts, (Parts{{0, 604475}, {2, 172951}}));
    EXPECT_EQ(log->users.size(), 43169);
    EXPECT_EQ(log->items.size(), 35648);
  }
  if (const auto log = Count("s3rec/Beauty.txt.gz", "adjacency", false)) {
    EXPECT_EQ(log->parts, (Parts{{0, 198502}}));
    EXPECT_EQ(log->users.size(), 22363);
  }
  if (const auto log = Count("s3rec/LastFM.txt.gz", "adjacency", false)) {
    EXPECT_EQ(log->parts, (Parts{{0, 52551}}));
    EXPECT_EQ(log->users.size(), 1090);
  }
}

TEST_F(RealLogs, SasrecPairs) {
  if (const auto log = Count("ml-1m-sasrec", "pairs", false)) {
    EXPECT_EQ(log->parts, (Parts{{0, 999611}}));
    EXPECT_EQ(log->users.size(), 6040);
    EXPECT_EQ(log->items.size(), 3416);
  }
}

TEST_F(RealLogs, OpenBandit) {
  for (const auto& [policy, users, clicks] : {std::tuple("random", 230, 46), std::tuple("bts", 238, 69)}) {
    if (const auto log = Count("open-bandit/" + std::string(policy) + "/men", "open_bandit")) {
      EXPECT_EQ(log->parts, (Parts{{0, 10000}}));
      EXPECT_EQ(log->items.size(), 34);
      EXPECT_EQ(log->users.size(), users);
      EXPECT_EQ(log->clicks, clicks);
      EXPECT_TRUE(log->content.propensity && log->content.position && log->content.time);
    }
  }
}

TEST_F(RealLogs, Coat) {
  if (const auto log = Count("coat", "coat")) {
    EXPECT_EQ(log->parts, (Parts{{0, 6960}, {2, 4640}}));
    EXPECT_EQ(log->users.size(), 290);
    EXPECT_EQ(log->items.size(), 300);
    EXPECT_TRUE(log->content.propensity);
  }
}

TEST_F(RealLogs, Movielens) {
  if (const auto log = Count("ml-100k", "recbole")) {
    EXPECT_EQ(log->parts, (Parts{{0, 100000}}));
    EXPECT_EQ(log->users.size(), 943);
    EXPECT_EQ(log->items.size(), 1682);
  }
  if (const auto log = Count("ml-1m", "movielens")) {
    EXPECT_EQ(log->parts, (Parts{{0, 1000209}}));
    EXPECT_EQ(log->users.size(), 6040);
    EXPECT_EQ(log->items.size(), 3706);
  }
}

}  // namespace
}  // namespace recforce::data
