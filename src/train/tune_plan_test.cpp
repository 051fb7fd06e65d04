// SPDX-License-Identifier: Apache-2.0
// What a search plans: its keys with their complaints, its trials, its rungs.
#include "train/tune_plan.h"

#include <gtest/gtest.h>

#include <set>

#include "recforce/base/error.h"

namespace recforce::train {
namespace {

struct Searched {
  std::int64_t layers = 2;
  double rate = 0.01;
  std::string kind = "a";
  std::int64_t epochs = 10;
};

config::Settings MakeSettings() {
  static const config::FieldTable table = config::Fields<Searched>()
                                              .Int("layers", &Searched::layers, 0, 10, "")
                                              .Real("rate", &Searched::rate, 0, 1, "")
                                              .Alias("lr")
                                              .Search(0.001, 0.1, config::Scale::kLog)
                                              .Choice("kind", &Searched::kind, {"a", "b", "c"}, "")
                                              .SearchChoices({"a", "b"})
                                              .Int("epochs", &Searched::epochs, 1, 100, "")
                                              .Take();
  return config::Settings({config::Section::Make<Searched>("net", table)}, "net");
}

std::string Keys(const config::Settings& settings, const std::vector<std::string>& asked) {
  std::string text;
  try {
    for (const SearchedKey& key : FindSearchedKeys(settings, "net", asked)) {
      text += (text.empty() ? "" : " ") + key.key + "=" + config::SearchText(key.space);
    }
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    return error.what();
  }
  return text;
}

TEST(TunePlanTest, WithoutAskingTheTableSaysWhatIsSearched) {
  config::Settings settings = MakeSettings();
  EXPECT_EQ(Keys(settings, {}), "net.rate=0.001..0.1:log net.kind=a,b");
  settings.Set("rate", "0.5", "--set");  // what is set is no longer searched
  EXPECT_EQ(Keys(settings, {}), "net.kind=a,b");
  settings.Set("kind", "c", "--set");
  EXPECT_EQ(Keys(settings, {}),
            "recforce tune: nothing to search: every setting with a search space is set already (net.rate, net.kind); "
            "name what to search, like --search net.rate");
}

TEST(TunePlanTest, AskedKeysReplaceThoseOfTheTable) {
  EXPECT_EQ(Keys(MakeSettings(), {"net.layers=1..3", "kind=b,c"}), "net.layers=1..3 net.kind=b,c");
  EXPECT_EQ(Keys(MakeSettings(), {"lr"}), "net.rate=0.001..0.1:log");
}

TEST(TunePlanTest, ComplaintsNameTheSetting) {
  EXPECT_EQ(Keys(MakeSettings(), {"net.layer=1..3"}),
            "--search: not a setting of net: 'net.layer'; did you mean 'layers'?");
  EXPECT_EQ(Keys(MakeSettings(), {"split.kind=a,b"}),
            "--search: not a setting of net: 'split.kind'; expected one of layers, rate, kind, epochs");
  EXPECT_EQ(Keys(MakeSettings(), {"layers"}),
            "--search: net.layers has no space of its own; expected net.layers=LOW..HIGH[:log] or net.layers=A,B,C");
  EXPECT_EQ(Keys(MakeSettings(), {"layers=1..11"}),
            "--search: net.layers is out of range: '11'; expected a whole number in [0, 10]");
  EXPECT_EQ(Keys(MakeSettings(), {"layers=0..9:log"}),
            "--search: net.layers has no logarithms: '0..9:log'; expected a low end above 0");
  EXPECT_EQ(Keys(MakeSettings(), {"kind=a,d"}), "--search: net.kind is not one of its choices: 'd'; expected a, b, c");
  EXPECT_EQ(Keys(MakeSettings(), {"rate", "lr=0.1..0.2"}), "--search: named twice: 'net.rate'; name each setting once");
}

std::vector<std::vector<std::string>> Draw(const std::vector<std::string>& asked, std::uint64_t seed,
                                           std::int64_t count) {
  const config::Settings settings = MakeSettings();
  return DrawTrials(settings, FindSearchedKeys(settings, "net", asked), seed, count);
}

TEST(TunePlanTest, TheFirstTrialIsTheConfigurationAsItIs) {
  EXPECT_EQ(Draw({}, 1, 3)[0], (std::vector<std::string>{"0.01", "a"}));
  EXPECT_EQ(Draw({"layers=5..9"}, 1, 3)[0], (std::vector<std::string>{"2"}));
}

TEST(TunePlanTest, ATrialDependsOnTheSeedAndItsNumberAlone) {
  const auto ten = Draw({}, 7, 10);
  ASSERT_EQ(ten.size(), 10U);
  const auto four = Draw({}, 7, 4);
  EXPECT_TRUE(std::equal(four.begin(), four.end(), ten.begin()));
  EXPECT_NE(Draw({}, 8, 10), ten);
}

TEST(TunePlanTest, NoTwoTrialsAreEqualAndASmallSpaceEnds) {
  const auto trials = Draw({"layers=1..4", "kind=a,b"}, 3, 100);
  // Four times two, with the default (2, a) among them.
  EXPECT_EQ(trials.size(), 8U);
  EXPECT_EQ((std::set<std::vector<std::string>>(trials.begin(), trials.end()).size()), 8U);
  // The default 2 is outside, and "01" and "1" are the same number.
  EXPECT_EQ(Draw({"layers=01,3"}, 3, 100).size(), 3U);
}

TEST(TunePlanTest, DrawsOfSettingsAreNotTied) {
  std::int64_t equal = 0;
  for (const auto& trial : Draw({"rate=0.25..1", "layers=0..10", "epochs=1..100"}, 5, 200)) {
    equal += std::stod(trial[2]) / 100.0 > 0.5 && std::stod(trial[0]) > 0.625 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(equal) / 200.0, 0.25, 0.1);
}

TEST(TunePlanTest, HalvingKeepsAThirdWithThreeTimesTheEpochs) {
  using Rungs = std::vector<Rung>;
  EXPECT_EQ(HalvingRungs(27, 100), (Rungs{{27, 27}, {9, 9}, {3, 3}, {1, 1}}));
  EXPECT_EQ(HalvingRungs(20, 100), (Rungs{{20, 9}, {6, 3}, {2, 1}}));
  EXPECT_EQ(HalvingRungs(27, 10), (Rungs{{27, 9}, {9, 3}, {3, 1}}));  // too few epochs for a fourth rung
  EXPECT_EQ(HalvingRungs(3, 3), (Rungs{{3, 3}, {1, 1}}));
  EXPECT_EQ(HalvingRungs(2, 100), (Rungs{{2, 1}}));
  EXPECT_EQ(HalvingRungs(9, 2), (Rungs{{9, 1}}));
}

TEST(TunePlanTest, RungsRoundUpAndReachAValidation) {
  EXPECT_EQ(RungEpochs({9, 9}, 100, 1), 12);
  EXPECT_EQ(RungEpochs({9, 9}, 9, 1), 1);
  EXPECT_EQ(RungEpochs({9, 9}, 100, 20), 20);
  EXPECT_EQ(RungEpochs({1, 1}, 100, 1), 100);
}

}  // namespace
}  // namespace recforce::train
