// SPDX-License-Identifier: Apache-2.0
// Choices in the public files of the generative user model (Chen et al., ICML 2019): what the uniform choice and click
// rates reach there, and that precision is the hit rate of the ordinary evaluation. Skipped where there are no files.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "recforce/data/convert.h"
#include "recforce/data/split.h"
#include "recforce/eval/choice.h"
#include "recforce/eval/choice_baselines.h"
#include "recforce/eval/evaluator.h"
#include "support/temp_dir.h"

namespace recforce::eval {
namespace {

// Of the test displays, computed from the files by another program.
struct Known {
  std::string name;
  std::array<double, 2> chance;       // precision of the uniform choice
  double uniform_nll;                 // without no-click
  double uniform_nll_with_no_click;   // with one of utility 0
  std::array<double, 2> click_rates;  // precision of (clicks + .2) / (shows + 1), ties at random
  double popularity_nll;              // with the coefficient fitted to the rates of others
};

class ChoiceFiles : public testing::TestWithParam<Known> {
 protected:
  void SetUp() override {
    const std::filesystem::path input =
        test::RealData().value_or("") / "gan-user-model" / (GetParam().name + ".txt.gz");
    if (!std::filesystem::exists(input)) {
      GTEST_SKIP() << "no gan-user-model in RECFORCE_DATA or ../shared/data";
    }
    (void)data::Convert(base::RealFileSystem(), input, {.format = "displays"}, dir_ / "data");
    data::SplitConfig config;
    config.kind = "displays";
    split_ = data::MakeSplit(data::Dataset::Open(dir_ / "data"), config);
  }
  [[nodiscard]] ChoiceResult Measure(const core::Recommender& model, ChoiceTies ties) const {
    ChoiceOptions options;
    options.ties = ties;
    return EvaluateChoices(model, split_.test_displays, options);
  }
  [[nodiscard]] static double Mean(const ChoiceResult& result, ChoiceMeasure measure) {
    return SummarizeChoices(result, ChoiceSubset::kAll, 1, 100).mean[static_cast<std::size_t>(measure)].value;
  }
  test::TempDir dir_;
  data::Split split_;
};

TEST_P(ChoiceFiles, TheUniformChoiceIsWhatIsKnown) {
  const Known& known = GetParam();
  const ChoiceResult uniform = Measure(*UniformChoice(split_.num_items(), false), ChoiceTies::kExpected);
  EXPECT_NEAR(Mean(uniform, ChoiceMeasure::kPrecision1), known.chance[0], .0005);
  EXPECT_NEAR(Mean(uniform, ChoiceMeasure::kPrecision2), known.chance[1], .0005);
  EXPECT_NEAR(Mean(uniform, ChoiceMeasure::kNll), known.uniform_nll, .0005);
  const ChoiceResult none = Measure(*UniformChoice(split_.num_items(), true), ChoiceTies::kExpected);
  EXPECT_NEAR(Mean(none, ChoiceMeasure::kNll), known.uniform_nll_with_no_click, .0005);
  EXPECT_NEAR(Mean(none, ChoiceMeasure::kClickNll), known.uniform_nll, .0005);
}

TEST_P(ChoiceFiles, ClickRatesReachWhatIsKnown) {
  const Known& known = GetParam();
  const auto popularity = FitPopularityLogit(split_.train_displays, split_.num_items());
  const ChoiceResult result = Measure(*popularity, ChoiceTies::kExpected);
  EXPECT_NEAR(Mean(result, ChoiceMeasure::kPrecision1), known.click_rates[0], .0001);
  EXPECT_NEAR(Mean(result, ChoiceMeasure::kPrecision2), known.click_rates[1], .0001);
  EXPECT_NEAR(Mean(result, ChoiceMeasure::kNll), known.popularity_nll, .0005);
}

TEST_P(ChoiceFiles, PrecisionIsTheHitRateAmongWhatWasShown) {
  const auto model = FitItemLogit(split_.train_displays, split_.num_items(), {.l2 = 1.0});
  for (const bool optimistic : {false, true}) {
    EvalOptions options;
    options.ties = optimistic ? core::Ties::kRelevantFirst : core::Ties::kRelevantLast;
    const std::vector<std::string> names = {"hr@1", "hr@2"};
    const EvalResult expected = Evaluate(*model, split_.test, ParseMetrics(names), options);
    const ChoiceResult result = Measure(*model, optimistic ? ChoiceTies::kOptimistic : ChoiceTies::kPessimistic);
    EXPECT_EQ(result.Of(ChoiceMeasure::kPrecision1), expected.Column(0));
    EXPECT_EQ(result.Of(ChoiceMeasure::kPrecision2), expected.Column(1));
  }
}

const std::vector<Known>& Files() {
  static const std::vector<Known> files = {
      {"yelp", {.397, .636}, 1.177, 1.492, {.6270, .8276}, .9223},
      {"tb", {.294, .485}, 1.502, 1.743, {.2854, .4595}, 1.5105},
      {"rsc", {.490, .721}, .923, 1.300, {.5041, .7508}, .9168},
  };
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, ChoiceFiles, testing::ValuesIn(Files()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace recforce::eval
