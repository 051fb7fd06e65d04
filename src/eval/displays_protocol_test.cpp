// SPDX-License-Identifier: Apache-2.0
// The public files of the generative user model (Chen et al., ICML 2019; yelp, tb and rsc of its authors): how many
// users, displays and clicks there are, what chance and click rates reach, and that the order of the files, which gives
// the clicks away, is gone. Real data, skipped where it is not there.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "recforce/data/convert.h"
#include "recforce/data/split.h"
#include "recforce/eval/evaluator.h"
#include "support/fixed_scores.h"
#include "support/temp_dir.h"

namespace recforce::eval {
namespace {

struct Published {
  std::string name;
  std::int64_t rows_of_file;
  std::int64_t rows;  // items shown, each once a display
  std::int64_t users;
  std::int64_t items;
  std::int64_t events;
  std::array<std::int64_t, 3> users_of_part;
  std::array<std::int64_t, 3> events_of_part;
  double mean_size;
  std::int64_t single;            // displays of one item
  double empty_history;           // share of the events, percent
  std::array<double, 2> chance;   // expected precision@1 and @2 on test
  std::array<double, 2> clicked;  // of (clicks + .2) / (shows + 1) in training
  std::int64_t unseen;            // items shown in test that training never shows
  std::int64_t test_items;
  double last_is_clicked;  // at least so many of the displays, as the file has them
};

const std::vector<Published>& Files() {
  static const std::vector<Published> files = {{"yelp",
                                                6756,
                                                6676,
                                                1406,
                                                804,
                                                1725,
                                                {703, 351, 352},
                                                {841, 447, 437},
                                                3.87,
                                                293,
                                                81.5,
                                                {.397, .636},
                                                {.636, .819},
                                                78,
                                                528,
                                                .99},
                                               {"tb",
                                                12824,
                                                10869,
                                                1369,
                                                4042,
                                                2042,
                                                {685, 341, 343},
                                                {1035, 487, 520},
                                                5.32,
                                                226,
                                                67.0,
                                                {.294, .485},
                                                {.292, .464},
                                                761,
                                                1643,
                                                .6},
                                               {"rsc",
                                                14624,
                                                6624,
                                                1082,
                                                890,
                                                2063,
                                                {541, 270, 271},
                                                {1051, 519, 493},
                                                3.21,
                                                505,
                                                52.4,
                                                {.490, .721},
                                                {.527, .753},
                                                153,
                                                407,
                                                .3}};
  return files;
}

std::int64_t CountRows(const std::filesystem::path& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  std::array<char, 4096> line = {};
  std::int64_t lines = 0;
  while (gzgets(file, line.data(), line.size()) != nullptr) {
    ++lines;
  }
  gzclose(file);
  return lines - 1;  // the header
}

std::vector<float> ClickRates(const data::Split& split) {
  const data::DisplaySet& displays = split.train_displays;
  std::vector<float> clicks(static_cast<std::size_t>(split.num_items()), 0.2F);
  std::vector<float> shows(static_cast<std::size_t>(split.num_items()), 1.0F);
  for (std::int64_t display = 0; display < displays.size(); ++display) {
    for (const std::int32_t item : displays.shown(display)) {
      shows[static_cast<std::size_t>(item)] += 1.0F;
    }
    clicks[static_cast<std::size_t>(displays.chosen(display))] += 1.0F;
  }
  for (std::size_t item = 0; item < clicks.size(); ++item) {
    clicks[item] /= shows[item];
  }
  return clicks;
}

std::array<double, 2> HitRates(const data::EvalSet& set, const std::vector<float>& scores, core::Ties ties) {
  EvalOptions options;
  options.ties = ties;
  const std::vector<std::string> names = {"hr@1", "hr@2"};
  const EvalResult result = Evaluate(test::FixedScores(scores), set, ParseMetrics(names), options);
  return {result.Mean(0), result.Mean(1)};
}

// Where items of equal scores stand in an order of chance.
std::array<double, 2> ExpectedHitRates(const data::EvalSet& set, const std::vector<float>& scores) {
  std::array<double, 2> sums = {};
  for (std::int64_t row = 0; row < set.rows(); ++row) {
    const float target = scores[static_cast<std::size_t>(set.target.row(row)[0])];
    double above = 0.0;
    double equal = 0.0;  // the target, too
    for (const std::int32_t item : set.candidates.row(row)) {
      above += scores[static_cast<std::size_t>(item)] > target ? 1.0 : 0.0;
      equal += scores[static_cast<std::size_t>(item)] == target ? 1.0 : 0.0;
    }
    for (std::size_t k = 0; k < 2; ++k) {
      sums.at(k) += std::clamp((static_cast<double>(k + 1) - above) / equal, 0.0, 1.0);
    }
  }
  return {sums[0] / static_cast<double>(set.rows()), sums[1] / static_cast<double>(set.rows())};
}

data::SplitConfig Shown() {
  data::SplitConfig config;
  config.kind = "displays";
  return config;
}

class GanUserModelFiles : public testing::TestWithParam<Published> {
 protected:
  void SetUp() override {
    input_ = test::RealData().value_or("") / "gan-user-model" / (GetParam().name + ".txt.gz");
    if (!std::filesystem::exists(input_)) {
      GTEST_SKIP() << "no gan-user-model in RECFORCE_DATA or ../shared/data";
    }
    (void)data::Convert(base::RealFileSystem(), input_, {.format = "displays"}, dir_ / "data");
    dataset_ = data::Dataset::Open(dir_ / "data");
  }
  std::filesystem::path input_;
  test::TempDir dir_;
  data::Dataset dataset_;
};

TEST_P(GanUserModelFiles, HoldWhatIsKnownOfThem) {
  const Published& known = GetParam();
  const data::Displays& displays = dataset_.displays();
  EXPECT_EQ(CountRows(input_), known.rows_of_file);
  EXPECT_EQ(static_cast<std::int64_t>(displays.items.size()), known.rows);
  EXPECT_EQ(dataset_.num_users(), known.users);
  EXPECT_EQ(dataset_.num_items(), known.items);
  EXPECT_EQ(dataset_.num_interactions(), known.events);
  EXPECT_EQ(displays.size(), known.events);
  std::int64_t single = 0;
  std::int64_t largest = 0;
  std::int64_t last_is_clicked = 0;
  for (std::int64_t display = 0; display < displays.size(); ++display) {
    const std::int64_t size = displays.offsets[display + 1] - displays.offsets[display];
    single += size == 1 ? 1 : 0;
    largest = std::max(largest, size);
    last_is_clicked += displays.clicked[displays.offsets[display + 1] - 1];
  }
  EXPECT_EQ(single, known.single);
  EXPECT_EQ(largest, 10);
  EXPECT_NEAR(static_cast<double>(known.rows) / static_cast<double>(known.events), known.mean_size, .005);
  EXPECT_GT(static_cast<double>(last_is_clicked) / static_cast<double>(known.events), known.last_is_clicked);
}

TEST_P(GanUserModelFiles, SplitAsPublished) {
  const Published& known = GetParam();
  const data::Split split = data::MakeSplit(dataset_, Shown());
  std::array<std::int64_t, 3> users = {};
  std::array<std::int64_t, 3> events = {};
  std::int64_t empty = 0;
  std::size_t part = 0;
  for (const data::DisplaySet* set : {&split.train_displays, &split.validation_displays, &split.test_displays}) {
    users.at(part) = set->num_users();
    events.at(part) = set->size();
    empty += set->num_users();  // every first display has a click
    EXPECT_EQ(std::count(set->choice.begin(), set->choice.end(), -1), 0);
    ++part;
  }
  EXPECT_EQ(users, known.users_of_part);
  EXPECT_EQ(events, known.events_of_part);
  EXPECT_NEAR(100.0 * static_cast<double>(empty) / static_cast<double>(known.events), known.empty_history, .05);
  EXPECT_EQ(split.test.rows(), known.events_of_part[2]);
  EXPECT_EQ(split.train.rows(), known.users_of_part[0]);
  EXPECT_EQ(split.users_without_targets, 0);
  const std::set<std::int32_t> trained(split.train_displays.items.begin(), split.train_displays.items.end());
  const std::set<std::int32_t> tested(split.test_displays.items.begin(), split.test_displays.items.end());
  EXPECT_EQ(static_cast<std::int64_t>(tested.size()), known.test_items);
  EXPECT_EQ(std::count_if(tested.begin(), tested.end(), [&](std::int32_t item) { return trained.count(item) == 0; }),
            known.unseen);
}

TEST_P(GanUserModelFiles, ChanceAndClickRatesReachTheirPrecision) {
  const Published& known = GetParam();
  const data::Split split = data::MakeSplit(dataset_, Shown());
  const data::EvalSet& test = split.test;
  for (const int k : {1, 2}) {
    double sum = 0.0;
    for (std::int64_t row = 0; row < test.rows(); ++row) {
      const auto size = static_cast<double>(test.candidates.row(row).size());
      sum += std::min(static_cast<double>(k), size) / size;
    }
    EXPECT_NEAR(sum / static_cast<double>(test.rows()), known.chance.at(static_cast<std::size_t>(k - 1)), .0005);
  }
  // The published row has items of equal rates in an order of its own: it lies between the two orders of ties, and
  // near what an order of chance is expected to give.
  const std::vector<float> rates = ClickRates(split);
  const std::array<double, 2> least = HitRates(test, rates, core::Ties::kRelevantLast);
  const std::array<double, 2> most = HitRates(test, rates, core::Ties::kRelevantFirst);
  const std::array<double, 2> expected = ExpectedHitRates(test, rates);
  for (const std::size_t k : {0U, 1U}) {
    EXPECT_LE(least.at(k), known.clicked.at(k) + .0005);
    EXPECT_GE(most.at(k), known.clicked.at(k) - .0005);
    EXPECT_NEAR(expected.at(k), known.clicked.at(k), .03);
    RecordProperty("expected_at_" + std::to_string(k + 1), std::to_string(expected.at(k)));
  }
}

// A model that knows nothing but where an item stood.
TEST_P(GanUserModelFiles, TheOrderOfTheFileTellsNothingAnyMore) {
  const data::Split split = data::MakeSplit(dataset_, Shown());
  double last = 0.0;
  double chance = 0.0;
  double variance = 0.0;
  for (const data::DisplaySet* set : {&split.train_displays, &split.validation_displays, &split.test_displays}) {
    for (std::int64_t display = 0; display < set->size(); ++display) {
      const auto size = static_cast<std::int32_t>(set->shown(display).size());
      last += set->choice[display] == size - 1 ? 1.0 : 0.0;
      chance += 1.0 / size;
      variance += 1.0 / size * (1.0 - 1.0 / size);
    }
  }
  EXPECT_NEAR(last, chance, 4.0 * std::sqrt(variance));
}

// Other ids and another order of every display: the users of each part stay, and so does every metric.
TEST_P(GanUserModelFiles, NamesAndOrderChangeNoMetric) {
  const data::Displays& displays = dataset_.displays();
  data::Columns columns;
  columns.user_ids = dataset_.user_ids().ToVector();
  for (std::int64_t item = 0; item < dataset_.num_items(); ++item) {
    columns.item_ids.push_back("i" + std::to_string(10000 + item));
  }
  const auto renamed = [&](std::int32_t item) { return static_cast<std::int32_t>(dataset_.num_items() - 1 - item); };
  for (std::int32_t user = 0; user < dataset_.num_users(); ++user) {
    for (std::int64_t place = dataset_.interactions().offsets[user]; place < dataset_.interactions().offsets[user + 1];
         ++place) {
      columns.user.push_back(user);
      columns.item.push_back(renamed(dataset_.interactions().items[place]));
      columns.time.push_back(dataset_.times()[place]);
      columns.part.push_back(dataset_.parts()[place]);
    }
    for (std::int64_t display = displays.user_offsets[user]; display < displays.user_offsets[user + 1]; ++display) {
      columns.displays.user.push_back(user);
      columns.displays.time.push_back(displays.times[display]);
      columns.displays.part.push_back(displays.parts[display]);
      for (std::int64_t place = displays.offsets[display + 1]; place-- > displays.offsets[display];) {
        columns.displays.item.push_back(renamed(displays.items[place]));
        columns.displays.clicked.push_back(displays.clicked[place]);
      }
      columns.displays.offsets.push_back(static_cast<std::int64_t>(columns.displays.item.size()));
    }
  }
  data::WriteDataset(base::RealFileSystem(), dir_ / "renamed", std::move(columns), dataset_.preprocessing());
  const data::Split split = data::MakeSplit(dataset_, Shown());
  const data::Split other = data::MakeSplit(data::Dataset::Open(dir_ / "renamed"), Shown());
  for (const core::Ties ties : {core::Ties::kRelevantLast, core::Ties::kRelevantFirst}) {
    EXPECT_EQ(HitRates(split.test, ClickRates(split), ties), HitRates(other.test, ClickRates(other), ties));
    EXPECT_EQ(HitRates(split.validation, ClickRates(split), ties), HitRates(other.validation, ClickRates(other), ties));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, GanUserModelFiles, testing::ValuesIn(Files()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace recforce::eval
