// SPDX-License-Identifier: Apache-2.0
// What is written is what is read, also when the disk or the machine stops in between.
#include "recforce/data/decision_log_writer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <fstream>
#include <numeric>

#include "recforce/data/read_decisions.h"
#include "support/decisions.h"
#include "support/error_of.h"
#include "support/faulty_file_system.h"
#include "support/temp_dir.h"
#include "support/unsynced_file_system.h"

namespace recforce::data {
namespace {

using test::ErrorOf;
using test::FullLog;
using test::TempDir;

void ExpectSame(const DecisionLog& a, const DecisionLog& b) {
  EXPECT_EQ(a.policies, b.policies);
  EXPECT_EQ(a.item_ids, b.item_ids);
  EXPECT_EQ(a.user_ids, b.user_ids);
  EXPECT_EQ(a.session_ids, b.session_ids);
  EXPECT_EQ(a.decision_ids, b.decision_ids);
  EXPECT_EQ(a.policy, b.policy);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.user, b.user);
  EXPECT_EQ(a.session, b.session);
  EXPECT_EQ(a.position, b.position);
  EXPECT_EQ(a.drop_rate, b.drop_rate);
  EXPECT_EQ(a.exploration, b.exploration);
  EXPECT_EQ(a.context_names, b.context_names);
  EXPECT_EQ(a.context, b.context);
  EXPECT_EQ(a.history.offsets, b.history.offsets);
  EXPECT_EQ(a.history.items, b.history.items);
  EXPECT_EQ(a.candidates.offsets, b.candidates.offsets);
  EXPECT_EQ(a.candidates.items, b.candidates.items);
  EXPECT_EQ(a.candidate_probability, b.candidate_probability);
  EXPECT_EQ(a.first, b.first);
  EXPECT_EQ(a.item, b.item);
  EXPECT_EQ(a.propensity, b.propensity);
  EXPECT_EQ(a.reward, b.reward);
  EXPECT_EQ(a.action_context_names, b.action_context_names);
  EXPECT_EQ(a.action_context, b.action_context);
}

std::string TextOf(const std::filesystem::path& path) { return base::ReadTextFile(path); }

TEST(DecisionLogWriter, LinesAreAsDocumented) {
  const TempDir dir;
  WriteDecisionLog(base::RealFileSystem(), dir / "log.jsonl", FullLog());
  const std::string text = TextOf(dir / "log.jsonl");
  EXPECT_EQ(text,
            "{\"format\":\"recforce.decisions\",\"version\":1,\"policy\":\"topk\",\"model_version\":\"7\",\"items\":3,"
            "\"catalogue_hash\":\"" +
                text.substr(text.find("catalogue_hash") + 17, 32) +
                "\",\"context_names\":[\"age\",\"night\"],\"action_context_names\":[\"price\"]}\n"
                "{\"catalogue\":[\"a\",\"b \\\"quoted\\\"\",\"c\"],\"action_context\":[[1],[2.5],[1e-07]]}\n"
                "{\"decision_id\":\"d1\",\"ts\":1700000000,\"user\":\"u\\u000a1\",\"session\":\"s\","
                "\"history\":[\"c\",\"a\",\"c\"],\"candidates\":[\"c\",\"b \\\"quoted\\\"\",\"a\"],"
                "\"candidate_probability\":[0.5,0.25,0.25],\"slate\":[\"c\",\"a\"],"
                "\"propensity\":[0.5,0.3333333333333333],\"reward\":[1,0],\"context\":[0.1,1],"
                "\"exploration\":{\"seed\":7,\"greedy\":[0]},\"drop_rate\":0}\n"
                "{\"decision_id\":\"d2\",\"ts\":1700000060,\"session\":\"s\",\"policy\":\"topk\","
                "\"model_version\":\"8\",\"history\":[],\"candidates\":[\"a\",\"b \\\"quoted\\\"\"],"
                "\"candidate_probability\":[0.9,0.1],\"slate\":[\"a\",\"b \\\"quoted\\\"\"],\"propensity\":[0.9,1],"
                "\"reward\":[-0.5,1e-300],\"context\":[-3.5,0],\"drop_rate\":0.25}\n");
}

TEST(DecisionLogWriter, EveryPackingReadsBack) {
  const TempDir dir;
  for (const char* name : {"log.jsonl", "log.jsonl.gz", "log.jsonl.zst"}) {
    WriteDecisionLog(base::RealFileSystem(), dir / name, FullLog());
    const ReadDecisions found = ReadDecisionLog(dir / name);
    EXPECT_EQ(found.report.format, "decisions");
    EXPECT_EQ(found.log.source, name);
    ExpectSame(found.log, FullLog());
  }
  EXPECT_EQ(TextOf(dir / "log.jsonl.gz").substr(0, 2), "\x1f\x8b");
}

TEST(DecisionLogWriter, AnyLogReadsBack) {
  const TempDir dir;
  EXPECT_TRUE(rc::check("what is written is read", [&] {
    DecisionLog log;
    log.format = "decisions";
    const int items = *rc::gen::inRange(1, 8);
    for (int item = 0; item < items; ++item) {
      log.item_ids.push_back("i" + std::to_string(item) +
                             *rc::gen::element<std::string>("", "\\", "\"", "\t", "\xc3\xa9"));
    }
    const bool with_time = *rc::gen::arbitrary<bool>();
    const bool with_history = *rc::gen::arbitrary<bool>();
    const bool with_candidates = *rc::gen::arbitrary<bool>();
    const bool with_context = *rc::gen::arbitrary<bool>();
    const int decisions = *rc::gen::inRange(1, 20);
    if (with_context) {
      log.context_names = {"x"};
    }
    std::vector<std::int32_t> all(static_cast<std::size_t>(items));
    std::iota(all.begin(), all.end(), 0);
    for (int r = 0; r < decisions; ++r) {
      const int slots = *rc::gen::inRange(1, items + 1);
      const int shift = *rc::gen::inRange(0, items);
      for (int slot = 0; slot < slots; ++slot) {
        log.item.push_back((slot + shift) % items);
        log.propensity.push_back(1.0 / *rc::gen::inRange(1, 1000));
        log.reward.push_back(*rc::gen::inRange(-1000, 1000) / 7.0);
      }
      log.first.push_back(static_cast<std::int64_t>(log.item.size()));
      if (with_time) {
        log.time.push_back(*rc::gen::inRange<std::int64_t>(0, 2000000000));
      }
      if (with_history) {
        log.history.AddRow(std::span(all).first(static_cast<std::size_t>(*rc::gen::inRange(0, items + 1))));
      }
      if (with_candidates) {
        log.candidates.AddRow(all);
      }
      if (with_context) {
        log.context.push_back(static_cast<float>(*rc::gen::inRange(-1000, 1000)) / 3.0F);
      }
    }
    const std::string name = *rc::gen::element<std::string>("a.jsonl", "a.jsonl.zst", "a.jsonl.gz");
    WriteDecisionLog(test::UnsyncedDisk(), dir / name, log);
    ExpectSame(ReadDecisionLog(dir / name).log, log);
  }));
}

DecisionEvent EventOn(const std::vector<std::int32_t>& slate, const std::vector<double>& propensity,
                      const std::vector<std::optional<double>>& reward) {
  DecisionEvent event;
  event.slate = slate;
  event.propensity = propensity;
  event.reward = reward;
  return event;
}

const std::vector<std::string> kItems = {"a", "b"};
const std::vector<std::int32_t> kSlate = {1, 0};
const std::vector<double> kPropensity = {0.5, 1.0};
const std::vector<std::optional<double>> kReward = {1.0, 0.0};
const std::vector<std::optional<double>> kOpen = {1.0, std::nullopt};

DecisionLogHeader Header() { return {.policy = {"p", "1"}, .item_ids = kItems}; }

TEST(DecisionLogWriter, RewardsThatNeverCameAreCountedAndLeftOut) {
  const TempDir dir;
  DecisionLogWriter writer(base::RealFileSystem(), dir / "log.jsonl", Header());
  writer.Add(EventOn(kSlate, kPropensity, kReward));
  writer.Add(EventOn(kSlate, kPropensity, kOpen));
  writer.Finish();
  const ReadDecisions found = ReadDecisionLog(dir / "log.jsonl");
  EXPECT_EQ(found.log.size(), 1);
  EXPECT_EQ(found.report.without_reward, 1);
  EXPECT_EQ(found.report.rows_read, 2);
}

TEST(DecisionLogWriter, RefusedEventsLeaveNothing) {
  const TempDir dir;
  DecisionLogWriter writer(base::RealFileSystem(), dir / "log.jsonl", Header());
  const auto refusal = [&](const auto& change) {
    DecisionEvent event = EventOn(kSlate, kPropensity, kReward);
    change(event);
    const std::string error = ErrorOf([&] { writer.Add(event); });
    return error.substr(0, 6) + error.substr(error.find("log.jsonl"));
  };
  EXPECT_EQ(refusal([](DecisionEvent& event) { event.user = "\xff"; }),
            "Data: log.jsonl: user is no text: '\\xff'; expected UTF-8 without NUL bytes");
  EXPECT_EQ(refusal([](DecisionEvent& event) { event.exploration = "[1]"; }),
            "Data: log.jsonl: exploration is no JSON object on one line: '[1]'; expected one like {\"seed\":7}");
  const std::string large(std::size_t{1} << 20, 'x');
  EXPECT_EQ(refusal([&](DecisionEvent& event) { event.session = large; }),
            "Data: log.jsonl: line is too long: '{\"session\":\"" + std::string(48, 'x') +
                "...'; expected at most 1,048,576 bytes. name candidates by a hash");
  writer.Add(EventOn(kSlate, kPropensity, kReward));
  writer.Finish();
  EXPECT_EQ(ReadDecisionLog(dir / "log.jsonl").report.rows_read, 1);
}

TEST(DecisionLogWriter, NothingIsLeftOfALogThatIsNotFinished) {
  const TempDir dir;
  {
    DecisionLogWriter writer(base::RealFileSystem(), dir / "log.jsonl", Header());
    writer.Add(EventOn(kSlate, kPropensity, kReward));
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  test::FaultyFileSystem full(base::RealFileSystem(), {.disk_bytes = 100});
  const std::string error = ErrorOf([&] { WriteDecisionLog(full, dir / "log.jsonl", FullLog()); });
  EXPECT_EQ(error, "Io: " + (dir / ".log.jsonl.tmp").string() + ": cannot write: No space left on device");
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(DecisionLogWriter, LinksStay) {
  const TempDir dir;
  const auto real = dir.Write("real.jsonl", "old");
  std::filesystem::create_symlink(real, dir / "link.jsonl");
  WriteDecisionLog(base::RealFileSystem(), dir / "link.jsonl", FullLog());
  EXPECT_TRUE(std::filesystem::is_symlink(dir / "link.jsonl"));
  EXPECT_EQ(ReadDecisionLog(real).log.size(), 2);
}

TEST(DecisionLogWriter, ALogGoesOnBehindItsEnd) {
  const TempDir dir;
  const auto path = dir / "log.jsonl";
  for (int part = 0; part < 2; ++part) {
    DecisionLogWriter writer(base::RealFileSystem(), path, Header(), DecisionLogMode::kAppend);
    writer.Add(EventOn(kSlate, kPropensity, kReward));
    writer.Finish();
  }
  std::ofstream(path, std::ios::app) << "{\"slate\":[\"a";  // what a dead writer left
  DecisionLogHeader header = Header();
  header.policy.model_version = "2";
  DecisionLogWriter writer(base::RealFileSystem(), path, header, DecisionLogMode::kAppend);
  writer.Add(EventOn(kSlate, kPropensity, kReward));
  writer.Finish();
  const ReadDecisions found = ReadDecisionLog(path);
  EXPECT_EQ(found.log.size(), 3);
  EXPECT_EQ(found.report.bad_rows, 0);
  EXPECT_EQ(found.report.lost,
            std::vector<std::string>{path.string() + ":7:13: row is not a JSON object: '{\"slate\":[\"a'; expected one "
                                                     "object a line"});
  EXPECT_EQ(found.log.policies, (std::vector<LoggedPolicy>{{"p", "1"}, {"p", "2"}}));
  EXPECT_EQ(found.log.policy, (std::vector<std::int32_t>{0, 0, 1}));
  EXPECT_EQ(ErrorOf([&] {
              DecisionLogWriter(base::RealFileSystem(), dir / "log.jsonl.gz", Header(), DecisionLogMode::kAppend);
            }),
            "Usage: " + (dir / "log.jsonl.gz").string() +
                ": a compressed log cannot be gone on with; expected a plain .jsonl file, or a new one");
}

// Ten events, flushed after every second one.
void WriteTen(base::FileSystem& files, const std::filesystem::path& path, DecisionLogMode mode, int& flushed) {
  DecisionLogWriter writer(files, path, Header(), mode);
  for (int event = 1; event <= 10; ++event) {
    writer.Add(EventOn(kSlate, kPropensity, kReward));
    if (event % 2 == 0) {
      writer.Flush();
      flushed = event;
    }
  }
  writer.Finish();
}

TEST(DecisionLogWriter, ACrashLosesWhatWasNotFlushedAndNothingElse) {
  int ignored = 0;
  const TempDir counted;
  test::FaultyFileSystem counting(test::UnsyncedDisk(), {});
  WriteTen(counting, counted / "log.jsonl", DecisionLogMode::kAppend, ignored);
  for (std::int64_t point = 0; point < counting.operations(); ++point) {
    for (const bool lose_unsynced : {false, true}) {
      const TempDir dir;
      const auto path = dir / "log.jsonl";
      int flushed = 0;
      test::FaultyFileSystem faulty(test::UnsyncedDisk(), {.crash_at = point, .lose_unsynced = lose_unsynced});
      EXPECT_THROW(WriteTen(faulty, path, DecisionLogMode::kAppend, flushed), test::Crash);
      const bool empty = !std::filesystem::exists(path) || flushed == 0;
      std::int64_t found = 0;
      if (!empty) {
        found = ReadDecisionLog(path, {.format = "decisions"}).log.size();
        EXPECT_GE(found, flushed);
        EXPECT_LE(found, flushed + 2);
      }
      // The next writer goes on where this one died.
      WriteTen(test::UnsyncedDisk(), path, DecisionLogMode::kAppend, flushed);
      const ReadDecisions whole = ReadDecisionLog(path, {.format = "decisions"});
      EXPECT_GE(whole.log.size(), found + 10);
      EXPECT_EQ(whole.report.bad_rows, 0);
      EXPECT_LE(whole.report.lost.size(), 1U);
    }
  }
}

TEST(DecisionLogWriter, ACreatedLogAppearsWholeOrNotAtAll) {
  int ignored = 0;
  const TempDir counted;
  test::FaultyFileSystem counting(test::UnsyncedDisk(), {});
  WriteTen(counting, counted / "log.jsonl.zst", DecisionLogMode::kCreate, ignored);
  for (std::int64_t point = 0; point < counting.operations(); ++point) {
    const TempDir dir;
    test::FaultyFileSystem faulty(test::UnsyncedDisk(), {.crash_at = point, .lose_unsynced = true});
    EXPECT_THROW(WriteTen(faulty, dir / "log.jsonl.zst", DecisionLogMode::kCreate, ignored), test::Crash);
    EXPECT_FALSE(std::filesystem::exists(dir / "log.jsonl.zst"));
  }
}

}  // namespace
}  // namespace recforce::data
