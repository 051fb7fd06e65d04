// SPDX-License-Identifier: Apache-2.0
// Conversion in any memory and on any number of threads against a slow twin that holds everything and searches for what
// it needs; what a full disk, a stop and pairs in two parts do.
#include "data/convert_rows.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "support/faulty_file_system.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;
using test::TempDir;
using Strings = std::vector<std::string>;

struct Row {
  std::string user;
  std::string item;
  std::int64_t time = 0;
  double value = 0.0;
  float propensity = 1.0F;
  std::int32_t position = 0;
  Part part = Part::kTrain;
  std::string context = {};
};

struct Display {
  std::string user;
  Strings items;
  std::vector<std::uint8_t> clicked;
  std::int64_t time = 0;
  Part part = Part::kTrain;
};

struct Log {
  LogContent content;
  std::vector<Row> rows;
  std::vector<Display> displays;
  std::map<std::string, Strings> candidates;
};

std::vector<std::string_view> Views(const Strings& texts) { return {texts.begin(), texts.end()}; }

RowsInput InputOf(const Log& log) {
  RowsInput input;
  input.file = "log";
  input.source = "source";
  input.format = "csv";
  input.read = [&log](RowSink& sink) {
    sink.Begin(log.content);
    std::int64_t line = 0;
    for (const Row& row : log.rows) {
      sink.Add({row.user, row.item, row.time, row.value, ++line, row.propensity, row.position, row.part, row.context});
    }
    for (const Display& display : log.displays) {
      const auto items = Views(display.items);
      sink.AddDisplay({display.user, display.time, items, display.clicked, 1, display.part});
    }
    for (const auto& [user, items] : log.candidates) {
      sink.AddCandidates(user, Views(items));
    }
  };
  return input;
}

// ---------------------------------------------------------------- the twin

std::vector<Row> WithoutDuplicates(std::vector<Row> rows, const std::string& rule, std::int64_t& removed) {
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.time < b.time; });
  std::vector<Row> kept;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto same = [&](const Row& other) { return other.user == rows[i].user && other.item == rows[i].item; };
    const bool earlier = std::any_of(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(i), same);
    const bool later = std::any_of(rows.begin() + static_cast<std::ptrdiff_t>(i) + 1, rows.end(), same);
    if (rule == "keep" || !(rule == "first" ? earlier : later)) {
      kept.push_back(rows[i]);
    } else {
      ++removed;
    }
  }
  return kept;
}

std::int64_t DropBelow(std::vector<Row>& rows, std::string Row::*member, std::int64_t least) {
  std::map<std::string, std::int64_t> count;
  for (const Row& row : rows) {
    ++count[row.*member];
  }
  const auto before = rows.size();
  std::erase_if(rows, [&](const Row& row) { return count[row.*member] < least; });
  return static_cast<std::int64_t>(before - rows.size());
}

template <class T>
std::int32_t Place(const std::set<std::string>& sorted, const T& text) {
  return static_cast<std::int32_t>(std::distance(sorted.begin(), sorted.find(std::string(text))));
}

// Columns of the rows, displays and candidates that are left, and the counts.
Columns Twin(const Log& log, const ConvertOptions& options, Preprocessing& counts) {
  std::vector<Row> rows;
  for (const Row& row : log.rows) {
    ++counts.rows_read;
    if (options.min_rating && row.value < *options.min_rating) {
      ++counts.rows_below_rating;
    } else {
      rows.push_back(row);
    }
  }
  rows = WithoutDuplicates(rows, options.duplicates, counts.duplicates_removed);
  counts.rows_of_rare_items = DropBelow(rows, &Row::item, options.min_item_interactions);
  counts.rows_of_rare_users = DropBelow(rows, &Row::user, options.min_user_interactions);
  std::set<std::string> users;
  std::set<std::string> items;
  for (const Row& row : rows) {
    users.insert(row.user);
    items.insert(row.item);
  }
  for (const Display& display : log.displays) {
    if (users.count(display.user) != 0) {
      items.insert(display.items.begin(), display.items.end());
    }
  }
  for (const auto& [user, list] : log.candidates) {
    if (users.count(user) != 0) {
      items.insert(list.begin(), list.end());
    }
  }
  std::set<std::string> contexts;  // of all rows that are high enough
  for (const Row& row : log.rows) {
    if (!row.context.empty() && !(options.min_rating && row.value < *options.min_rating)) {
      contexts.insert(row.context);
    }
  }
  Columns columns;
  columns.context_names.assign(contexts.begin(), contexts.end());
  columns.user_ids.assign(users.begin(), users.end());
  columns.item_ids.assign(items.begin(), items.end());
  for (const Row& row : rows) {
    columns.user.push_back(Place(users, row.user));
    columns.item.push_back(Place(items, row.item));
    columns.time.push_back(row.time);
    columns.value.push_back(static_cast<float>(row.value));
    columns.propensity.push_back(row.propensity);
    columns.position.push_back(row.position);
    columns.part.push_back(static_cast<std::uint8_t>(row.part));
    columns.context.push_back(row.context.empty() ? -1 : Place(contexts, row.context));
  }
  DisplayColumns& shown = columns.displays;
  for (const Display& display : log.displays) {
    if (users.count(display.user) == 0) {
      ++counts.displays_of_absent_users;
      continue;
    }
    shown.user.push_back(Place(users, display.user));
    shown.time.push_back(display.time);
    shown.part.push_back(static_cast<std::uint8_t>(display.part));
    for (const std::string& item : display.items) {
      shown.item.push_back(Place(items, item));
    }
    shown.clicked.insert(shown.clicked.end(), display.clicked.begin(), display.clicked.end());
    shown.offsets.push_back(static_cast<std::int64_t>(shown.item.size()));
  }
  bool any_candidates = false;
  columns.candidate_offsets = {0};
  for (const std::string& user : users) {
    if (const auto found = log.candidates.find(user); found != log.candidates.end()) {
      any_candidates = true;
      for (const std::string& item : found->second) {
        columns.candidate_items.push_back(Place(items, item));
      }
    }
    columns.candidate_offsets.push_back(static_cast<std::int64_t>(columns.candidate_items.size()));
  }
  for (const auto& [user, list] : log.candidates) {
    counts.candidates_of_absent_users += users.count(user) == 0 ? 1 : 0;
  }
  if (!any_candidates) {
    columns.candidate_offsets.clear();
  }
  const auto keep = [](bool present, auto& column) { present ? void() : column.clear(); };
  keep(log.content.time, columns.time);
  keep(log.content.time, shown.time);
  keep(log.content.value, columns.value);
  keep(log.content.propensity, columns.propensity);
  keep(log.content.position, columns.position);
  keep(log.content.part, columns.part);
  keep(log.content.part, shown.part);
  keep(log.content.context, columns.context);
  keep(log.content.context, columns.context_names);
  return columns;
}

// ---------------------------------------------------------------- random logs

Log RandomLog() {
  Log log;
  log.content = {*rc::gen::arbitrary<bool>(), true,
                 *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>(),
                 *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>()};
  const int users = *rc::gen::inRange(1, 600);
  const int items = *rc::gen::inRange(1, 12);
  const int rows = *rc::gen::inRange(1, 400);
  const auto pick = [](int size) { return *rc::gen::inRange(0, size); };
  for (int i = 0; i < rows; ++i) {
    Row row;
    row.user = "u" + std::to_string(pick(*rc::gen::element(users, 3)));
    row.item = "i" + std::to_string(pick(items));
    row.time = log.content.time ? pick(5) : 0;
    row.value = pick(10) / 2.0;
    row.propensity = 1.0F / static_cast<float>(1 + pick(4));
    row.position = pick(7) - 1;
    // One part a pair, so that no rule but "keep" matters for it.
    row.part = static_cast<Part>((row.user.back() + row.item.back()) % 4);
    row.context = Strings{"", "phone", "desk", "tv"}[static_cast<std::size_t>(pick(4))];
    log.rows.push_back(row);
  }
  for (int i = pick(8); i > 0; --i) {
    Display display{"u" + std::to_string(pick(users)), {}, {}, pick(3), static_cast<Part>(pick(4))};
    for (int shown = pick(4); shown > 0; --shown) {
      display.items.push_back("i" + std::to_string(pick(2 * items)));
      display.clicked.push_back(static_cast<std::uint8_t>(pick(2)));
    }
    log.displays.push_back(display);
  }
  for (int i = pick(5); i > 0; --i) {
    log.candidates["u" + std::to_string(pick(users))] = {"i" + std::to_string(pick(2 * items)), "i1"};
  }
  return log;
}

TEST(ConvertRows, AgreesWithTheTwinInAnyMemory) {
  const int before = base::Threads();
  EXPECT_TRUE(rc::check("the same bytes and counts", [] {
    const Log log = RandomLog();
    ConvertOptions options;
    options.duplicates = *rc::gen::elementOf(Strings{"last", "first", "keep"});
    options.min_user_interactions = *rc::gen::inRange(0, 4);
    options.min_item_interactions = *rc::gen::inRange(0, 4);
    if (*rc::gen::arbitrary<bool>()) {
      options.min_rating = *rc::gen::inRange(0, 3);
    }
    options.memory_bytes = *rc::gen::element(std::int64_t{1}, std::int64_t{20000}, std::int64_t{1} << 30);
    base::SetThreads(*rc::gen::inRange(1, 4));
    Preprocessing counts;
    counts.source = "source";
    counts.format = "csv";
    counts.min_rating = options.min_rating;
    counts.min_user_interactions = options.min_user_interactions;
    counts.min_item_interactions = options.min_item_interactions;
    counts.duplicates = options.duplicates;
    const Columns columns = Twin(log, options, counts);
    const TempDir dir;
    try {
      const ConvertReport report = ConvertRows(base::RealFileSystem(), InputOf(log), options, dir / "found");
      RC_ASSERT(report.interactions == static_cast<std::int64_t>(columns.user.size()));
    } catch (const Error& error) {
      RC_ASSERT(columns.user.empty());
      RC_ASSERT(error.kind() == ErrorKind::kData);
      RC_ASSERT(!std::filesystem::exists(dir / "found"));
      return;
    }
    WriteDataset(base::RealFileSystem(), dir / "expected", columns, counts);
    RC_ASSERT(base::ReadTextFile(dir / "found" / kDatasetFile) == base::ReadTextFile(dir / "expected" / kDatasetFile));
    (void)Dataset::Open(dir / "found");
  }));
  base::SetThreads(before);
}

Log LargeLog(int rows) {
  Log log;
  log.content.time = true;
  for (int i = 0; i < rows; ++i) {
    Row row;
    row.user = std::to_string(i % 501);
    row.item = std::to_string(i * 31 % 97);
    row.time = i * 17 % 1000;
    log.rows.push_back(row);
  }
  return log;
}

std::string MessageOf(const std::function<void()>& action, ErrorKind kind) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(ConvertRows, AFullDiskLeavesNothing) {
  const Log log = LargeLog(20000);
  ConvertOptions options;
  options.memory_bytes = 1;
  const TempDir dir;
  std::int64_t failures = 0;
  for (const std::int64_t disk_bytes : {0, 1000, 319999, 400000, 700000, 800000}) {
    test::FaultyFileSystem disk(base::RealFileSystem(), {.disk_bytes = disk_bytes});
    const std::string message =
        MessageOf([&] { (void)ConvertRows(disk, InputOf(log), options, dir / "deep/out"); }, ErrorKind::kIo);
    EXPECT_NE(message.find("No space left on device"), std::string::npos) << message;
    EXPECT_FALSE(std::filesystem::exists(dir / "deep")) << disk_bytes;
    failures += message.find(".rows.") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(failures, 0);  // some of them while rows were spilled
}

TEST(ConvertRows, AFailureKeepsTheDatasetThatWasThere) {
  const TempDir dir;
  const Log log = LargeLog(2000);
  ConvertOptions options;
  (void)ConvertRows(base::RealFileSystem(), InputOf(log), options, dir / "out");
  const std::string bytes = base::ReadTextFile(dir / "out" / kDatasetFile);
  options.memory_bytes = 1;
  test::FaultyFileSystem disk(base::RealFileSystem(), {.disk_bytes = 50000});
  EXPECT_THROW((void)ConvertRows(disk, InputOf(log), options, dir / "out"), Error);
  EXPECT_EQ(base::ReadTextFile(dir / "out" / kDatasetFile), bytes);
  const auto entries = std::distance(std::filesystem::directory_iterator(dir / "out"), {});
  EXPECT_EQ(entries, 1);
}

TEST(ConvertRows, StopsWhenAsked) {
  const TempDir dir;
  const Log log = LargeLog(200000);
  base::StopFlag stop;
  ConvertOptions options;
  options.memory_bytes = 1;
  options.stop = &stop;
  RowsInput input = InputOf(log);
  const auto read = input.read;
  input.read = [&](RowSink& sink) {
    read(sink);
    EXPECT_TRUE(std::filesystem::is_empty(dir / "out"));  // the temporary file has no name
    stop.Set();
  };
  EXPECT_EQ(MessageOf([&] { (void)ConvertRows(base::RealFileSystem(), input, options, dir / "out"); },
                      ErrorKind::kInterrupted),
            "log: conversion was interrupted; nothing is written");
  EXPECT_FALSE(std::filesystem::exists(dir / "out"));
  EXPECT_EQ(MessageOf([&] { (void)ConvertRows(base::RealFileSystem(), InputOf(log), options, dir / "out"); },
                      ErrorKind::kInterrupted),
            "log: conversion was interrupted; nothing is written");
}

TEST(ConvertRows, APairInTwoPartsIsALeak) {
  const TempDir dir;
  Log log;
  log.content.part = true;
  log.rows = {{"a", "x"}, {"b", "y"}, {"b", "x"}, {"b", "y"}, {"a", "z"}, {"a", "x"}};
  log.rows[0].part = Part::kTest;
  log.rows[1].part = Part::kTrain;
  log.rows[3].part = Part::kValidation;
  ConvertOptions options;
  for (const char* rule : {"last", "first"}) {
    options.duplicates = rule;
    EXPECT_EQ(
        MessageOf([&] { (void)ConvertRows(base::RealFileSystem(), InputOf(log), options, dir / "out"); },
                  ErrorKind::kData),
        "log:6:1: leak: interaction stands in train and in test: user 'a', item 'x', the latter in line 1; expected "
        "each pair in one part (--duplicates keep keeps both)");
  }
  options.duplicates = "keep";
  const ConvertReport report = ConvertRows(base::RealFileSystem(), InputOf(log), options, dir / "out");
  EXPECT_EQ(report.interactions, 6);
  EXPECT_TRUE(Dataset::Open(dir / "out").repeats());
  // A pair that stands twice in one part is an ordinary duplicate.
  log.rows[0].part = log.rows[5].part = Part::kTest;
  log.rows[3].part = Part::kTrain;
  options.duplicates = "last";
  EXPECT_EQ(ConvertRows(base::RealFileSystem(), InputOf(log), options, dir / "out").interactions, 4);
}

// The first user in the order of the log, as far as rows were read.
TEST(ConvertRows, ErrorsNameTheFirstUserWithADuplicate) {
  const TempDir dir;
  Log log;
  for (int i = 0; i < 1000; ++i) {
    log.rows.push_back({"u" + std::to_string(i), "x"});
  }
  log.rows.push_back({"u700", "x"});
  log.rows.push_back({"u44", "x"});
  log.rows.push_back({"u300", "x"});
  ConvertOptions options;
  options.duplicates = "error";
  EXPECT_EQ(MessageOf([&] { (void)ConvertRows(base::RealFileSystem(), InputOf(log), options, dir / "out"); },
                      ErrorKind::kData),
            "log:1002:1: interaction stands twice: user 'u44', item 'x', also in line 45; expected each pair once "
            "(--duplicates last or first keeps one)");
}

TEST(ConvertRows, CandidatesComeOnceAUser) {
  const TempDir dir;
  RowsInput input;
  input.file = "log";
  input.read = [](RowSink& sink) {
    sink.Begin({});
    const std::vector<std::string_view> items = {"x"};
    sink.Add({"a", "x"});
    sink.AddCandidates("a", items);
    sink.AddCandidates("a", items);
  };
  EXPECT_EQ(MessageOf([&] { (void)ConvertRows(base::RealFileSystem(), input, {}, dir / "out"); }, ErrorKind::kData),
            "log: candidates of a user stand twice: 'a'; expected one list a user");
}

}  // namespace
}  // namespace recforce::data
