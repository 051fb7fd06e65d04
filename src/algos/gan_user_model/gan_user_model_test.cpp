// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/gan_user_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>

#include "algos/gan_user_model/calibrate.h"
#include "recforce/base/error.h"
#include "recforce/base/log.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "support/npy.h"
#include "support/temp_dir.h"
#include "support/train_from.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kItems = 12;

// Three hundred users who like items of their last click's parity, and low numbers; items 10 and 11 are never shown.
data::DisplaySet Displays(std::uint32_t seed, bool no_clicks) {
  data::DisplaySet displays;
  for (std::int32_t user = 0; user < 300; ++user) {
    base::Rng rng(seed, base::Stream::kTest, static_cast<std::uint64_t>(user));
    std::int32_t last = -1;
    for (int page = 0; page < 6; ++page) {
      std::vector<std::int32_t> shown = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
      rng.Shuffle(std::span(shown));
      shown.resize(4);
      std::vector<float> u;
      for (const std::int32_t item : shown) {
        u.push_back(-0.2F * static_cast<float>(item) + (last >= 0 && (item - last) % 2 == 0 ? 1.5F : 0.0F));
      }
      core::ChoiceRule rule;
      if (no_clicks) {
        rule.no_click = -1.0F;
      }
      const std::int32_t place = core::Choose(rule, u, rng.Uniform());
      displays.AddChoice(shown, place);
      last = place < 0 ? last : shown[static_cast<std::size_t>(place)];
    }
    displays.AddUser(user);
  }
  return displays;
}

using Values = std::map<std::string, std::string>;

struct Setting {
  explicit Setting(const Values& values = {}, bool no_clicks = true)
      : train(Displays(1, no_clicks)), validation(Displays(2, no_clicks)) {
    for (const auto& [key, value] : values) {
      EXPECT_EQ(section.Set(*section.Find(key), value), "") << key;
    }
    view.num_items = kItems;
    view.displays = &train;
    view.validation_displays = &validation;
  }
  [[nodiscard]] std::unique_ptr<core::Trainer> Make() const { return spec.make_trainer(section, view, {.seed = 2}); }
  core::AlgorithmSpec spec = GanUserModelSpec();
  config::Section section = spec.make_config();
  data::DisplaySet train, validation;
  core::TrainView view;
};

void ExpectSameBytes(const base::TensorSet& a, const base::TensorSet& b) {
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (const auto& [name, tensor] : a.tensors()) {
    EXPECT_EQ(std::memcmp(tensor.data, b.Get(name).data, static_cast<std::size_t>(tensor.NumBytes())), 0) << name;
  }
}

std::vector<float> Scores(const core::Recommender& model, std::vector<std::int32_t> history) {
  data::Csr rows;
  rows.AddRow(history);
  std::vector<float> scores(kItems);
  model.ScoreBatch({rows.view()}, {scores.data(), 1, kItems});
  return scores;
}

std::string UsageOf(const Setting& setting) {
  try {
    (void)setting.Make();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    return error.what();
  }
  return "";
}

TEST(GanUserModelTest, RefusesWhatItCannotLearnFrom) {
  Setting none;
  none.view.displays = nullptr;
  EXPECT_EQ(UsageOf(none),
            "gan_user_model: learns from what was shown together: there are no displays; expected a dataset with "
            "displays and split.kind displays");
  EXPECT_EQ(UsageOf(Setting(Values{{"reward_layers", "[]"}})),
            "gan_user_model.reward_layers: is empty; expected the width of one hidden layer or more");
}

TEST(GanUserModelTest, LearnsWhatUsersLike) {
  for (const std::string state : {"pw", "lstm"}) {
    const Setting setting({{"state", state}, {"epochs", "60"}});
    const auto trainer = setting.Make();
    const double before = *trainer->Validate(nullptr);
    test::TrainFrom(*trainer, 0, 0);
    EXPECT_GT(*trainer->Validate(nullptr), before + 0.1);
    const std::vector<float> after_even = Scores(trainer->Current(), {8});
    EXPECT_GT(after_even[2], after_even[3]);
    const std::vector<float> after_odd = Scores(trainer->Current(), {9});
    EXPECT_GT(after_odd[1], after_odd[2]);
  }
}

// What users clicked they never click again, be it rare or not.
TEST(GanUserModelTest, LearnsThatNothingIsTakenTwice) {
  Setting setting({{"epochs", "40"}, {"temperature", "false"}});  // the validation users are others
  setting.train = {};
  for (std::int32_t user = 0; user < 300; ++user) {
    base::Rng rng(3, base::Stream::kTest, static_cast<std::uint64_t>(user));
    std::vector<std::uint8_t> taken(kItems, 0);
    for (int page = 0; page < 6; ++page) {
      std::vector<std::int32_t> shown = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
      rng.Shuffle(std::span(shown));
      const auto place = std::find_if(shown.begin(), shown.end(), [&](std::int32_t item) { return taken[item] == 0; });
      setting.train.AddChoice(shown, static_cast<std::int32_t>(place - shown.begin()));
      taken[*place] = 1;
    }
    setting.train.AddUser(user);
  }
  const auto trainer = setting.Make();
  test::TrainFrom(*trainer, 0, 0);
  for (const std::int32_t item : {0, 5, 11}) {  // one of them was never shown
    const auto other = item == 0 ? 1 : 0;
    EXPECT_LT(Scores(trainer->Current(), {item, other})[item], Scores(trainer->Current(), {other})[item] - 0.5F);
  }
  const base::TensorSet set = trainer->Export();
  for (const float weight : set.Get("member.0.repeat.weight").As<float>().first(5)) {
    EXPECT_LT(weight, -0.5F);
  }
  EXPECT_FALSE(Setting(Values{{"repeats", "false"}}).Make()->Export().Has("member.0.repeat.weight"));
}

TEST(GanUserModelTest, EveryLawLearns) {
  for (const std::string law : {"shannon", "l2", "entmax15"}) {
    const Setting setting({{"law", law}, {"epochs", "40"}, {"eta", "0.5"}});
    const auto trainer = setting.Make();
    const double before = *trainer->Validate(nullptr);
    test::TrainFrom(*trainer, 0, 0);
    EXPECT_GT(*trainer->Validate(nullptr), before) << law;
    EXPECT_EQ(trainer->Current().choice()->law, core::ParseChoiceLaw(law));
  }
}

TEST(GanUserModelTest, ChoosingNothingIsLearntWhereItOccurs) {
  const auto no_click = [](const Values& values, bool occurs) {
    const Setting setting(values, occurs);
    const auto trainer = setting.Make();
    test::TrainFrom(*trainer, 0, 0, 3);
    return trainer->Current().choice()->no_click;
  };
  const Values few = {{"epochs", "3"}};
  EXPECT_TRUE(no_click(few, true).has_value());
  EXPECT_FALSE(no_click(few, false).has_value());
  EXPECT_FALSE(no_click({{"epochs", "3"}, {"no_click", "absent"}}, true).has_value());
  EXPECT_EQ(no_click({{"epochs", "3"}, {"no_click", "fixed"}, {"no_click_reward", "0.5"}, {"eta", "2"}}, true), 1.0F);
}

TEST(GanUserModelTest, WarnsWhereNothingHoldsTheMeanReward) {
  std::vector<std::string> heard;
  base::SetLogSink([&](base::LogLevel level, std::string_view text) {
    if (level == base::LogLevel::kWarn) {
      heard.emplace_back(text);
    }
  });
  (void)Setting({{"no_click", "fixed"}}, false).Make();
  (void)Setting({{"no_click", "fixed"}}, true).Make();
  base::SetLogSink({});
  ASSERT_EQ(heard.size(), 1);
  EXPECT_EQ(heard[0].substr(0, 82),
            "gan_user_model: choosing nothing has a reward, but no display was left without a c");
}

TEST(GanUserModelTest, ItemsThatWereNeverShownAreTheMeanItem) {
  const Setting setting(Values{{"epochs", "10"}});
  const auto trainer = setting.Make();
  test::TrainFrom(*trainer, 0, 0);
  const base::TensorSet set = trainer->Export();
  const auto table = set.Get("member.0.item.embedding").As<float>();
  const std::int64_t dim = set.Get("member.0.item.embedding").shape[1];
  for (std::int64_t i = 0; i < dim; ++i) {
    double sum = 0.0;
    for (std::int64_t item = 0; item < 10; ++item) {
      sum += table[item * dim + i];
    }
    EXPECT_NEAR(table[10 * dim + i], sum / 10.0, 1e-6);
    EXPECT_EQ(table[10 * dim + i], table[11 * dim + i]);
  }
  EXPECT_EQ(set.Get("member.0.item.bias").As<float>()[11], 0.0F);
}

TEST(GanUserModelTest, FeaturesSpeakForItemsThatWereNeverShown) {
  test::TempDir dir;
  std::vector<float> features;
  for (std::int64_t item = 0; item < kItems; ++item) {
    features.push_back(static_cast<float>(item % 2));
    features.push_back(100.0F * static_cast<float>(item));
    features.push_back(7.0F);  // constant: says nothing
  }
  const auto file = dir.Write("features.npy", test::NpyFile(kItems, 3, features));
  const Setting setting({{"epochs", "60"}, {"item_features", file.string()}});
  const auto trainer = setting.Make();
  test::TrainFrom(*trainer, 0, 0);
  const std::vector<float> scores = Scores(trainer->Current(), {0});
  EXPECT_GT(scores[10], scores[11]) << "an even item after an even click";
  const base::TensorSet set = trainer->Export();
  const auto kept = set.Get("item.features").As<float>();
  EXPECT_NEAR(kept[0], -1.0, 1e-6);
  EXPECT_NEAR(kept[1], -5.5 / std::sqrt(143.0 / 12.0), 1e-5);
  EXPECT_EQ(kept[2], 0.0F);
  const auto loaded = setting.spec.load(setting.section, set, kItems, "cpu");
  EXPECT_EQ(Scores(*loaded, {0}), scores);
}

TEST(GanUserModelTest, TheScaleIsTheOneOfMaximumLikelihood) {
  data::DisplaySet displays;  // two items, the first is chosen four times out of five
  for (int d = 0; d < 10; ++d) {
    displays.AddChoice(std::vector<std::int32_t>{0, 1}, d % 5 == 0 ? 1 : 0);
  }
  displays.AddUser(0);
  std::vector<float> utilities;
  for (int d = 0; d < 10; ++d) {
    utilities.insert(utilities.end(), {0.5F, 0.0F});
  }
  const double scale = FitScale({}, utilities, displays);
  EXPECT_NEAR(scale, std::log(4.0) / 0.5, 1e-4);
  for (float& u : utilities) {
    u *= static_cast<float>(scale);
  }
  EXPECT_NEAR(MeanLogLikelihood({}, utilities, displays), 0.8 * std::log(0.8) + 0.2 * std::log(0.2), 1e-6);
  displays.choice[0] = -1;
  EXPECT_NEAR(MeanLogLikelihood({}, utilities, displays), (8.0 * std::log(0.8) + std::log(0.2)) / 9.0, 1e-6)
      << "a display without a choice is left out where there is no such thing";
}

TEST(GanUserModelTest, ValidationFindsTheScale) {
  const Setting free({{"epochs", "3"}, {"temperature", "false"}});
  const auto unscaled = free.Make();
  test::TrainFrom(*unscaled, 0, 0);
  EXPECT_EQ(unscaled->Export().Get("scale").As<float>()[0], 1.0F);
  const Setting fitted(Values{{"epochs", "3"}});
  const auto scaled = fitted.Make();
  test::TrainFrom(*scaled, 0, 0);
  EXPECT_NE(scaled->Export().Get("scale").As<float>()[0], 1.0F);
  EXPECT_GT(*scaled->Validate(nullptr), *unscaled->Validate(nullptr)) << "as after an early end";
}

TEST(GanUserModelTest, ResumedInTheGameOrAnEnsembleEqualsNeverStopped) {
  const Setting setting({{"epochs", "2"},
                         {"game", "true"},
                         {"game_epochs", "3"},
                         {"game_steps", "2"},
                         {"ensemble", "2"},
                         {"state", "lstm"},
                         {"history", "3"}});
  const auto whole = setting.Make();
  test::TrainFrom(*whole, 0, 0);
  for (std::int64_t done = 1; done <= 5; ++done) {
    const std::int64_t phase = done <= 2 ? 0 : 1;
    const std::int64_t epoch = phase == 0 ? done : done - 2;
    test::TempDir dir;
    const auto stopped = setting.Make();
    test::TrainFrom(*stopped, 0, 0, done);
    base::WriteTensorFile(base::RealFileSystem(), dir / "state", stopped->SaveState());
    const auto resumed = setting.Make();
    resumed->LoadState(base::ReadTensorFile(dir / "state"), phase);
    const bool last = done == 2 || done == 5;
    if (last) {
      resumed->EndPhase();
    }
    test::TrainFrom(*resumed, last ? phase + 1 : phase, last ? 0 : epoch);
    ExpectSameBytes(whole->Export(), resumed->Export());
  }
}

TEST(GanUserModelTest, TheGameKeepsWhatTheExactLossLearnt) {
  const Setting setting({{"epochs", "40"}, {"game", "true"}, {"game_epochs", "20"}, {"game_steps", "3"}});
  const auto trainer = setting.Make();
  ASSERT_EQ(trainer->Phases().size(), 2);
  const double before = *trainer->Validate(nullptr);
  trainer->BeginPhase(0);
  for (std::int64_t epoch = 0; epoch < 40; ++epoch) {
    trainer->Epoch({.epoch = epoch});
  }
  trainer->EndPhase();
  const double exact = *trainer->Validate(nullptr);
  trainer->BeginPhase(1);
  core::Metrics first;
  core::Metrics last;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    last = trainer->Epoch({.phase = 1, .epoch = epoch});
    first = epoch == 0 ? last : first;
  }
  trainer->EndPhase();
  EXPECT_GT(exact, before + 0.1);
  EXPECT_GT(*trainer->Validate(nullptr), exact - 0.05);
  EXPECT_EQ(last[2].first, "value");
  EXPECT_LE(last[2].second, last[0].second + 1e-6) << "no behaviour does better than the exact loss";
  EXPECT_NEAR(first[2].second, first[0].second, 0.02) << "behaviour begins at what rewards say";
  EXPECT_NEAR(last[2].second, last[0].second, 0.02);
}

TEST(GanUserModelTest, AnEnsembleIsTheMeanOfItsMembers) {
  const Setting setting({{"epochs", "5"}, {"ensemble", "3"}, {"temperature", "false"}});
  const auto trainer = setting.Make();
  test::TrainFrom(*trainer, 0, 0);
  const base::TensorSet set = trainer->Export();
  std::vector<double> mean(kItems, 0.0);
  std::vector<std::vector<float>> each;
  double rho = 0.0;
  for (int member = 0; member < 3; ++member) {
    base::TensorSet alone;
    const std::string prefix = "member." + std::to_string(member) + ".";
    for (const auto& [name, view] : set.tensors()) {
      if (name.rfind(prefix, 0) == 0) {
        alone.Add("member.0." + name.substr(prefix.size()), view);
      }
    }
    alone.AddOwned("scale", std::vector<float>{1.0F}, {1});
    config::Section one = setting.section.Clone();
    ASSERT_EQ(one.Set(*one.Find("ensemble"), "1"), "");
    const auto model = setting.spec.load(one, alone, kItems, "cpu");
    each.push_back(Scores(*model, {3, 4}));
    rho += static_cast<double>(*model->choice()->no_click) / 3.0;
    for (std::size_t item = 0; item < kItems; ++item) {
      mean[item] += static_cast<double>(each.back()[item]) / 3.0;
    }
  }
  EXPECT_NE(each[0], each[1]);
  const std::vector<float> together = Scores(trainer->Current(), {3, 4});
  for (std::size_t item = 0; item < kItems; ++item) {
    EXPECT_NEAR(together[item], mean[item], 1e-5);
  }
  EXPECT_NEAR(*trainer->Current().choice()->no_click, rho, 1e-6);
}

TEST(GanUserModelTest, CompatIsTheAuthorsModel) {
  const Setting setting({{"compat", "true"}, {"epochs", "3"}, {"history", "20"}}, false);
  const auto trainer = setting.Make();
  const base::TensorSet start = trainer->Export();
  const auto weights = start.Get("member.0.position.weight").As<float>();
  EXPECT_EQ(weights.size(), 4 * 19) << "the twentieth lag is never read";
  EXPECT_TRUE(std::all_of(weights.begin(), weights.end(), [](float w) { return w == 1e-4F; }));
  EXPECT_FALSE(start.Has("member.0.position.bias"));
  EXPECT_FALSE(start.Has("member.0.item.bias"));
  const auto layer = start.Get("member.0.reward.1.weight").As<float>();
  EXPECT_LE(std::abs(*std::max_element(layer.begin(), layer.end())), 2e-3F) << "two deviations of 1e-3";
  EXPECT_EQ(trainer->Current().choice()->no_click, 0.0F);
  const double before = *trainer->Validate(nullptr);
  test::TrainFrom(*trainer, 0, 0);
  EXPECT_NE(*trainer->Validate(nullptr), before);
  EXPECT_EQ(trainer->Current().choice()->no_click, 0.0F) << "it stays fixed";
}

TEST(GanUserModelTest, TheEnvironmentUsesTheModelOfTheBundle) {
  const Setting setting(Values{{"epochs", "5"}});
  const auto trainer = setting.Make();
  test::TrainFrom(*trainer, 0, 0);
  const auto users = setting.spec.load_environment(setting.section, trainer->Export(), kItems, "cpu");
  std::vector<std::int32_t> recent(static_cast<std::size_t>(users->memory()), -1);
  recent[0] = 4;
  recent[1] = 3;
  std::vector<float> utilities(kItems);
  users->UtilitiesAfter({recent.data(), 1, users->memory()}, {utilities.data(), 1, kItems});
  EXPECT_EQ(utilities, Scores(trainer->Current(), {3, 4}));
  EXPECT_EQ(users->choice().no_click, trainer->Current().choice()->no_click);
}

}  // namespace
}  // namespace recforce::algos
