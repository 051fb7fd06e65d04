// SPDX-License-Identifier: Apache-2.0
// What is written, byte for byte, and that it comes back as the same dataset.
#include "recforce/data/export.h"

#include <gtest/gtest.h>

#include "recforce/base/error.h"
#include "recforce/data/convert.h"
#include "recforce/data/generate.h"
#include "support/faulty_file_system.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorKind;
using test::TempDir;
using Strings = std::vector<std::string>;

Dataset Convert(const fs::path& input, const fs::path& output, const std::string& format = "auto") {
  ConvertOptions options;
  options.format = format;
  (void)Convert(base::RealFileSystem(), input, options, output);
  return Dataset::Open(output);
}

ExportReport Write(const Dataset& dataset, const std::string& format, const fs::path& out) {
  return Export(base::RealFileSystem(), dataset, format, out);
}

std::string ErrorOf(const Dataset& dataset, const std::string& format, const fs::path& out, ErrorKind kind) {
  try {
    (void)Write(dataset, format, out);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(Export, WritesEveryForm) {
  const TempDir dir;
  const Dataset dataset =
      Convert(dir.Write("log.csv", "user,item,rating,ts\nb,\"x,1\",4,30\na,y,2.5,5\nb,y,0.1,20\n"), dir / "d");
  const auto text = [&](const std::string& format, const std::string& file = "") {
    const fs::path out = dir / format;
    (void)Write(dataset, format, out);
    return base::ReadTextFile(file.empty() ? out : out / file);
  };
  EXPECT_EQ(text("csv"), "user_id,item_id,rating,timestamp\na,y,2.5,5\nb,y,0.1,20\nb,\"x,1\",4,30\n");
  EXPECT_EQ(text("jsonl"),
            "{\"user_id\":\"a\",\"item_id\":\"y\",\"rating\":2.5,\"timestamp\":5}\n"
            "{\"user_id\":\"b\",\"item_id\":\"y\",\"rating\":0.1,\"timestamp\":20}\n"
            "{\"user_id\":\"b\",\"item_id\":\"x,1\",\"rating\":4,\"timestamp\":30}\n");
  EXPECT_EQ(
      text("recbole", "recbole.inter"),
      "user_id:token\titem_id:token\trating:float\ttimestamp:float\na\ty\t2.5\t5\nb\ty\t0.1\t20\nb\tx,1\t4\t30\n");
  EXPECT_EQ(text("adjacency"), "a y\nb y x,1\n");
  EXPECT_EQ(text("sessions"), "y\ny x,1\n");
  EXPECT_EQ(text("pairs"), "a y\nb y\nb x,1\n");
  EXPECT_EQ(Write(dataset, "sessions", dir / "s").left_out, (Strings{"user ids", "times", "values"}));
  EXPECT_EQ(Write(dataset, "pairs", dir / "s").left_out, (Strings{"times", "values"}));
  EXPECT_EQ(Write(dataset, "csv", dir / "s").left_out, Strings{});
}

TEST(Export, RefusesWhatAFormCannotHold) {
  const TempDir dir;
  const Dataset dataset = Convert(dir.Write("log.csv", "user,item\na b,1\n\"c\td\",2\n"), dir / "d");
  EXPECT_EQ(ErrorOf(dataset, "pairs", dir / "out", ErrorKind::kData),
            (dir / "d").string() + ": user id cannot be written as pairs: 'a b'; export to another format");
  EXPECT_EQ(ErrorOf(dataset, "recbole", dir / "out", ErrorKind::kData),
            (dir / "d").string() + ": user id cannot be written as recbole: 'c\\td'; export to another format");
  EXPECT_FALSE(fs::exists(dir / "out/out.inter"));
  EXPECT_EQ(ErrorOf(dataset, "jsnl", dir / "out", ErrorKind::kUsage),
            "--format: unknown choice 'jsnl'; expected csv, recbole, jsonl, adjacency, sessions, pairs; did you mean "
            "'jsonl'?");
  (void)dir.Write("s/train_sessions.txt", "1 2\n");
  (void)dir.Write("s/test_cases.txt", "1 2\n");
  const Dataset sessions = Convert(dir / "s", dir / "ds");
  EXPECT_EQ(ErrorOf(sessions, "recbole", dir / "out", ErrorKind::kUsage),
            (dir / "ds").string() +
                ": --format recbole has no place for interactions of part 'input'; expected csv or jsonl, which name "
                "the part");
  (void)dir.Write("b/m.train.inter", "user_id:token\titem_id:token\n1\t2\n");
  (void)dir.Write("b/m.test.inter", "user_id:token\titem_id:token\n1\t3\n");
  EXPECT_EQ(ErrorOf(Convert(dir / "b", dir / "db"), "sessions", dir / "out", ErrorKind::kUsage),
            (dir / "db").string() +
                ": user '1' is no test session: 0 items shown, 1 to be found; expected items shown and one after them; "
                "export to another format");
}

TEST(Export, RefusesPathsOfTheWrongKindBeforeAnyWork) {
  const TempDir dir;
  const Dataset dataset = Convert(dir.Write("log.csv", "user,item\na,1\nb,2\n"), dir / "d");
  const std::string folder = (dir / "d").string();
  EXPECT_EQ(ErrorOf(dataset, "csv", folder, ErrorKind::kUsage),
            "--out: path is a folder: '" + folder + "'; expected a file for --format csv");
  EXPECT_EQ(ErrorOf(dataset, "pairs", dir / "new/", ErrorKind::kUsage),
            "--out: path is a folder: '" + (dir / "new/").string() + "'; expected a file for --format pairs");
  EXPECT_FALSE(fs::exists(dir / "new"));
  EXPECT_EQ(ErrorOf(dataset, "jsonl", "", ErrorKind::kUsage),
            "--out: path is empty: ''; expected a file for --format jsonl");
  EXPECT_EQ(ErrorOf(dataset, "recbole", dir / "log.csv", ErrorKind::kUsage),
            "--out: path is a file: '" + (dir / "log.csv").string() + "'; expected a folder for --format recbole");
  EXPECT_EQ(ErrorOf(dataset, "recbole", "/", ErrorKind::kUsage),
            "--out: path has no name: '/'; expected a folder for --format recbole");
}

TEST(Export, NamesRecboleFilesAfterTheFolderItself) {
  const TempDir dir;
  const Dataset dataset = Convert(dir.Write("log.csv", "user,item\na,1\nb,2\n"), dir / "d");
  fs::create_directory(dir / "real");
  fs::create_symlink("real", dir / "link");
  for (const char* out : {"real", "real/", "real/.", "link", "real/../real"}) {
    (void)Write(dataset, "recbole", dir / out);
    EXPECT_TRUE(fs::remove(dir / "real/real.inter")) << out;
  }
  (void)Write(dataset, "recbole", dir / "new/.");
  EXPECT_TRUE(fs::exists(dir / "new/new.inter"));
}

TEST(Export, RefusesAFolderWithFilesOfAnotherShape) {
  const TempDir dir;
  const std::string header = "user_id:token\titem_id:token\n";
  (void)dir.Write("b/b.train.inter", header + "1\t2\n");
  (void)dir.Write("b/b.test.inter", header + "1\t3\n");
  const Dataset parts = Convert(dir / "b", dir / "db");
  const Dataset whole = Convert(dir.Write("log.csv", "user,item\na,1\nb,2\n"), dir / "d");
  const auto text = [&](const std::string& others) {
    return (dir / "out").string() + ": folder has files of another log, which would be read with this one: " + others +
           "; expected a folder without them. remove them, or give another folder";
  };
  (void)Write(whole, "recbole", dir / "out");
  (void)Write(whole, "recbole", dir / "out");  // over itself
  EXPECT_EQ(ErrorOf(parts, "recbole", dir / "out", ErrorKind::kUsage), text("'out.inter'"));
  EXPECT_FALSE(fs::exists(dir / "out/out.train.inter"));
  fs::remove(dir / "out/out.inter");
  (void)Write(parts, "recbole", dir / "out");
  (void)dir.Write("out/out.item", "");
  EXPECT_EQ(ErrorOf(whole, "recbole", dir / "out", ErrorKind::kUsage),
            text("'out.train.inter', 'out.test.inter', 'out.item'"));
}

TEST(Export, SaysHowTheFilesAreReadBack) {
  const TempDir dir;
  (void)dir.Write("yc/train_sessions.txt", "1 1 2\n");
  (void)dir.Write("yc/test_cases.txt", "2 1\n");
  const Dataset sessions = Convert(dir / "yc", dir / "ds");
  const auto flags = [&](const Dataset& dataset, const std::string& format) {
    return Write(dataset, format, dir / ("to." + format)).read_back;
  };
  EXPECT_EQ(flags(sessions, "csv"), (Strings{"--part-col part", "--duplicates keep"}));
  EXPECT_EQ(flags(sessions, "pairs"), (Strings{"--format pairs", "--duplicates keep"}));
  EXPECT_EQ(flags(sessions, "sessions"), Strings{});
  const Dataset bandit = Convert(
      dir.Write("bandit.csv",
                "timestamp,item_id,position,click,propensity_score,user_feature_0\n1,a,2,1,0.5,x\n2,b,1,0,0.25,x\n"),
      dir / "dband");
  EXPECT_EQ(flags(bandit, "jsonl"),
            (Strings{"--propensity-col propensity", "--position-col position", "--duplicates keep"}));
  const Dataset plain = Convert(dir.Write("log.csv", "user,item\na,1\nb,2\n"), dir / "d");
  EXPECT_EQ(flags(plain, "csv"), Strings{});
  EXPECT_EQ(flags(plain, "recbole"), Strings{});
  EXPECT_EQ(Write(plain, "sessions", dir / "lines").read_back, (Strings{"--format sessions", "--duplicates last"}));
}

// User 1 was tested at the time of a training interaction, before it in the log.
TEST(Export, SaysWhenTheOrderOfPartsIsLost) {
  const TempDir dir;
  Columns columns;
  columns.user_ids = {"1"};
  columns.item_ids = {"a", "b", "c"};
  columns.user = {0, 0};
  columns.item = {0, 1};
  columns.time = {5, 5};
  columns.part = {static_cast<std::uint8_t>(Part::kTest), static_cast<std::uint8_t>(Part::kTrain)};
  WriteDataset(base::RealFileSystem(), dir / "d", std::move(columns), {});
  const Dataset dataset = Dataset::Open(dir / "d");
  EXPECT_EQ(Write(dataset, "recbole", dir / "r").left_out,
            (Strings{"the order of interactions across parts", "items without interactions"}));
  EXPECT_EQ(Write(dataset, "csv", dir / "c").left_out, Strings{"items without interactions"});
}

TEST(Export, StopsWhenAsked) {
  const TempDir dir;
  Columns columns;
  columns.item_ids = {"a"};
  for (std::int32_t user = 0; user < 70000; ++user) {
    columns.user_ids.push_back(std::to_string(1000000 + user));
    columns.user.push_back(user);
    columns.item.push_back(0);
  }
  WriteDataset(base::RealFileSystem(), dir / "d", std::move(columns), {});
  const Dataset dataset = Dataset::Open(dir / "d");
  base::StopFlag stop;
  stop.Set();
  for (const std::string format : {"csv", "sessions"}) {
    try {
      (void)Export(base::RealFileSystem(), dataset, format, dir / "out", &stop);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
      EXPECT_EQ(error.what(), (dir / "out").string() + ": export was interrupted");
    }
    EXPECT_FALSE(fs::exists(dir / "out"));
  }
}

// Exported and converted again, a dataset is the same.
void ExpectRoundTrip(const Dataset& dataset, const std::string& format, const fs::path& out) {
  const ExportReport report = Write(dataset, format, out);
  EXPECT_EQ(report.left_out, Strings{}) << format;
  fs::path again = out;
  again += ".again";
  ConvertOptions options;
  options.format = format;
  options.duplicates = dataset.preprocessing().duplicates;
  if (format == "csv" || format == "jsonl") {
    options.part_column = dataset.parts().empty() ? "" : "part";
    options.propensity_column = dataset.propensities().empty() ? "" : "propensity";
    options.position_column = dataset.positions().empty() ? "" : "position";
  }
  options.context_column = dataset.contexts().empty() ? "" : "context";
  (void)Convert(base::RealFileSystem(), out, options, again);
  EXPECT_EQ(Dataset::Open(again).fingerprint(), dataset.fingerprint()) << format;
}

TEST(Export, ComesBackTheSame) {
  const TempDir dir;
  const Dataset log =
      Convert(dir.Write("log.jsonl",
                        "{\"user\":\"a\\\"b, c\\td\\ne\",\"item\":\"\\u00e9\",\"rating\":0.1,\"ts\":-5}\n"
                        "{\"user\":\"x\",\"item\":\" y \",\"rating\":16777217,\"ts\":9223372036854775807}\n"
                        "{\"user\":\"x\",\"item\":\"\\u00e9\",\"rating\":-1e-30,\"ts\":9223372036854775807}\n"),
              dir / "d");
  ExpectRoundTrip(log, "csv", dir / "log.out.csv");
  ExpectRoundTrip(log, "jsonl", dir / "log.out.jsonl");
  GenerateDataset(base::RealFileSystem(), "tiny", 3, dir / "tiny");
  ExpectRoundTrip(Dataset::Open(dir / "tiny"), "recbole", dir / "tiny.out");
}

TEST(Export, PartsComeBackTheSame) {
  const TempDir dir;
  const std::string header = "user_id:token\titem_id:token\ttimestamp:float\n";
  (void)dir.Write("b/m.train.inter", header + "1\t2\t5\n1\t3\t6\n2\t3\t7\n");
  (void)dir.Write("b/m.valid.inter", header + "1\t4\t8\n");
  (void)dir.Write("b/m.test.inter", header + "1\t5\t9\n");
  (void)dir.Write("b/m.item", "item_id:token\ttitle:token_seq\n2\tTwo\n5\tFive\n");
  for (const char* file : {"m.train.inter", "m.valid.inter", "m.test.inter"}) {
    (void)dir.Write("b2/" + std::string(file), base::ReadTextFile(dir / "b" / file));
  }
  const Dataset split = Convert(dir / "b", dir / "db");
  ExpectRoundTrip(split, "recbole", dir / "out");
  EXPECT_EQ(base::ReadTextFile(dir / "out/out.item"), "item_id:token\ttitle:token_seq\n2\tTwo\n3\t\n4\t\n5\tFive\n");
  const Dataset untitled = Convert(dir / "b2", dir / "db2");
  ExpectRoundTrip(untitled, "csv", dir / "split.csv");
  ExpectRoundTrip(untitled, "jsonl", dir / "split.jsonl");
  (void)dir.Write("a/train.txt", "1 2 3\n2 3\n");
  (void)dir.Write("a/test.txt", "1 4\n2 2 5\n");
  ExpectRoundTrip(Convert(dir / "a", dir / "da"), "adjacency", dir / "cds");
  std::string train;
  for (int i = 0; i < 12; ++i) {
    train += std::to_string(i) + " 7 " + std::to_string(i) + "\n";
  }
  (void)dir.Write("s/train_sessions.txt", train);
  (void)dir.Write("s/test_cases.txt", "1 1 2\n3 4\n");
  const Dataset sessions = Convert(dir / "s", dir / "ds");
  (void)Write(sessions, "sessions", dir / "yc");
  EXPECT_EQ(base::ReadTextFile(dir / "yc/train_sessions.txt"), train);
  EXPECT_EQ(base::ReadTextFile(dir / "yc/test_cases.txt"), "1 1 2\n3 4\n");
  EXPECT_EQ(Convert(dir / "yc", dir / "ds2").fingerprint(), sessions.fingerprint());
  ExpectRoundTrip(sessions, "csv", dir / "sessions.csv");
  ExpectRoundTrip(sessions, "jsonl", dir / "sessions.jsonl");
}

TEST(Export, PropensitiesAndPositionsComeBackTheSame) {
  const TempDir dir;
  const Dataset log = Convert(dir.Write("men.csv",
                                        "timestamp,item_id,position,click,propensity_score,user_feature_0\n"
                                        "5,1,3,1,0.1,a\n6,2,1,0,0.33333334,a\n7,1,2,0,1,b\n"),
                              dir / "d");
  ExpectRoundTrip(log, "csv", dir / "back.csv");
  ExpectRoundTrip(log, "jsonl", dir / "back.jsonl");
}

TEST(Export, ContextsComeBackTheSame) {
  const TempDir dir;
  ConvertOptions options;
  options.context_column = "page";
  const fs::path input =
      dir.Write("log.csv", "user,item,page\na,1,\"home, \"\"top\"\"\"\na,2,\nb,1,cart\nb,3,\"home, \"\"top\"\"\"\n");
  (void)Convert(base::RealFileSystem(), input, options, dir / "d");
  const Dataset log = Dataset::Open(dir / "d");
  EXPECT_EQ(log.context_names().ToVector(), (Strings{"cart", "home, \"top\""}));
  EXPECT_EQ((std::vector<std::int32_t>{log.contexts().begin(), log.contexts().end()}),
            (std::vector<std::int32_t>{1, -1, 0, 1}));
  ExpectRoundTrip(log, "csv", dir / "back.csv");
  ExpectRoundTrip(log, "jsonl", dir / "back.jsonl");
  ExpectRoundTrip(log, "recbole", dir / "back");
}

TEST(Export, AFullDiskLeavesNothingBehind) {
  const TempDir dir;
  const Dataset dataset = Convert(dir.Write("log.csv", "user,item\na,1\nb,2\n"), dir / "d");
  test::FaultyFileSystem files(base::RealFileSystem(), {.disk_bytes = 10});
  EXPECT_THROW((void)Export(files, dataset, "csv", dir / "out.csv"), Error);
  EXPECT_FALSE(fs::exists(dir / "out.csv"));
}

}  // namespace
}  // namespace recforce::data
