// SPDX-License-Identifier: Apache-2.0
// Texts that fit, labels that do not touch.
#include "report/frame.h"

#include <gtest/gtest.h>

namespace recforce::report {
namespace {

TEST(TextWidth, SumsAdvances) {
  EXPECT_NEAR(TextWidth("100", 10.0), 3 * 6.36, 1e-9);
  EXPECT_NEAR(TextWidth("\xC3\xA9", 10.0), 10.0, 1e-9);  // one character of two bytes
  EXPECT_GT(TextWidth("word", 12.0, true), TextWidth("word", 12.0));
}

TEST(Shortened, KeepsBothEndsAndWholeCharacters) {
  EXPECT_EQ(Shortened("short", 100.0, 12.0), "short");
  const std::string name = "multi_vae_hidden_600_latent_200_seed_1";
  const std::string shortened = Shortened(name, 120.0, 12.0);
  EXPECT_LE(TextWidth(shortened, 12.0), 120.0);
  EXPECT_EQ(shortened.substr(0, 5), "multi");
  EXPECT_EQ(shortened.substr(shortened.size() - 2), "_1");
  std::string accents;
  for (int n = 0; n < 30; ++n) {
    accents += "\xC3\xA9";
  }
  const std::string fewer = Shortened(accents, 100.0, 10.0);
  EXPECT_EQ((fewer.size() - 3) % 2, 0U) << "a character was cut";
}

TEST(SpreadApart, LeavesWhatIsFarApart) {
  EXPECT_EQ(SpreadApart({10.0, 90.0, 50.0}, 15.0, 0.0, 100.0), (std::vector<double>{10.0, 90.0, 50.0}));
}

TEST(SpreadApart, MovesNeighboursBothWays) {
  EXPECT_EQ(SpreadApart({50.0, 50.0}, 10.0, 0.0, 100.0), (std::vector<double>{45.0, 55.0}));
  EXPECT_EQ(SpreadApart({52.0, 50.0, 48.0}, 10.0, 0.0, 100.0), (std::vector<double>{60.0, 50.0, 40.0}));
}

TEST(SpreadApart, StaysInside) {
  EXPECT_EQ(SpreadApart({0.0, 0.0, 1.0}, 10.0, 0.0, 100.0), (std::vector<double>{0.0, 10.0, 20.0}));
  EXPECT_EQ(SpreadApart({100.0, 99.0}, 10.0, 0.0, 100.0), (std::vector<double>{100.0, 90.0}));
}

TEST(SpreadApart, AnyPlacesKeepTheirOrderAndTheGap) {
  std::vector<double> places;
  for (int n = 0; n < 20; ++n) {
    places.push_back(static_cast<double>((n * 37) % 23));
  }
  const std::vector<double> spread = SpreadApart(places, 12.0, 0.0, 400.0);
  for (std::size_t a = 0; a < places.size(); ++a) {
    EXPECT_GE(spread[a], 0.0);
    EXPECT_LE(spread[a], 400.0);
    for (std::size_t b = 0; b < places.size(); ++b) {
      if (places[a] < places[b]) {
        EXPECT_GE(spread[b] - spread[a], 12.0 - 1e-9);
      }
    }
  }
}

TEST(AddLegend, BreaksLinesAndSaysItsHeight) {
  Figure figure{200.0, 0.0, "", "", {}};
  const double one = AddLegend(figure, {{"a", 0}, {"b", 1}}, LegendKey::kLine, {0.0, 0.0}, 200.0);
  const double two =
      AddLegend(figure, {{"a long name of a run", 0}, {"another long name", 1}}, LegendKey::kLine, {0.0, 0.0}, 200.0);
  EXPECT_DOUBLE_EQ(one, 18.0);
  EXPECT_DOUBLE_EQ(two, 36.0);
  EXPECT_DOUBLE_EQ(AddLegend(figure, {}, LegendKey::kBox, {0.0, 0.0}, 200.0), 0.0);
}

}  // namespace
}  // namespace recforce::report
