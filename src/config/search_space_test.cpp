// SPDX-License-Identifier: Apache-2.0
// Search spaces: their texts, their refusals word for word, and what is drawn from them.
#include "recforce/config/search_space.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "recforce/base/text.h"
#include "recforce/config/settings.h"

namespace recforce::config {
namespace {

// What the text means, or why it was refused.
std::string Parsed(std::string_view text, bool numeric = true, bool whole = false) {
  SearchSpace space;
  const std::string refused = ParseSearchText(text, numeric, whole, space);
  if (!refused.empty()) {
    return refused;
  }
  return (space.is_range() ? "range " : std::to_string(space.choices.size()) + " choices ") + SearchText(space);
}

TEST(SearchSpaceTest, TextsAreReadAndWritten) {
  EXPECT_EQ(Parsed("1e-05..0.01:log"), "range 1e-05..0.01:log");
  EXPECT_EQ(Parsed("-1..2.5:linear"), "range -1..2.5");
  EXPECT_EQ(Parsed("1..20", true, true), "range 1..20");
  EXPECT_EQ(Parsed("0.1,0.2,0.5"), "3 choices 0.1,0.2,0.5");
  EXPECT_EQ(Parsed("7"), "1 choices 7");
  EXPECT_EQ(Parsed("[600, 200],[600]", false), "2 choices [600, 200],[600]");
  EXPECT_EQ(Parsed("\"a,b\",c", false), "2 choices \"a,b\",c");
}

TEST(SearchSpaceTest, RefusalsSayWhatIsAllowed) {
  const std::string range = "; expected LOW..HIGH or LOW..HIGH:log";
  EXPECT_EQ(Parsed("1..x"), "is not a range: '1..x'" + range);
  EXPECT_EQ(Parsed("..2"), "is not a range: '..2'" + range);
  EXPECT_EQ(Parsed("1:log..2"), "has an unknown scale: 'log..2'; expected log or linear");
  EXPECT_EQ(Parsed("1..2:ln"), "has an unknown scale: 'ln'; expected log or linear");
  EXPECT_EQ(Parsed("2..2"), "is an empty range: '2..2'; expected a low end below the high end");
  EXPECT_EQ(Parsed("0..1:log"), "has no logarithms: '0..1:log'; expected a low end above 0");
  EXPECT_EQ(Parsed("0..9:log", true, true), "has no logarithms: '0..9:log'; expected a low end above 0");
  EXPECT_EQ(Parsed("0.5..9", true, true), "is not a range of whole numbers: '0.5..9'; expected whole ends");
  EXPECT_EQ(Parsed("a..b", false), "has no range: 'a..b'; expected choices with commas between them");
  EXPECT_EQ(Parsed(""), "has an empty choice: ''; expected choices with commas between them, or LOW..HIGH");
  EXPECT_EQ(Parsed("1,,2"), "has an empty choice: '1,,2'; expected choices with commas between them, or LOW..HIGH");
  EXPECT_EQ(Parsed("1,2,1"), "has a choice twice: '1'; name each one once");
}

constexpr int kDraws = 20000;

std::vector<double> Draws(const std::string& text, bool whole) {
  SearchSpace space;
  EXPECT_EQ(ParseSearchText(text, true, whole, space), "");
  std::vector<double> values;
  for (int n = 0; n < kDraws; ++n) {
    base::Rng rng(1, base::Stream::kTest, static_cast<std::uint64_t>(n));
    values.push_back(*base::ParseReal(DrawValue(space, rng)));
  }
  return values;
}

// How often the draws are below `limit`, as a share. Its standard error is below 0.0036.
double ShareBelow(const std::vector<double>& draws, double limit) {
  return static_cast<double>(std::count_if(draws.begin(), draws.end(), [&](double v) { return v < limit; })) / kDraws;
}

TEST(SearchSpaceTest, LinearRangesGiveEveryValueTheSameChance) {
  const std::vector<double> draws = Draws("-1..3", false);
  EXPECT_NEAR(ShareBelow(draws, 0.0), 0.25, 0.015);
  EXPECT_NEAR(ShareBelow(draws, 1.0), 0.5, 0.015);
  EXPECT_EQ(ShareBelow(draws, -1.0), 0.0);
  EXPECT_EQ(ShareBelow(draws, 3.1), 1.0);
}

TEST(SearchSpaceTest, LogRangesGiveEveryRatioTheSameChance) {
  const std::vector<double> draws = Draws("0.0001..0.01:log", false);
  EXPECT_NEAR(ShareBelow(draws, 0.001), 0.5, 0.015);
  EXPECT_NEAR(ShareBelow(draws, 0.0002), std::log10(2.0) / 2.0, 0.015);
}

TEST(SearchSpaceTest, WholeNumbersIncludeBothEnds) {
  std::map<double, int> linear;
  for (const double value : Draws("1..4", true)) {
    ++linear[value];
  }
  ASSERT_EQ(linear.size(), 4U);
  for (const auto& [value, count] : linear) {
    EXPECT_NEAR(static_cast<double>(count) / kDraws, 0.25, 0.015) << value;
  }
  // P(n) = log((n + 1) / n) / log(5): 0.4307, 0.2519, 0.1787, 0.1386.
  std::map<double, int> log;
  for (const double value : Draws("1..4:log", true)) {
    ++log[value];
  }
  ASSERT_EQ(log.size(), 4U);
  EXPECT_NEAR(log[1.0] / static_cast<double>(kDraws), 0.4307, 0.015);
  EXPECT_NEAR(log[2.0] / static_cast<double>(kDraws), 0.2519, 0.015);
  EXPECT_NEAR(log[4.0] / static_cast<double>(kDraws), 0.1386, 0.015);
}

TEST(SearchSpaceTest, ChoicesAreEquallyLikely) {
  const std::vector<double> draws = Draws("1,2,3", false);
  EXPECT_NEAR(ShareBelow(draws, 1.5), 1.0 / 3, 0.015);
  EXPECT_NEAR(ShareBelow(draws, 2.5), 2.0 / 3, 0.015);
}

RC_GTEST_PROP(SearchSpaceTest, DrawsStayInsideTheirRange, (std::uint32_t seed, bool log)) {
  SearchSpace space;
  space.scale = log ? Scale::kLog : Scale::kLinear;
  space.low = 1e-6 * *rc::gen::inRange(1, 1000000);
  space.high = space.low * 1.00001;  // rounding to four digits would leave it
  base::Rng rng(seed, base::Stream::kTest);
  const double value = *base::ParseReal(DrawValue(space, rng));
  RC_ASSERT(value >= space.low && value <= space.high);
}

TEST(SearchSpaceTest, DecimalsHaveFourSignificantDigits) {
  SearchSpace space{Scale::kLinear, false, 0.0, 1.0, {}};
  base::Rng rng(3, base::Stream::kTest);
  for (int n = 0; n < 100; ++n) {
    EXPECT_LE(DrawValue(space, rng).size(), std::string("0.0001234").size() + 1);
  }
}

TEST(SearchSpaceTest, PlacesAreOnTheScale) {
  const SearchSpace log{Scale::kLog, false, 1.0, 100.0, {}};
  EXPECT_DOUBLE_EQ(PlaceInRange(log, 10.0), 0.5);
  const SearchSpace linear{Scale::kLinear, true, 10.0, 20.0, {}};
  EXPECT_DOUBLE_EQ(PlaceInRange(linear, 20.0), 1.0);
}

struct Searched {
  std::int64_t epochs = 3;
  double rate = 0.1;
  std::string kind = "a";
};

TEST(SearchSpaceTest, FieldsCarryTheirSpace) {
  const FieldTable table = Fields<Searched>()
                               .Int("epochs", &Searched::epochs, 1, 9, "Passes.")
                               .Real("rate", &Searched::rate, 0, 1, "Step.")
                               .Search(0.01, 1.0, Scale::kLog)
                               .Alias("lr")
                               .Choice("kind", &Searched::kind, {"a", "b", "c"}, "How.")
                               .SearchChoices({"a", "c"})
                               .Take();
  EXPECT_FALSE(table[0].search);
  EXPECT_EQ(SearchText(*table[1].search), "0.01..1:log");
  EXPECT_EQ(RenderMarkdown("s", table).substr(RenderMarkdown("s", table).find("| `s.rate`")),
            "| `s.rate` | real | `0.1` | [0, 1] | Step. Also: `lr`. Search: `0.01..1:log`. |\n"
            "| `s.kind` | choice | `a` | a\\|b\\|c | How. Search: `a,c`. |\n");
  EXPECT_NE(RenderHelp("s", table).find("(real [0, 1]; also lr; search 0.01..1:log)"), std::string::npos);
}

TEST(SearchSpaceTest, ATableCannotSearchWhatItsFieldRefuses) {
  const auto search = [](double low, double high, Scale scale) {
    Fields<Searched>().Int("epochs", &Searched::epochs, 1, 9, "").Search(low, high, scale);
  };
  EXPECT_THROW(search(1, 10, Scale::kLinear), base::Error);
  EXPECT_THROW(search(5, 5, Scale::kLinear), base::Error);
  EXPECT_NO_THROW(search(1, 9, Scale::kLog));
  EXPECT_THROW(Fields<Searched>().Choice("kind", &Searched::kind, {"a"}, "").SearchChoices({"b"}), base::Error);
  EXPECT_THROW(Fields<Searched>().Choice("kind", &Searched::kind, {"a"}, "").Search(0, 1), base::Error);
}

}  // namespace
}  // namespace recforce::config
