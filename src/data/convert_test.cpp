// SPDX-License-Identifier: Apache-2.0
// Whole conversions: finding the log, filters in their order, duplicates, reports, and the real logs where they are.
#include "recforce/data/convert.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <zlib.h>

#include <functional>
#include <map>
#include <set>

#include "recforce/base/text.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;
using test::TempDir;

ConvertReport ConvertLog(const std::filesystem::path& input, const std::filesystem::path& output,
                         const ConvertOptions& options = {}) {
  return data::Convert(base::RealFileSystem(), input, options, output);
}

// "user:item item,user:item" with items in time order.
std::string Show(const std::filesystem::path& directory) {
  const Dataset dataset = Dataset::Open(directory);
  std::string shown;
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    shown += (user == 0 ? "" : ",") + std::string(dataset.user_ids()[user]) + ":";
    for (const std::int32_t item : dataset.interactions().row(user)) {
      shown += (shown.back() == ':' ? "" : " ") + std::string(dataset.item_ids()[item]);
    }
  }
  return shown;
}

std::string ErrorOf(const std::function<void()>& action, ErrorKind kind) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

void WriteGzip(const std::filesystem::path& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
  ASSERT_EQ(gzclose(file), Z_OK);
}

TEST(Convert, WritesIdsInBytewiseOrderAndItemsInTimeOrder) {
  const TempDir dir;
  const auto log = dir.Write("log.csv", "user,item,rating,ts\nb,10,1,30\na,9,2,5\nb,9,3,20\nB,10,4,1\nb,8,4,20\n");
  const ConvertReport report = ConvertLog(log, dir / "out");
  EXPECT_EQ(Show(dir / "out"), "B:10,a:9,b:9 8 10");  // equal times keep the order of the log
  EXPECT_EQ(report.users, 3);
  EXPECT_EQ(report.items, 3);
  EXPECT_EQ(report.interactions, 5);
  const Dataset dataset = Dataset::Open(dir / "out");
  EXPECT_EQ(dataset.preprocessing().source, "log.csv");
  EXPECT_EQ(dataset.preprocessing().format, "csv");
  EXPECT_EQ(dataset.preprocessing().rows_read, 5);
  EXPECT_EQ(dataset.values()[2], 3.0F);
}

// Rating first, then duplicates, items, users; each filter once.
TEST(Convert, FiltersInTheStatedOrder) {
  const TempDir dir;
  const auto log = dir.Write("log.csv",
                             "user,item,rating,ts\n"
                             "u1,a,5,1\nu1,b,5,2\nu1,c,5,3\n"  // c is rare: u1 keeps a, b
                             "u2,a,5,1\nu2,b,5,2\n"
                             "u3,a,5,1\nu3,d,5,2\nu3,b,2,3\n"  // b is below 3, d rare: u3 keeps a alone and goes
                             "u2,a,4,9\n");                    // a duplicate; the later one stays
  ConvertOptions options;
  options.min_rating = 3.0;
  options.min_item_interactions = 2;
  options.min_user_interactions = 2;
  const ConvertReport report = ConvertLog(log, dir / "out", options);
  EXPECT_EQ(Show(dir / "out"), "u1:a b,u2:b a");
  EXPECT_EQ(report.preprocessing.rows_read, 9);
  EXPECT_EQ(report.preprocessing.rows_below_rating, 1);
  EXPECT_EQ(report.preprocessing.duplicates_removed, 1);
  EXPECT_EQ(report.preprocessing.rows_of_rare_items, 2);
  EXPECT_EQ(report.preprocessing.rows_of_rare_users, 1);
  EXPECT_EQ(report.interactions, 4);
}

TEST(Convert, DuplicatesFollowTheRule) {
  const TempDir dir;
  const auto log = dir.Write("log.csv", "user,item,value,time\nu,a,1,5\nu,b,2,6\nu,a,3,9\nu,a,4,1\n");
  ConvertOptions options;
  (void)ConvertLog(log, dir / "last", options);
  EXPECT_EQ(Show(dir / "last"), "u:b a");
  EXPECT_EQ(Dataset::Open(dir / "last").values()[1], 3.0F);
  options.duplicates = "first";
  (void)ConvertLog(log, dir / "first", options);
  EXPECT_EQ(Show(dir / "first"), "u:a b");
  EXPECT_EQ(Dataset::Open(dir / "first").values()[0], 4.0F);
  options.duplicates = "error";
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(log, dir / "no", options); }, ErrorKind::kData),
            log.string() +
                ":5:1: interaction stands twice: user 'u', item 'a', also in line 2; expected each pair once "
                "(--duplicates last or first keeps one)");
  EXPECT_FALSE(std::filesystem::exists(dir / "no"));
}

// Oracle: maps and sets over the same rows, without times, so the order of the log decides.
TEST(Convert, AgreesWithMaps) {
  const TempDir dir;
  EXPECT_TRUE(rc::check("filters equal their definition", [&] {
    const auto rows = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::tuple<int, int, int>>>(
        rc::gen::tuple(rc::gen::inRange(0, 5), rc::gen::inRange(0, 7), rc::gen::inRange(1, 6))));
    ConvertOptions options;
    options.overwrite = true;
    options.min_rating = *rc::gen::inRange(1, 4);
    options.min_item_interactions = *rc::gen::inRange(0, 3);
    options.min_user_interactions = *rc::gen::inRange(0, 4);
    std::string text = "user,item,rating\n";
    std::map<int, std::vector<int>> kept;
    for (const auto& [user, item, rating] : rows) {
      text += std::to_string(user) + "," + std::to_string(item) + "," + std::to_string(rating) + "\n";
      if (rating >= *options.min_rating) {
        std::vector<int>& items = kept[user];
        items.erase(std::remove(items.begin(), items.end(), item), items.end());
        items.push_back(item);
      }
    }
    std::map<int, int> item_count;
    for (const auto& [user, items] : kept) {
      for (const int item : items) {
        ++item_count[item];
      }
    }
    std::string expected;
    for (auto& [user, items] : kept) {
      items.erase(std::remove_if(items.begin(), items.end(),
                                 [&](int item) { return item_count[item] < options.min_item_interactions; }),
                  items.end());
      if (!items.empty() && static_cast<std::int64_t>(items.size()) >= options.min_user_interactions) {
        expected += (expected.empty() ? "" : ",") + std::to_string(user) + ":";
        for (const int item : items) {
          expected += (expected.back() == ':' ? "" : " ") + std::to_string(item);
        }
      }
    }
    const auto log = dir.Write("log.csv", text);
    if (expected.empty()) {
      RC_ASSERT_THROWS_AS(ConvertLog(log, dir / "out", options), Error);
    } else {
      (void)ConvertLog(log, dir / "out", options);
      RC_ASSERT(Show(dir / "out") == expected);
    }
  }));
}

TEST(Convert, SameBytesWhateverTheOrderOfRows) {
  const TempDir dir;
  (void)ConvertLog(dir.Write("a/log.csv", "user,item,ts\nx,1,1\ny,2,2\nx,3,3\ny,2,9\n"), dir / "a/out");
  (void)ConvertLog(dir.Write("b/log.csv", "user,item,ts\ny,2,9\nx,3,3\ny,2,2\nx,1,1\n"), dir / "b/out");
  EXPECT_EQ(base::ReadTextFile(dir / "a/out" / kDatasetFile), base::ReadTextFile(dir / "b/out" / kDatasetFile));
}

TEST(Convert, FoldersAreSearchedForKnownNames) {
  const TempDir dir;
  const std::string inter = "user_id:token\titem_id:token\nu\t1\n";
  (void)dir.Write("tiny/tiny.inter", inter);
  (void)dir.Write("tiny/tiny.item", "item_id:token\tmovie_title:token_seq\n1\tOne\n2\tTwo\n");
  (void)dir.Write("tiny/other.csv", "not a log\n");
  const ConvertReport report = ConvertLog((dir / "tiny").string() + "/", dir / "out");
  EXPECT_EQ(report.preprocessing.source, "tiny");
  EXPECT_EQ(report.preprocessing.format, "recbole");
  EXPECT_EQ(Dataset::Open(dir / "out").item_titles()[0], "One");
  (void)dir.Write("tiny/tiny.train.inter", inter);  // beside the one named like the folder
  EXPECT_EQ(ConvertLog(dir / "tiny", dir / "out").interactions, 1);

  (void)dir.Write("dat/movies.dat", "1::Am\xe9lie (2001)::Comedy\n");
  WriteGzip(dir.Write("dat/ratings.dat.gz", ""), "u::1::5::978300760\nu::2::5::978300761\n");
  EXPECT_EQ(ConvertLog(dir / "dat", dir / "dat.out").preprocessing.format, "movielens");
  EXPECT_EQ(Dataset::Open(dir / "dat.out").item_titles().ToVector(),
            (std::vector<std::string>{"Am\xc3\xa9lie (2001)", ""}));

  (void)dir.Write("old/u.data", "u\t1\t5\t978300760\n");
  WriteGzip(dir.Write("old/u.item.gz", ""), "1|Toy Story (1995)|01-Jan-1995||\n");
  (void)ConvertLog(dir / "old", dir / "old.out");
  EXPECT_EQ(Dataset::Open(dir / "old.out").item_titles()[0], "Toy Story (1995)");

  (void)dir.Write("new/ratings.csv", "userId,movieId,rating,timestamp\n1,11,4.0,978300760\n");
  (void)dir.Write("new/movies.csv", "movieId,title,genres\n11,\"American President, The (1995)\",Comedy\n");
  EXPECT_EQ(ConvertLog(dir / "new", dir / "new.out").preprocessing.format, "movielens");
  EXPECT_EQ(Dataset::Open(dir / "new.out").item_titles()[0], "American President, The (1995)");
}

TEST(Convert, SaysWhenTheInputIsNotClear) {
  const TempDir dir;
  const std::string formats =
      "expected a log that its name or its first line tells; say which with --format: recbole, movielens, csv, jsonl, "
      "gorse, adjacency, sessions, pairs, ncf, displays, decisions, open_bandit, coat";
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(dir / "none", dir / "out"); }, ErrorKind::kUsage),
            (dir / "none").string() + ": no such file or folder");
  std::filesystem::create_directory(dir / "empty");
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(dir / "empty", dir / "out"); }, ErrorKind::kUsage),
            (dir / "empty").string() + ": no log in this folder: it has no files; " + formats);
  (void)dir.Write("two/u.data", "");
  (void)dir.Write("two/ratings.dat", "");
  EXPECT_EQ(
      ErrorOf([&] { (void)ConvertLog(dir / "two", dir / "out"); }, ErrorKind::kUsage),
      (dir / "two").string() + ": more than one log in this folder: 'ratings.dat', 'u.data'; give the file itself");
  const auto text = dir.Write("log.txt", "1 2 3\n");
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(text, dir / "out"); }, ErrorKind::kUsage),
            text.string() + ": format is not recognised: the first line is '1 2 3'; " + formats);
  const auto renamed = dir.Write("ratings.txt", "1::2::3::4\n");
  EXPECT_EQ(ConvertLog(renamed, dir / "out").preprocessing.format, "movielens");
  ConvertOptions options;
  options.format = "recbol";
  EXPECT_EQ(
      ErrorOf([&] { (void)ConvertLog(text, dir / "out", options); }, ErrorKind::kUsage),
      "--format: unknown choice 'recbol'; expected recbole, movielens, csv, jsonl, gorse, adjacency, sessions, pairs, "
      "ncf, displays, decisions, open_bandit, coat, auto; did you mean 'recbole'?");
}

TEST(Convert, CountsBadRowsUpToTheLimit) {
  const TempDir dir;
  const auto log = dir.Write("log.csv", "user,item,rating\nu,1,5\nu,2,five\nu,3\nu,4,4\n");
  const std::string first = log.string() + ":3:5: rating is not a number: 'five'; expected a decimal like 4.5";
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(log, dir / "out"); }, ErrorKind::kData),
            first + " (1 bad row so far; --max-bad-rows 0)");
  EXPECT_FALSE(std::filesystem::exists(dir / "out"));
  ConvertOptions options;
  options.max_bad_rows = 1;
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(log, dir / "out", options); }, ErrorKind::kData),
            first + " (2 bad rows so far; --max-bad-rows 1)");
  options.max_bad_rows = 2;
  const ConvertReport report = ConvertLog(log, dir / "out", options);
  EXPECT_EQ(report.bad_rows, 2);
  EXPECT_EQ(
      report.first_bad_rows,
      (std::vector<std::string>{first, log.string() + ":4:4: row has 2 columns: 'u,3'; expected 3 separated by ','"}));
  EXPECT_EQ(report.preprocessing.rows_read, 2);
  EXPECT_EQ(Show(dir / "out"), "u:1 4");
}

TEST(Convert, SaysWhyNothingIsLeft) {
  const TempDir dir;
  const auto header_only = dir.Write("h.csv", "user,item\n");
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(header_only, dir / "out"); }, ErrorKind::kData),
            header_only.string() + ": no interactions in this file; expected one a row");
  const auto log = dir.Write("log.csv", "user,item,rating\nu,1,5\nu,2,1\nu,1,4\nv,1,4\n");
  ConvertOptions options;
  options.min_rating = 4.0;
  options.min_user_interactions = 3;
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(log, dir / "out", options); }, ErrorKind::kData),
            log.string() +
                ": no interactions are left of 4 rows: 1 below --min-rating 4, 1 duplicates, 0 of items below "
                "--min-item-interactions 0, 2 of users below --min-user-interactions 3; lower these");
  options.max_bad_rows = 9;
  const auto bad = dir.Write("bad.csv", "user,item,rating\nu,1,x\n");
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(bad, dir / "out", options); }, ErrorKind::kData),
            bad.string() + ": no interactions in this file: all 1 rows are malformed, the first is " + bad.string() +
                ":2:5: rating is not a number: 'x'; expected a decimal like 4.5");
  const auto unrated = dir.Write("unrated.csv", "user,item\nu,1\n");
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(unrated, dir / "out", options); }, ErrorKind::kUsage),
            unrated.string() +
                ": --min-rating 4 needs a column of values; expected rating, value or score, or the name of a column "
                "in --value-col");
}

TEST(Convert, OnlyAFolderCanBeWrittenTo) {
  const TempDir dir;
  const auto log = dir.Write("log.csv", "user,item\nu,1\n");
  EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(dir / "none", ""); }, ErrorKind::kUsage),
            "--out: is empty; expected a folder for the dataset");
  for (const auto& output : {log, log / "x/y"}) {
    EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(log, output); }, ErrorKind::kUsage),
              log.string() + ": is a file; expected a folder for the dataset");
  }
}

TEST(Convert, AnotherDatasetIsNotReplacedUnasked) {
  const TempDir dir;
  const auto log = dir.Write("log.csv", "user,item,rating\nu,1,5\nu,2,1\n");
  ConvertOptions options;
  options.min_rating = 3.5;
  options.min_user_interactions = 1;
  (void)ConvertLog(log, dir / "out", options);
  (void)ConvertLog(log, dir / "out", options);
  const std::string refused = (dir / "out").string() +
                              ": holds a dataset that was made otherwise: from 'log.csv' with --format csv "
                              "--min-rating 3.5 --min-user-interactions 1 --duplicates last; give another place, or "
                              "--overwrite to replace it";
  const auto refuses = [&](const std::filesystem::path& input, const ConvertOptions& other) {
    EXPECT_EQ(ErrorOf([&] { (void)ConvertLog(input, dir / "out", other); }, ErrorKind::kUsage), refused);
    EXPECT_EQ(Dataset::Open(dir / "out").num_interactions(), 1);
  };
  refuses(log, {});
  refuses(dir.Write("new.csv", "user,item,rating\nu,1,5\n"), options);
  ConvertOptions other = options;
  other.duplicates = "keep";
  refuses(log, other);
  other.overwrite = true;
  (void)ConvertLog(log, dir / "out", other);
  EXPECT_EQ(Dataset::Open(dir / "out").preprocessing().duplicates, "keep");
  (void)dir.Write("broken/dataset.safetensors", "no dataset");
  (void)ConvertLog(log, dir / "broken");
  EXPECT_EQ(Dataset::Open(dir / "broken").num_interactions(), 2);
}

TEST(Convert, ReadsTheRealMovieLens1M) {
  if (!test::RealData()) {
    GTEST_SKIP() << "no real data: set RECFORCE_DATA";
  }
  const TempDir dir;
  ConvertOptions options;
  options.min_rating = 4.0;
  options.min_user_interactions = 5;
  const ConvertReport report = ConvertLog(*test::RealData() / "ml-1m", dir.path(), options);
  EXPECT_EQ(report.preprocessing.rows_read, 1000209);
  EXPECT_EQ(report.preprocessing.rows_read - report.preprocessing.rows_below_rating, 575281);
  EXPECT_EQ(report.interactions, 575272);
  EXPECT_EQ(report.users, 6034);
  EXPECT_EQ(report.items, 3533);
  const Dataset dataset = Dataset::Open(dir.path());
  EXPECT_EQ(dataset.item_titles()[*dataset.item_ids().Find("1")], "Toy Story (1995)");
}

TEST(Convert, ReadsTheRealMovieLens100k) {
  if (!test::RealData()) {
    GTEST_SKIP() << "no real data: set RECFORCE_DATA";
  }
  const TempDir dir;
  const ConvertReport report = ConvertLog(*test::RealData() / "ml-100k", dir.path());
  EXPECT_EQ(report.interactions, 100000);
  EXPECT_EQ(report.users, 943);
  EXPECT_EQ(report.items, 1682);
  EXPECT_EQ(report.preprocessing.duplicates_removed, 0);
  const Dataset dataset = Dataset::Open(dir.path());
  // "196 242 3 881250949" is the first row of the file.
  const auto user = *dataset.user_ids().Find("196");
  const auto row = dataset.interactions().row(user);
  const auto place = std::find(row.begin(), row.end(), *dataset.item_ids().Find("242")) - row.begin();
  ASSERT_LT(place, std::ssize(row));
  const auto at = static_cast<std::size_t>(dataset.interactions().offsets[static_cast<std::size_t>(user)] + place);
  EXPECT_EQ(dataset.times()[at], 881250949);
  EXPECT_EQ(dataset.values()[at], 3.0F);
}

}  // namespace
}  // namespace recforce::data
