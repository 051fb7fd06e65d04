// SPDX-License-Identifier: Apache-2.0
// Displays that are made of interactions, against slow rules written down again.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/data/build_displays.h"
#include "recforce/data/split.h"
#include "support/split_logs.h"

namespace recforce::data {
namespace {

using test::ErrorOf;
using test::Event;
using test::Items;
using test::MakeLog;

// Users with a few interactions each; popular items are the low ones. Instants are shared when `span` is small.
std::vector<Event> RandomLog(std::int32_t users, std::int32_t items, std::int64_t span, std::uint64_t seed) {
  std::vector<Event> events;
  for (std::int32_t user = 0; user < users; ++user) {
    base::Rng rng(seed, base::Stream::kTest, static_cast<std::uint64_t>(user));
    std::set<std::int32_t> own;
    const auto count = 1 + rng.Below(8);
    while (own.size() < count) {
      const double u = rng.Uniform();
      own.insert(static_cast<std::int32_t>(u * u * u * static_cast<double>(items)));
    }
    for (const std::int32_t item : own) {
      events.push_back({user, item, static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(span)))});
    }
  }
  return events;
}

DisplayOptions Options(const std::string& kind, std::int64_t size) {
  DisplayOptions options;
  options.kind = kind;
  options.size = size;
  options.seed = 7;
  return options;
}

Items ShownAt(const DisplayColumns& displays, std::size_t display) {
  return {displays.item.begin() + displays.offsets[display], displays.item.begin() + displays.offsets[display + 1]};
}

// What holds for every kind: a display an interaction, its item clicked once, all items distinct.
void ExpectWellFormed(const Dataset& dataset, const DisplayColumns& displays, std::int64_t size) {
  ASSERT_EQ(static_cast<std::int64_t>(displays.user.size()), dataset.num_interactions());
  std::size_t display = 0;
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    for (const std::int32_t item : dataset.interactions().row(user)) {
      const Items shown = ShownAt(displays, display);
      ASSERT_LE(static_cast<std::int64_t>(shown.size()), size);
      ASSERT_EQ(std::set<std::int32_t>(shown.begin(), shown.end()).size(), shown.size());
      ASSERT_EQ(displays.user[display], user);
      for (std::size_t place = 0; place < shown.size(); ++place) {
        const auto at = static_cast<std::size_t>(displays.offsets[display]) + place;
        ASSERT_EQ(displays.clicked[at], shown[place] == item ? 1 : 0);
      }
      ASSERT_NE(std::find(shown.begin(), shown.end(), item), shown.end());
      if (!dataset.times().empty()) {
        ASSERT_EQ(displays.time[display], dataset.times()[display]);
      }
      ++display;
    }
  }
}

// With distinct times there is one answer: the others sorted by how far their nearest interaction is.
Items NearestItems(const Dataset& dataset, std::size_t place, std::int64_t others) {
  const std::int64_t now = dataset.times()[place];
  std::vector<std::tuple<std::int64_t, bool, std::int32_t>> keys;
  for (std::int32_t item = 0; item < dataset.num_items(); ++item) {
    std::tuple<std::int64_t, bool, std::int32_t> best{std::numeric_limits<std::int64_t>::max(), false, item};
    for (std::size_t other = 0; other < dataset.times().size(); ++other) {
      if (dataset.interactions().items[other] == item) {
        const std::int64_t time = dataset.times()[other];
        best = std::min(best, {std::abs(time - now), time > now, item});
      }
    }
    if (item != dataset.interactions().items[place] && std::get<0>(best) < std::numeric_limits<std::int64_t>::max()) {
      keys.push_back(best);
    }
  }
  std::sort(keys.begin(), keys.end());
  Items nearest;
  for (std::size_t n = 0; n < std::min(keys.size(), static_cast<std::size_t>(others)); ++n) {
    nearest.push_back(std::get<2>(keys[n]));
  }
  std::sort(nearest.begin(), nearest.end());
  return nearest;
}

void ExpectNearest(const Dataset& dataset, std::int64_t size) {
  const DisplayColumns displays = BuildDisplays(dataset, Options("time_neighbours", size));
  ExpectWellFormed(dataset, displays, size);
  for (std::size_t place = 0; place < displays.user.size(); ++place) {
    Items shown = ShownAt(displays, place);
    shown.erase(std::find(shown.begin(), shown.end(), dataset.interactions().items[place]));
    std::sort(shown.begin(), shown.end());
    ASSERT_EQ(shown, NearestItems(dataset, place, size - 1)) << place;
  }
}

TEST(BuildDisplaysTest, TimeNeighboursAreTheItemsNearestInTime) {
  const test::TempDir dir;
  std::vector<Event> events = RandomLog(60, 20, 1, 1);
  for (std::size_t n = 0; n < events.size(); ++n) {
    events[n].time = static_cast<std::int64_t>(n * 37 % events.size() * 10 + n % 3);
  }
  const Dataset dataset = MakeLog(dir, 60, 20, events);
  ExpectNearest(dataset, 4);
  ExpectNearest(dataset, 12);
  ExpectNearest(dataset, 100);  // all items that anybody has
}

// One item makes up nearly the whole log: the walk gives up and looks every item up.
TEST(BuildDisplaysTest, TimeNeighboursOfALogOfOneItemAreFound) {
  const test::TempDir dir;
  std::vector<Event> events;
  for (std::int32_t user = 0; user < 400; ++user) {
    events.push_back({user, user == 3 ? 1 : user == 390 ? 2 : user == 200 ? 3 : 0, 10 * user + user % 2});
  }
  ExpectNearest(MakeLog(dir, 400, 4, events), 3);
}

TEST(BuildDisplaysTest, EqualTimesAreNeighboursByChance) {
  const test::TempDir dir;
  std::vector<Event> events;
  for (std::int32_t user = 0; user < 200; ++user) {
    events.push_back({user, user % 50, 5});
  }
  const Dataset dataset = MakeLog(dir, 200, 50, events);
  const DisplayColumns displays = BuildDisplays(dataset, Options("time_neighbours", 5));
  ExpectWellFormed(dataset, displays, 5);
  // Users stand in the log by their ids: neighbours there would have items one or two numbers away.
  int near = 0;
  for (std::size_t place = 0; place < displays.user.size(); ++place) {
    for (const std::int32_t item : ShownAt(displays, place)) {
      const int apart = std::abs(item - dataset.interactions().items[place]);
      near += apart == 1 || apart == 2 || apart >= 48 ? 1 : 0;
    }
  }
  EXPECT_LT(near, 160);  // of 800; by chance 65
}

TEST(BuildDisplaysTest, PopularityDrawsWhatTheUserDoesNotHave) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 300, 30, RandomLog(300, 30, 1000, 3));
  const DisplayColumns displays = BuildDisplays(dataset, Options("popularity", 2));
  ExpectWellFormed(dataset, displays, 2);
  std::vector<double> expected(30, 0.0);
  std::vector<double> counts(30, 0.0);
  std::vector<double> popularity(30, 0.0);
  for (const std::int32_t item : dataset.interactions().items) {
    popularity[static_cast<std::size_t>(item)] += 1.0;
  }
  for (std::size_t place = 0; place < displays.user.size(); ++place) {
    const std::span<const std::int32_t> own = dataset.interactions().row(displays.user[place]);
    double total = 0.0;
    for (std::int32_t item = 0; item < 30; ++item) {
      total += std::find(own.begin(), own.end(), item) == own.end() ? popularity[static_cast<std::size_t>(item)] : 0.0;
    }
    for (std::int32_t item = 0; item < 30; ++item) {
      if (std::find(own.begin(), own.end(), item) == own.end()) {
        expected[static_cast<std::size_t>(item)] += popularity[static_cast<std::size_t>(item)] / total;
      }
    }
    for (const std::int32_t item : ShownAt(displays, place)) {
      if (item != dataset.interactions().items[place]) {
        ASSERT_EQ(std::find(own.begin(), own.end(), item), own.end());
        counts[static_cast<std::size_t>(item)] += 1.0;
      }
    }
  }
  for (std::size_t item = 0; item < 30; ++item) {
    EXPECT_NEAR(counts[item], expected[item], 4.5 * std::sqrt(expected[item]) + 1.0) << item;
  }
}

TEST(BuildDisplaysTest, PopularityShowsFewerWhereFewAreLeft) {
  const test::TempDir dir;
  const Dataset dataset = test::MakeGrid(dir, 4, 3);  // everybody has everything
  const DisplayColumns displays = BuildDisplays(dataset, Options("popularity", 4));
  ExpectWellFormed(dataset, displays, 1);
}

TEST(BuildDisplaysTest, SessionsShowWhatTheUserHadBefore) {
  const test::TempDir dir;
  const std::vector<Event> events = {{0, 4, 1}, {0, 2, 2}, {0, 4, 3}, {0, 1, 4}, {0, 3, 5}, {0, 2, 6}, {1, 5, 1}};
  const Dataset dataset = MakeLog(dir, 2, 6, events, {.repeats = true});
  const DisplayColumns displays = BuildDisplays(dataset, Options("session", 3));
  ExpectWellFormed(dataset, displays, 3);
  const std::vector<Items> expected = {{4}, {2, 4}, {2, 4}, {1, 2, 4}, {1, 3, 4}, {1, 2, 3}, {5}};
  for (std::size_t place = 0; place < expected.size(); ++place) {
    Items shown = ShownAt(displays, place);
    std::sort(shown.begin(), shown.end());
    EXPECT_EQ(shown, expected[place]) << place;
  }
}

TEST(BuildDisplaysTest, TheChosenItemStandsAnywhere) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 300, 40, RandomLog(300, 40, 5000, 5));
  for (const std::string& kind : DisplayKinds()) {
    const DisplayColumns displays = BuildDisplays(dataset, Options(kind, 4));
    std::array<double, 4> places = {};
    double full = 0.0;
    for (std::size_t display = 0; display < displays.user.size(); ++display) {
      const auto begin = displays.clicked.begin() + displays.offsets[display];
      if (displays.offsets[display + 1] - displays.offsets[display] == 4) {
        places.at(static_cast<std::size_t>(std::find(begin, begin + 4, 1) - begin)) += 1.0;
        full += 1.0;
      }
    }
    for (const double count : places) {
      EXPECT_NEAR(count, full / 4, 4.5 * std::sqrt(full * 3 / 16)) << kind;
    }
  }
}

TEST(BuildDisplaysTest, AnyNumberOfThreadsGivesTheSame) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 3000, 40, RandomLog(3000, 40, 50, 9));
  for (const std::string& kind : DisplayKinds()) {
    base::SetThreads(1);
    const DisplayColumns one = BuildDisplays(dataset, Options(kind, 6));
    base::SetThreads(2);
    const DisplayColumns two = BuildDisplays(dataset, Options(kind, 6));
    EXPECT_EQ(one.item, two.item) << kind;
    DisplayOptions other = Options(kind, 6);
    other.seed = 8;
    EXPECT_NE(BuildDisplays(dataset, other).item, one.item) << kind;
  }
}

TEST(BuildDisplaysTest, TheDatasetKeepsItsInteractionsAndSaysWhatWasMade) {
  const test::TempDir dir;
  const test::TempDir out;
  std::vector<Event> events = RandomLog(40, 12, 500, 11);
  for (Event& event : events) {
    event.part = event.user < 30 ? Part::kTrain : Part::kTest;
  }
  const Dataset dataset = MakeLog(dir, 40, 12, events, {.parts = true});
  EXPECT_EQ(dataset.preprocessing().displays, "");
  DisplayReport report = AddDisplaysTo(base::RealFileSystem(), dataset, Options("time_neighbours", 5), out / "shown");
  EXPECT_EQ(report.made, "time_neighbours 5 seed 7");
  EXPECT_EQ(report.displays, dataset.num_interactions());
  EXPECT_EQ(report.items, 5 * report.displays);
  EXPECT_EQ(report.single_item, 0);
  const Dataset shown = Dataset::Open(out / "shown");
  EXPECT_EQ(shown.preprocessing().displays, report.made);
  EXPECT_TRUE(std::ranges::equal(shown.interactions().items, dataset.interactions().items));
  EXPECT_TRUE(std::ranges::equal(shown.times(), dataset.times()));
  EXPECT_TRUE(std::ranges::equal(shown.displays().times, dataset.times()));
  EXPECT_TRUE(std::ranges::equal(shown.parts(), dataset.parts()));
  EXPECT_TRUE(std::ranges::equal(shown.displays().parts, dataset.parts()));
  SplitConfig config;
  config.kind = "displays";
  EXPECT_EQ(MakeSplit(shown, config).test_displays.num_users(), 10);
  // The same again is no other dataset; without parts it is.
  AddDisplaysTo(base::RealFileSystem(), dataset, Options("time_neighbours", 5), out / "shown");
  DisplayOptions without = Options("time_neighbours", 5);
  without.parts = false;
  EXPECT_EQ(ErrorOf([&] { AddDisplaysTo(base::RealFileSystem(), dataset, without, out / "shown"); }),
            "Usage: " + (out / "shown").string() +
                ": holds a dataset that was made otherwise: from '' with --format  --duplicates last, and displays "
                "'time_neighbours 5 seed 7'; give another place, or --overwrite to replace it");
  without.overwrite = true;
  report = AddDisplaysTo(base::RealFileSystem(), dataset, without, out / "shown");
  EXPECT_EQ(report.made, "time_neighbours 5 seed 7 without parts");
  EXPECT_TRUE(Dataset::Open(out / "shown").displays().parts.empty());
}

TEST(BuildDisplaysTest, RefusesWhatItCannotDo) {
  const test::TempDir dir;
  const test::TempDir out;
  const Dataset dataset = MakeLog(dir, 20, 12, RandomLog(20, 12, 500, 11), {.times = false});
  const auto refused = [&](const Dataset& of, const DisplayOptions& options, const std::filesystem::path& output) {
    return ErrorOf([&] { AddDisplaysTo(base::RealFileSystem(), of, options, output); });
  };
  EXPECT_EQ(refused(dataset, Options("time_neighbours", 5), out / "x"),
            "Data: " + dir.path().string() +
                ": the dataset has no times: 'time_neighbours'; allowed without times: popularity, session");
  EXPECT_EQ(refused(dataset, Options("sesion", 5), out / "x"),
            "Usage: --kind: no such kind of displays: 'sesion'; allowed: time_neighbours, popularity, session; did you "
            "mean 'session'?");
  EXPECT_EQ(refused(dataset, Options("session", 1), out / "x"),
            "Usage: --size: is out of range: '1'; expected 2 to 1000");
  EXPECT_EQ(refused(dataset, Options("session", 5), dir.path()),
            "Usage: --out: is the folder of the dataset itself: '" + dir.path().string() +
                "'; expected another one, because runs name their dataset by its place");
  AddDisplaysTo(base::RealFileSystem(), dataset, Options("session", 5), out / "shown");
  EXPECT_EQ(refused(Dataset::Open(out / "shown"), Options("session", 5), out / "x"),
            "Usage: " + (out / "shown").string() +
                ": the dataset has displays already: 'session 5 seed 7'; expected one without");
  EXPECT_FALSE(std::filesystem::exists(out / "x"));
}

}  // namespace
}  // namespace recforce::data
