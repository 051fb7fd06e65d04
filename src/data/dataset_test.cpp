// SPDX-License-Identifier: Apache-2.0
// Datasets: what is written comes back in user and time order, and no file gets past Open() that could be read out
// of bounds.
#include "recforce/data/dataset.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "recforce/base/text.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;
using test::TempDir;

// Three users, two items; row order and time order differ.
Columns SmallLog() {
  Columns columns;
  columns.user_ids = {"ann", "bob", "zoe"};
  columns.item_ids = {"x", "y"};
  columns.item_titles = {"The X", ""};
  columns.user = {2, 0, 2, 1};
  columns.item = {0, 1, 1, 1};
  columns.time = {30, 5, 20, 7};
  columns.value = {1.5F, 2.0F, 3.0F, 4.0F};
  return columns;
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

std::string OpenError(const TempDir& dir) {
  const std::string prefix = (dir / "dataset.safetensors").string();
  std::string message = MessageOf([&] { (void)Dataset::Open(dir.path()); }, ErrorKind::kData);
  EXPECT_EQ(message.substr(0, prefix.size()), prefix);
  return message.substr(std::min(prefix.size(), message.size()));
}

template <class T>
std::vector<T> ToVector(std::span<const T> values) {
  return {values.begin(), values.end()};
}

TEST(Dataset, KeepsEveryColumnInUserAndTimeOrder) {
  const TempDir dir;
  Preprocessing preprocessing;
  preprocessing.source = "log.csv";
  preprocessing.format = "csv";
  preprocessing.min_rating = 3.5;
  preprocessing.min_user_interactions = 5;
  preprocessing.rows_read = 10;
  preprocessing.rows_of_rare_users = 2;
  WriteDataset(base::RealFileSystem(), dir / "deep/data", SmallLog(), preprocessing);
  const Dataset dataset = Dataset::Open(dir / "deep/data");
  EXPECT_EQ(dataset.user_ids().ToVector(), (std::vector<std::string>{"ann", "bob", "zoe"}));
  EXPECT_EQ(dataset.item_titles().ToVector(), (std::vector<std::string>{"The X", ""}));
  EXPECT_EQ(ToVector(dataset.interactions().offsets), (std::vector<std::int64_t>{0, 1, 2, 4}));
  EXPECT_EQ(ToVector(dataset.interactions().items), (std::vector<std::int32_t>{1, 1, 1, 0}));
  EXPECT_EQ(ToVector(dataset.times()), (std::vector<std::int64_t>{5, 7, 20, 30}));
  EXPECT_EQ(ToVector(dataset.values()), (std::vector<float>{2.0F, 4.0F, 3.0F, 1.5F}));
  EXPECT_EQ(dataset.preprocessing().source, "log.csv");
  EXPECT_EQ(dataset.preprocessing().min_rating, 3.5);
  EXPECT_EQ(dataset.preprocessing().min_user_interactions, 5);
  EXPECT_EQ(dataset.preprocessing().rows_of_rare_users, 2);
  EXPECT_EQ(dataset.directory(), dir / "deep/data");
  EXPECT_EQ(dataset.fingerprint().size(), 32U);
}

// The small log with every column that a dataset may have. bob was shown nothing.
Columns FullLog() {
  Columns columns = SmallLog();
  columns.propensity = {0.5F, 1.0F, 0.25F, 0.125F};
  columns.position = {3, 0, -1, 2};
  columns.part = {2, 0, 3, 1};
  columns.context = {1, -1, 0, 0};
  columns.context_names = {"cart", "home"};
  columns.displays.user = {2, 0, 2};
  columns.displays.time = {9, 4, 8};
  columns.displays.part = {2, 0, 0};
  columns.displays.offsets = {0, 2, 3, 5};
  columns.displays.item = {0, 1, 1, 1, 0};
  columns.displays.clicked = {1, 0, 1, 0, 0};
  columns.candidate_offsets = {0, 1, 1, 3};
  columns.candidate_items = {0, 1, 0};
  return columns;
}

TEST(Dataset, KeepsWhatWasShownAndHow) {
  const TempDir dir;
  WriteDataset(base::RealFileSystem(), dir.path(), FullLog(), {});
  const Dataset dataset = Dataset::Open(dir.path());
  EXPECT_EQ(ToVector(dataset.propensities()), (std::vector<float>{1.0F, 0.125F, 0.25F, 0.5F}));
  EXPECT_EQ(ToVector(dataset.positions()), (std::vector<std::int32_t>{0, 2, -1, 3}));
  EXPECT_EQ(ToVector(dataset.parts()), (std::vector<std::uint8_t>{0, 1, 3, 2}));
  const Displays& displays = dataset.displays();
  EXPECT_EQ(displays.size(), 3);
  EXPECT_EQ(ToVector(displays.user_offsets), (std::vector<std::int64_t>{0, 1, 1, 3}));
  EXPECT_EQ(ToVector(displays.times), (std::vector<std::int64_t>{4, 8, 9}));
  EXPECT_EQ(ToVector(displays.parts), (std::vector<std::uint8_t>{0, 0, 2}));
  EXPECT_EQ(ToVector(displays.offsets), (std::vector<std::int64_t>{0, 1, 3, 5}));
  EXPECT_EQ(ToVector(displays.items), (std::vector<std::int32_t>{1, 1, 0, 0, 1}));
  EXPECT_EQ(ToVector(displays.clicked), (std::vector<std::uint8_t>{1, 0, 0, 1, 0}));
  EXPECT_EQ(ToVector(dataset.candidates().row(2)), (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(dataset.candidates().rows(), 3);
  EXPECT_FALSE(dataset.repeats());
}

TEST(Dataset, SaysWhereDisplaysComeFrom) {
  const TempDir dir;
  WriteDataset(base::RealFileSystem(), dir / "none", SmallLog(), {});
  EXPECT_EQ(Dataset::Open(dir / "none").preprocessing().displays, "");
  WriteDataset(base::RealFileSystem(), dir / "logged", FullLog(), {});
  EXPECT_EQ(Dataset::Open(dir / "logged").preprocessing().displays, "logged");
  Preprocessing made;
  made.displays = "popularity 3 seed 1";
  WriteDataset(base::RealFileSystem(), dir / "made", FullLog(), made);
  EXPECT_EQ(Dataset::Open(dir / "made").preprocessing().displays, "popularity 3 seed 1");
  // A file from before there was such a key.
  const base::TensorSet logged = base::ReadTensorFile(dir / "logged" / kDatasetFile);
  base::TensorSet old = logged;
  std::string text = logged.Meta("preprocessing");
  const std::string key = "\"displays\":\"logged\",";
  ASSERT_NE(text.find(key), std::string::npos) << text;
  old.SetMeta("preprocessing", text.erase(text.find(key), key.size()));
  std::filesystem::create_directories(dir / "old");
  base::WriteTensorFile(base::RealFileSystem(), dir / "old" / kDatasetFile, old);
  EXPECT_EQ(Dataset::Open(dir / "old").preprocessing().displays, "logged");
}

TEST(Dataset, KeepsTheOrderOfDisplaysWithoutTimes) {
  const TempDir dir;
  Columns columns = FullLog();
  columns.displays.time.clear();
  columns.displays.part.clear();
  WriteDataset(base::RealFileSystem(), dir.path(), columns, {});
  const Dataset dataset = Dataset::Open(dir.path());
  EXPECT_EQ(ToVector(dataset.displays().items), (std::vector<std::int32_t>{1, 0, 1, 1, 0}));
  EXPECT_TRUE(dataset.displays().times.empty());
  EXPECT_TRUE(dataset.displays().parts.empty());
}

TEST(Dataset, RepeatsAreKeptWhenTheLogKeepsThem) {
  const TempDir dir;
  Columns columns = SmallLog();
  columns.item[2] = 0;  // zoe twice on x
  Preprocessing keep;
  keep.duplicates = "keep";
  WriteDataset(base::RealFileSystem(), dir.path(), columns, keep);
  const Dataset dataset = Dataset::Open(dir.path());
  EXPECT_TRUE(dataset.repeats());
  EXPECT_EQ(ToVector(dataset.interactions().row(2)), (std::vector<std::int32_t>{0, 0}));
}

TEST(Dataset, LivesWithoutTimesValuesAndTitles) {
  const TempDir dir;
  Columns columns = SmallLog();
  columns.item_titles.clear();
  columns.time.clear();
  columns.value.clear();
  WriteDataset(base::RealFileSystem(), dir.path(), columns, {});
  const Dataset dataset = Dataset::Open(dir.path());
  EXPECT_EQ(ToVector(dataset.interactions().row(2)), (std::vector<std::int32_t>{0, 1}));  // order of the log
  EXPECT_TRUE(dataset.times().empty());
  EXPECT_TRUE(dataset.values().empty());
  EXPECT_EQ(dataset.item_titles().size(), 0);
  EXPECT_EQ(dataset.preprocessing().min_rating, std::nullopt);
}

TEST(Dataset, SurvivesCopyAndMove) {
  const TempDir dir;
  WriteDataset(base::RealFileSystem(), dir.path(), SmallLog(), {});
  Dataset first = Dataset::Open(dir.path());
  const Dataset copy = first;
  const Dataset moved = std::move(first);
  first = copy;
  EXPECT_EQ(moved.user_ids()[2], "zoe");
  EXPECT_EQ(first.item_ids().Find("y"), 1);
}

TEST(Dataset, FingerprintIsOfTheContentAlone) {
  const TempDir dir;
  Preprocessing other;
  other.source = "elsewhere";
  other.rows_read = 99;
  WriteDataset(base::RealFileSystem(), dir / "a", SmallLog(), {});
  WriteDataset(base::RealFileSystem(), dir / "b", SmallLog(), other);
  Columns changed = SmallLog();
  changed.time[0] = 31;
  WriteDataset(base::RealFileSystem(), dir / "c", changed, {});
  const std::string fingerprint = Dataset::Open(dir / "a").fingerprint();
  EXPECT_EQ(Dataset::Open(dir / "b").fingerprint(), fingerprint);
  EXPECT_NE(Dataset::Open(dir / "c").fingerprint(), fingerprint);
}

TEST(Dataset, DoesNotDependOnTheOrderOfRowsWithDistinctTimes) {
  const TempDir dir;
  WriteDataset(base::RealFileSystem(), dir / "a", SmallLog(), {});
  Columns columns = SmallLog();
  std::reverse(columns.user.begin(), columns.user.end());
  std::reverse(columns.item.begin(), columns.item.end());
  std::reverse(columns.time.begin(), columns.time.end());
  std::reverse(columns.value.begin(), columns.value.end());
  WriteDataset(base::RealFileSystem(), dir / "b", columns, {});
  EXPECT_EQ(base::ReadTextFile(dir / "a" / kDatasetFile), base::ReadTextFile(dir / "b" / kDatasetFile));
}

// Oracle: rows as tuples, sorted by (user, time, row) with std::sort.
TEST(Dataset, AgreesWithASortOfTheRows) {
  const TempDir dir;
  EXPECT_TRUE(rc::check("write and read equals a sort", [&] {
    const auto users = *rc::gen::inRange(1, 6);
    const auto items = *rc::gen::inRange(1, 9);
    const auto pairs = *rc::gen::container<std::set<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, users), rc::gen::inRange(0, items)));
    Columns columns;
    for (int user = 0; user < users; ++user) {
      columns.user_ids.push_back("u" + std::to_string(user));
    }
    for (int item = 0; item < items; ++item) {
      columns.item_ids.push_back("i" + std::to_string(item));
    }
    std::vector<std::tuple<int, std::int64_t, std::size_t, int>> rows;
    for (const auto& [user, item] : pairs) {
      const std::int64_t time = *rc::gen::inRange(-2, 3);
      rows.emplace_back(user, time, rows.size(), item);
      columns.user.push_back(user);
      columns.item.push_back(item);
      columns.time.push_back(time);
    }
    std::sort(rows.begin(), rows.end());
    WriteDataset(base::RealFileSystem(), dir.path(), columns, {});
    const Dataset dataset = Dataset::Open(dir.path());
    std::size_t next = 0;
    for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
      for (const std::int32_t item : dataset.interactions().row(user)) {
        RC_ASSERT(std::get<0>(rows[next]) == user);
        RC_ASSERT(std::get<1>(rows[next]) == dataset.times()[next]);
        RC_ASSERT(std::get<3>(rows[next]) == item);
        ++next;
      }
    }
    RC_ASSERT(next == rows.size());
  }));
}

TEST(Dataset, RefusesColumnsThatAreNoDataset) {
  const TempDir dir;
  const auto write = [&](const std::function<void(Columns&)>& change) {
    Columns columns = SmallLog();
    change(columns);
    EXPECT_THROW(WriteDataset(base::RealFileSystem(), dir / "never", columns, {}), Error);
  };
  write([](Columns& c) { c.user.pop_back(); });
  write([](Columns& c) { c.time.pop_back(); });
  write([](Columns& c) { c.item[0] = 2; });
  write([](Columns& c) { c.user[0] = -1; });
  write([](Columns& c) { std::swap(c.user_ids[0], c.user_ids[1]); });
  write([](Columns& c) { c.item_titles.pop_back(); });
  write([](Columns& c) { c.item[2] = 0; });  // zoe twice on x
  write([](Columns& c) { c.propensity = {0.5F, 0.0F, 0.5F, 0.5F}; });
  write([](Columns& c) { c.position = {1}; });
  write([](Columns& c) { c.part = {0, 1, 2, 4}; });
  write([](Columns& c) { c.candidate_items = {0}; });
  write([](Columns& c) { (c.candidate_offsets = {0, 0, 0, 1}, c.candidate_items = {2}); });
  const auto write_displays = [&](const std::function<void(DisplayColumns&)>& change) {
    write([&](Columns& c) {
      c = FullLog();
      change(c.displays);
    });
  };
  write_displays([](DisplayColumns& d) { d.user[0] = 3; });
  write_displays([](DisplayColumns& d) { d.time.pop_back(); });
  write_displays([](DisplayColumns& d) { d.part[0] = 4; });
  write_displays([](DisplayColumns& d) { d.offsets[1] = 4; });
  write_displays([](DisplayColumns& d) { d.clicked[0] = 2; });
  write_displays([](DisplayColumns& d) { d.clicked.pop_back(); });
  write_displays([](DisplayColumns& d) { d.item[0] = -1; });
  EXPECT_FALSE(std::filesystem::exists(dir / "never"));
}

TEST(Dataset, OpenNeedsAFile) {
  const TempDir dir;
  EXPECT_EQ(MessageOf([&] { (void)Dataset::Open(dir.path()); }, ErrorKind::kNotFound),
            dir.path().string() +
                ": no dataset here: 'dataset.safetensors' is missing; make one with `recforce data convert`");
}

// A file with a valid checksum whose tensors are changed after writing a good dataset.
class ChangedDataset {
 public:
  explicit ChangedDataset(const Columns& columns = SmallLog()) {
    WriteDataset(base::RealFileSystem(), dir_.path(), columns, {});
    set_ = base::ReadTensorFile(dir_ / kDatasetFile);
  }
  std::string ErrorAfter(const std::function<void(base::TensorSet&)>& change) {
    base::TensorSet set = set_;
    change(set);
    const TempDir changed;
    base::WriteTensorFile(base::RealFileSystem(), changed / kDatasetFile, set);
    return OpenError(changed);
  }

 private:
  TempDir dir_;
  base::TensorSet set_;
};

TEST(Dataset, RefusesFilesThatCannotBeTrusted) {
  ChangedDataset data;
  using I32 = std::vector<std::int32_t>;
  using I64 = std::vector<std::int64_t>;
  EXPECT_EQ(data.ErrorAfter([](auto& set) { set.SetMeta("format", "other"); }),
            ": file is not a dataset; expected metadata 'format' to be 'recforce.dataset'");
  EXPECT_EQ(data.ErrorAfter([](auto& set) { set.SetMeta("version", "3"); }),
            ": dataset has version '3'; this program reads version 2; convert the log again");
  const std::string offsets = ": tensor 'user_offsets' does not rise from 0 to the number of items, 4";
  EXPECT_EQ(data.ErrorAfter([](auto& set) { set.AddOwned("user_offsets", I64{0, 2, 1, 4}); }), offsets);
  EXPECT_EQ(data.ErrorAfter([](auto& set) { set.AddOwned("user_offsets", I64{-1, 1, 2, 4}); }), offsets);
  EXPECT_EQ(data.ErrorAfter([](auto& set) { set.AddOwned("user_offsets", I64{0, 1, 2, 5}); }), offsets);
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    set.AddOwned("user_offsets", I64{0, 4});
  }),
            ": 'user_offsets' has 2 elements; expected 4");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    set.AddOwned("items", I32{1, 1, 1, 2});
  }),
            ": tensor 'items' has an index outside the 2 items");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    set.AddOwned("items", I32{1, 1, -1, 0});
  }),
            ": tensor 'items' has an index outside the 2 items");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    set.AddOwned("items", I64{1, 1, 1, 0});
  }),
            ": tensor 'items' holds I64; expected I32");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    set.AddOwned("items", I32{1, 1, 0, 0});
  }),
            ": user 'zoe' has item 'x' twice");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    set.AddOwned("times", I64{5, 7});
  }),
            ": 'times' has 2 elements; expected 4");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    set.AddOwned("times", I64{5, 7, 30, 20});
  }),
            ": times of user 'zoe' are not in order");
  EXPECT_EQ(data.ErrorAfter([](auto& set) { set.AddOwned("values", std::vector<float>{1}); }),
            ": 'values' has 1 elements; expected 4");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    set.AddOwned("user_ids.offsets", I64{0, 3, 6, 8});
  }),
            ": table 'user_ids': string table ends at '8'; expected its number of bytes, 9");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    set.AddOwned("user_ids.offsets", I64{0, 6, 3, 9});
  }),
            ": table 'user_ids': string table has falling offsets: '6' before '3'");
  EXPECT_EQ(data.ErrorAfter([](auto& set) { set.AddOwned("user_ids.offsets", I64{}); }),
            ": table 'user_ids': string table has no offsets; expected one more than there are strings");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    set.AddOwned("user_ids.offsets", I32{0, 3, 6, 9});
  }),
            ": table 'user_ids': tensor holds I32; expected I64");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    AddStrings(set, "item_ids", std::vector<std::string>{"y", "x"});
  }),
            ": table 'item_ids': strings are not in strict bytewise order: 'y' before 'x'");
  EXPECT_EQ(data.ErrorAfter([](auto& set) { AddStrings(set, "item_titles", std::vector<std::string>{"one"}); }),
            ": 'item_titles' has 1 elements; expected 2");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    AddStrings(set, "item_titles", std::vector<std::string>{"", "\xff"});
  }),
            ": table 'item_titles': string 1 is not UTF-8");
  EXPECT_EQ(data.ErrorAfter([](auto& set) {
    AddStrings(set, "context_names", std::vector<std::string>{"a"});
    set.AddOwned("contexts", I32{0, -1, 1, 0});
  }),
            ": tensor 'contexts' has an index outside the 1 contexts");
  const std::string fingerprint = data.ErrorAfter([](auto& set) { set.AddOwned("times", I64{5, 7, 20, 31}); });
  EXPECT_EQ(fingerprint.substr(0, 14), ": fingerprint ");
  const std::string json = data.ErrorAfter([](auto& set) { set.SetMeta("preprocessing", "{}"); });
  EXPECT_EQ(json.substr(0, 45), ": metadata 'preprocessing' cannot be read: [j");
}

TEST(Dataset, RefusesColumnsOfDisplaysThatCannotBeTrusted) {
  ChangedDataset data(FullLog());
  using U8 = std::vector<std::uint8_t>;
  using I32 = std::vector<std::int32_t>;
  using I64 = std::vector<std::int64_t>;
  using F32 = std::vector<float>;
  const auto with = [&](const std::string& name, auto values) {
    return data.ErrorAfter([&](auto& set) { set.AddOwned(name, values); });
  };
  EXPECT_EQ(with("propensities", F32{1, 1, 1, 0}), ": tensor 'propensities' has a value outside (0, 1]");
  EXPECT_EQ(with("propensities", F32{1, 1, 1, NAN}), ": tensor 'propensities' has a value outside (0, 1]");
  EXPECT_EQ(with("propensities", F32{1, 1, 1}), ": 'propensities' has 3 elements; expected 4");
  EXPECT_EQ(with("positions", I32{1, 1, 1}), ": 'positions' has 3 elements; expected 4");
  EXPECT_EQ(with("positions", F32{1, 1, 1, 1}), ": tensor 'positions' holds F32; expected I32");
  EXPECT_EQ(with("parts", U8{0, 1, 2}), ": 'parts' has 3 elements; expected 4");
  EXPECT_EQ(with("parts", U8{0, 1, 2, 4}), ": tensor 'parts' has a part that there is not; expected 0 to 3");
  EXPECT_EQ(with("display_user_offsets", I64{0, 1, 1, 2}),
            ": tensor 'display_user_offsets' does not rise from 0 to the number of displays, 3");
  EXPECT_EQ(with("display_user_offsets", I64{0, 3}), ": 'display_user_offsets' has 2 elements; expected 4");
  EXPECT_EQ(with("display_offsets", I64{0, 3, 1, 5}),
            ": tensor 'display_offsets' does not rise from 0 to the number of displayed items, 5");
  EXPECT_EQ(with("display_offsets", I64{}), ": 'display_offsets' has 0 elements; expected 1");
  EXPECT_EQ(with("display_items", I32{1, 1, 0, 0, 2}), ": tensor 'display_items' has an index outside the 2 items");
  EXPECT_EQ(with("display_clicked", U8{1, 0}), ": 'display_clicked' has 2 elements; expected 5");
  EXPECT_EQ(with("display_clicked", U8{1, 0, 2, 0, 0}),
            ": tensor 'display_clicked' has a click that is neither 0 nor 1");
  EXPECT_EQ(with("display_times", I64{4, 9, 8}), ": times of displays of user 'zoe' are not in order");
  EXPECT_EQ(with("display_times", I64{4}), ": 'display_times' has 1 elements; expected 3");
  EXPECT_EQ(with("display_parts", U8{0, 0, 9}),
            ": tensor 'display_parts' has a part that there is not; expected 0 to 3");
  EXPECT_EQ(with("candidate_offsets", I64{0, 1, 1, 2}),
            ": tensor 'candidate_offsets' does not rise from 0 to the number of candidates, 3");
  EXPECT_EQ(with("candidate_items", I32{0, 1, 7}), ": tensor 'candidate_items' has an index outside the 2 items");
  ChangedDataset small;
  EXPECT_EQ(small.ErrorAfter([](auto& set) { set.AddOwned("display_times", I64{1}); }),
            ": has no tensor 'display_items'");
  EXPECT_EQ(small.ErrorAfter([](auto& set) { set.AddOwned("candidate_items", I32{1}); }),
            ": has no tensor 'candidate_offsets'");
}

// Steps are coprime to 8, so that every place in a field is met.
TEST(Dataset, RefusesTruncationsAndChangedBytes) {
  const TempDir dir;
  WriteDataset(base::RealFileSystem(), dir / "good", SmallLog(), {});
  const std::string bytes = base::ReadTextFile(dir / "good" / kDatasetFile);
  const TempDir bad;
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    (void)bad.Write(kDatasetFile, bytes.substr(0, size));
    EXPECT_THROW((void)Dataset::Open(bad.path()), Error) << "first " << size << " bytes";
  }
  const std::string good_fingerprint = Dataset::Open(dir / "good").fingerprint();
  for (std::size_t i = 0; i < bytes.size(); i += 5) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x11);
    (void)bad.Write(kDatasetFile, changed);
    try {
      EXPECT_EQ(Dataset::Open(bad.path()).fingerprint(), good_fingerprint) << "byte " << i;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kData) << error.what();
    }
  }
}

TEST(StringTable, FindsExactlyWhatItHolds) {
  EXPECT_TRUE(rc::check("find equals a search of the set", [] {
    const auto codes =
        *rc::gen::container<std::set<std::string>>(rc::gen::container<std::string>(rc::gen::inRange<char>('a', 'e')));
    base::TensorSet set;
    AddStrings(set, "t", std::vector<std::string>(codes.begin(), codes.end()));
    const StringTable table = GetStrings(set, "t", true);
    RC_ASSERT(table.ToVector() == std::vector<std::string>(codes.begin(), codes.end()));
    for (std::int32_t i = 0; i < table.size(); ++i) {
      RC_ASSERT(table.Find(table[i]) == i);
    }
    const auto word = *rc::gen::container<std::string>(rc::gen::inRange<char>('a', 'e'));
    RC_ASSERT(table.Find(word).has_value() == (codes.count(word) != 0));
  }));
}

TEST(StringTable, OfNothingIsEmpty) {
  const StringTable none;
  EXPECT_EQ(none.size(), 0);
  EXPECT_EQ(none.Find("a"), std::nullopt);
  EXPECT_TRUE(none.ToVector().empty());
}

}  // namespace
}  // namespace recforce::data
