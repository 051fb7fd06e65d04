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

// Exported and converted again, a dataset is the same.
void ExpectRoundTrip(const Dataset& dataset, const std::string& format, const fs::path& out) {
  const ExportReport report = Write(dataset, format, out);
  EXPECT_EQ(report.left_out, Strings{}) << format;
  fs::path again = out;
  again += ".again";
  ConvertOptions options;
  options.format = format;
  options.duplicates = dataset.preprocessing().duplicates;
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
  ExpectRoundTrip(Convert(dir / "b", dir / "db"), "recbole", dir / "out");
  EXPECT_EQ(base::ReadTextFile(dir / "out/out.item"), "item_id:token\ttitle:token_seq\n2\tTwo\n3\t\n4\t\n5\tFive\n");
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
