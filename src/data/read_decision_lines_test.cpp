// SPDX-License-Identifier: Apache-2.0
// Our own format as others may write it, and the place of everything that is wrong. What our writer makes is read in
// decision_log_writer_test.cpp.
#include <gtest/gtest.h>

#include "recforce/base/file_system.h"
#include "recforce/data/read_decisions.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using test::ErrorOf;
using test::TempDir;
using Strings = std::vector<std::string>;

constexpr const char* kHeader = "{\"format\":\"recforce.decisions\",\"version\":1}\n";
constexpr const char* kCatalogue = "{\"catalogue\":[\"a\",\"b\",3]}\n";
constexpr const char* kGood = "{\"slate\":[\"a\"],\"propensity\":[0.5],\"reward\":[1]}\n";

ReadDecisions Read(const TempDir& dir, const std::string& text, std::int64_t max_bad_rows = 0) {
  return ReadDecisionLog(dir.Write("log.jsonl", text), {.max_bad_rows = max_bad_rows});
}

// Without the folder's name.
std::string Short(const TempDir& dir, std::string message) {
  const std::string folder = dir.path().string() + "/";
  for (auto at = message.find(folder); at != std::string::npos; at = message.find(folder)) {
    message.erase(at, folder.size());
  }
  return message;
}

TEST(ReadDecisionLines, ItemsComeFromDecisionsWhereThereIsNoCatalogue) {
  const TempDir dir;
  const ReadDecisions found = Read(
      dir,
      std::string("\xef\xbb\xbf") + kHeader +
          "\r\n{\"slate\":[\"b\",7],\"propensity\":[0.5,1],\"reward\":[1,-2.5],\"ts\":\"1970-01-02\",\"user\":5}\r\n"
          "{\"slate\":[\"a\"],\"propensity\":[1e-3],\"reward\":[0],\"candidates\":[\"b\",\"a\"],\"ts\":1.5e3,"
          "\"x\":[{}],\"user\":null,\"exploration\":{\"s\":\"}\\\\\\\"\"}}");
  EXPECT_EQ(found.log.item_ids, (Strings{"b", "7", "a"}));
  EXPECT_EQ(found.log.first, (std::vector<std::int64_t>{0, 2, 3}));
  EXPECT_EQ(found.log.reward, (std::vector<double>{1, -2.5, 0}));
  EXPECT_EQ(found.log.time, (std::vector<std::int64_t>{86400, 1500}));
  EXPECT_EQ(found.log.user_ids, Strings{"5"});
  EXPECT_EQ(found.log.user, (std::vector<std::int32_t>{0, -1}));
  EXPECT_EQ(found.log.candidates.offsets, (std::vector<std::int64_t>{0, 3, 5}));
  EXPECT_EQ(found.log.candidates.items, (std::vector<std::int32_t>{0, 1, 2, 0, 2}));
  EXPECT_EQ(found.log.exploration[1], "{\"s\":\"}\\\\\\\"\"}");
  EXPECT_TRUE(found.log.policy.empty());
  EXPECT_TRUE(found.log.decision_ids.empty());
}

TEST(ReadDecisionLines, ReportsSayWhatIsNotThere) {
  const TempDir dir;
  const ReadDecisions found =
      Read(dir, std::string(kHeader) + kCatalogue +
                    "{\"slate\":[\"a\"],\"propensity\":[0.5],\"reward\":[1],\"history\":[\"gone\",\"b\"],"
                    "\"candidates_hash\":\"ab12\"}\n"
                    "{\"slate\":[\"a\"],\"propensity\":[0.5],\"reward\":[null],\"history\":[]}\n"
                    "{\"slate\":[\"a\"],\"propensity\":[0.5],\"history\":[]}\n{\"slate\":[\"a\"],\"prop");
  EXPECT_EQ(found.report.rows_read, 3);
  EXPECT_EQ(found.report.without_reward, 2);
  EXPECT_EQ(found.report.without_candidates, 1);
  EXPECT_EQ(found.report.foreign_history, 1);
  EXPECT_EQ(found.log.history.items, std::vector<std::int32_t>{1});
  EXPECT_EQ(Short(dir, found.report.lost.at(0)),
            "log.jsonl:6:21: row is not a JSON object: '{\"slate\":[\"a\"],\"prop'; expected one object a line");
}

TEST(ReadDecisionLines, CompressedLogsAreReadUpToWhereTheyEnd) {
  const TempDir dir;
  const auto path = dir / "log.jsonl.zst";
  {
    const auto whole = dir.Write("whole.jsonl", std::string(kHeader) + kCatalogue + kGood + kGood);
    const std::string text = base::ReadTextFile(whole);
    std::string frame = "\x28\xb5\x2f\xfd";
    frame += '\x20';  // one segment, its size in a byte
    frame += static_cast<char>(text.size());
    const auto block = static_cast<std::uint32_t>(text.size()) << 3U;  // raw, not the last
    frame += static_cast<char>(block);
    frame += static_cast<char>(block >> 8U);
    frame += static_cast<char>(block >> 16U);
    ASSERT_LT(text.size(), 256U);
    (void)dir.Write("log.jsonl.zst", frame + text);
  }
  const ReadDecisions found = ReadDecisionLog(path);
  EXPECT_EQ(found.log.size(), 2);
  EXPECT_EQ(found.report.lost.size(), 1U);
  EXPECT_NE(found.report.lost.at(0).find("zstd data ends early after"), std::string::npos);
}

TEST(ReadDecisionLines, BadDecisionsHaveAnAddress) {
  const TempDir dir;
  const auto bad = [&](const std::string& row) {
    const ReadDecisions found = Read(dir, std::string(kHeader) + kCatalogue + kGood + row + "\n" + kGood, 1);
    EXPECT_EQ(found.log.size(), 2) << row;
    EXPECT_EQ(found.report.bad_rows, 1) << row;
    return found.report.first_bad_rows.empty() ? "" : Short(dir, found.report.first_bad_rows[0]);
  };
  EXPECT_EQ(bad("[1]"), "log.jsonl:4:1: row is not a JSON object: '[1]'; expected one object a line");
  EXPECT_EQ(bad(R"({"reward":[1]})"),
            "log.jsonl:4:1: slate is missing: '{\"reward\":[1]}'; expected the items that were shown");
  EXPECT_EQ(bad(R"({"slate":[]})"), "log.jsonl:4:10: slate is empty: '[]}'; expected the items that were shown");
  EXPECT_EQ(bad(R"({"slate":"a"})"), "log.jsonl:4:10: slate is no array: 'a'; expected an array of ids");
  EXPECT_EQ(bad(R"({"slate":[1.5]})"),
            "log.jsonl:4:10: slate is neither text nor a whole number: '[1.5]}'; expected an id");
  EXPECT_EQ(bad(R"({"slate":["z"],"propensity":[1],"reward":[1]})"),
            "log.jsonl:4:10: slate has an item that the catalogue lacks: 'z'; expected items of the catalogue");
  EXPECT_EQ(bad(R"({"slate":["a","a"],"propensity":[1,1],"reward":[1,1]})"),
            "log.jsonl:4:10: slate has an item twice: 'a'; expected each once");
  EXPECT_EQ(bad(R"({"slate":["a"],"candidates":["b"],"propensity":[1],"reward":[1]})"),
            "log.jsonl:4:10: slate has an item that is no candidate: 'a'; expected items of candidates");
  EXPECT_EQ(bad(R"({"slate":["a"],"propensity":[1,1],"reward":[1]})"),
            "log.jsonl:4:29: propensity has 2 entries: '[1,1],\"reward\":[1]}'; expected 1, as slate");
  EXPECT_EQ(bad(R"({"slate":["a"],"reward":[1]})"),
            "log.jsonl:4:1: propensity has 0 entries: '{\"slate\":[\"a\"],\"reward\":[1]}'; expected 1, as slate");
  EXPECT_EQ(bad(R"({"slate":["a"],"propensity":[0],"reward":[1]})"),
            "log.jsonl:4:29: propensity is out of range: '0'; expected a probability above 0 and at most 1");
  EXPECT_EQ(bad(R"({"slate":["a"],"propensity":["x"],"reward":[1]})"),
            "log.jsonl:4:29: propensity is no number: '[\"x\"],\"reward\":[1]}'; expected numbers");
  EXPECT_EQ(bad(R"({"slate":["a"],"propensity":[1],"reward":[1,0]})"),
            "log.jsonl:4:42: reward has 2 entries: '[1,0]}'; expected 1, as slate");
  EXPECT_EQ(bad(R"({"slate":["a"],"propensity":[1],"reward":[1],"ts":5})"),
            "log.jsonl:4:51: ts is new: '5'; expected the same in all decisions of a log");
  EXPECT_EQ(bad(R"({"ts":"noon","slate":["a"]})"),
            "log.jsonl:4:7: ts is not a time: 'noon'; expected seconds since 1970 like 978300760, or a "
            "date like 2020-01-31 or 2020-01-31T12:34:56Z");
  EXPECT_EQ(bad(R"({"context":[1],"slate":["a"],"propensity":[1],"reward":[1]})"),
            "log.jsonl:4:12: context has 1 entry: "
            "'[1],\"slate\":[\"a\"],\"propensity\":[1],\"reward\":[1]}'; expected 0, as the header names");
  EXPECT_EQ(bad(R"({"drop_rate":1,"slate":["a"]})"),
            "log.jsonl:4:14: drop_rate is out of range: '1'; expected a share of at least 0 and less than 1");
  EXPECT_EQ(bad(R"({"exploration":7,"slate":["a"]})"),
            "log.jsonl:4:16: exploration is no object: '7'; expected an object like {\"seed\":7}");
  EXPECT_EQ(bad(R"({"position":1.5,"slate":["a"]})"),
            "log.jsonl:4:13: position is not a whole number: '1.5'; expected a place like 3");
  EXPECT_EQ(bad(R"({"candidates":["a"],"candidate_probability":[2],"slate":["a"]})"),
            "log.jsonl:4:45: candidate_probability is out of range: '2'; expected a probability from 0 to 1");
  const std::string deep(100, '[');
  EXPECT_EQ(bad("{\"x\":" + deep + std::string(100, ']') + "}"),
            "log.jsonl:4:1: row is nested too deeply: '{\"x\":" + std::string(55, '[') + "...'; expected a decision");
}

TEST(ReadDecisionLines, TooManyBadDecisionsEndTheReading) {
  const TempDir dir;
  EXPECT_EQ(Short(dir, ErrorOf([&] { (void)Read(dir, std::string(kHeader) + "{\"slate\":[]}\n" + kGood); })),
            "Data: log.jsonl:2:10: slate is empty: '[]}'; expected the items that were shown (1 bad row so far; "
            "--max-bad-rows 0)");
}

TEST(ReadDecisionLines, HeadersMustFit) {
  const TempDir dir;
  const auto error = [&](const std::string& text) {
    return Short(dir, ErrorOf([&] { (void)ReadDecisionLog(dir.Write("log.jsonl", text), {.format = "decisions"}); }));
  };
  EXPECT_EQ(error(""), "Data: log.jsonl: file is empty; expected a header with \"format\":\"recforce.decisions\"");
  EXPECT_EQ(error(kGood),
            "Data: log.jsonl:1:1: no header: '{\"slate\":[\"a\"],\"propensity\":[0.5],\"reward\":[1]}'; expected a "
            "header with \"format\":\"recforce.decisions\"");
  EXPECT_EQ(error("text\n"),
            "Data: log.jsonl:1:1: no header: 'text'; expected a header with \"format\":\"recforce.decisions\"");
  EXPECT_EQ(error("{\"format\":\"other\",\"version\":1}\n"),
            "Data: log.jsonl:1:11: format is not that of a decision log: 'other'; expected recforce.decisions");
  EXPECT_EQ(error("{\"format\":\"recforce.decisions\",\"version\":2}\n"),
            "Data: log.jsonl:1:42: version is not known here: '2'; expected 1");
  EXPECT_EQ(
      error(kHeader),
      "Data: log.jsonl: no decision to evaluate on: 0 read, 0 malformed, 0 without reward; expected at least one");
  EXPECT_EQ(error(std::string(kHeader) + kGood +
                  "{\"format\":\"recforce.decisions\",\"version\":1,\"context_names\":[\"x\"]}\n"),
            "Data: log.jsonl:3:60: context_names differs from the first header: '[\"x\"]}'; expected the same columns "
            "in all of a log");
  EXPECT_EQ(error(std::string(kHeader) + "{\"catalogue\":[\"a\"],\"action_context\":[[1]]}\n"),
            "Data: log.jsonl:2:37: action_context has 1 entry: '[[1]]}'; expected 0, as the catalogue");
  const std::string with_features =
      "{\"format\":\"recforce.decisions\",\"version\":1,\"action_context_names\":[\"x\"]}\n";
  EXPECT_EQ(error(with_features + "{\"catalogue\":[\"a\"],\"action_context\":[[1,2]]}\n"),
            "Data: log.jsonl:2:37: action_context has a row of another length: '[[1,2]]}'; expected 1 numbers, as the "
            "header names");
  EXPECT_EQ(error(with_features + kGood),
            "Data: log.jsonl:2:10: slate comes before the catalogue: '[\"a\"],\"propensity\":[0.5],\"reward\":[1]}'; "
            "expected the items whose features the header announces (1 bad row so far; --max-bad-rows 0)");
}

TEST(ReadDecisionLog, FormatsAreToldOrAskedFor) {
  const TempDir dir;
  const auto error = [&](const std::filesystem::path& path, const std::string& format = "auto") {
    return Short(dir, ErrorOf([&] { (void)ReadDecisionLog(path, {.format = format}); }));
  };
  EXPECT_EQ(error(dir.Write("x", "a,b\n1,2\n")),
            "Usage: x:1:1: is no known decision log: 'a,b'; say which with --format: decisions, open_bandit, obp, "
            "dsjson");
  EXPECT_EQ(error(dir.Write("empty", "\n")), "Data: empty: file is empty; expected a decision log");
  EXPECT_EQ(error(dir / "x", "dsjso"),
            "Usage: --format: unknown choice 'dsjso'; expected decisions, open_bandit, obp, dsjson, auto; did you mean "
            "'dsjson'?");
  std::filesystem::create_directory(dir / "folder");
  EXPECT_EQ(error(dir / "folder"), "Usage: folder: is a folder; expected a file");
}

}  // namespace
}  // namespace recforce::data
