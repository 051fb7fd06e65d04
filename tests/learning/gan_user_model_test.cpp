// SPDX-License-Identifier: Apache-2.0
// Whether the user model finds the truth where it is known: the linear world, shown random sets. Slow.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "algos/register_all.h"
#include "recforce/core/algorithm.h"
#include "recforce/core/choice.h"
#include "sim/displays.h"
#include "sim/linear_world.h"

namespace recforce {
namespace {

const core::AlgorithmSpec& Spec() {
  static const core::Registry registry = [] {
    core::Registry all;
    algos::RegisterAll(all);
    return all;
  }();
  return registry.Get("gan_user_model");
}

using Values = std::map<std::string, std::string>;

config::Section SectionWith(const Values& values) {
  config::Section section = Spec().make_config();
  for (const auto& [key, value] : values) {
    EXPECT_EQ(section.Set(*section.Find(key), value), "") << key;
  }
  return section;
}

// Of displays in which users may choose nothing, those where they chose something.
data::DisplaySet Clicked(const data::DisplaySet& all) {
  data::DisplaySet kept;
  for (std::int64_t user = 0; user < all.num_users(); ++user) {
    for (std::int64_t d = all.user_offsets[user]; d < all.user_offsets[user + 1]; ++d) {
      if (all.choice[d] >= 0) {
        kept.AddChoice(all.shown(d), all.choice[d]);
      }
    }
    kept.AddUser(static_cast<std::int32_t>(user));
  }
  return kept;
}

struct Logs {
  explicit Logs(std::uint64_t seed, std::int64_t users = 2000)
      : world(sim::LinearWorld::Make({.slate = 5, .seed = static_cast<std::int64_t>(seed)})),
        train(sim::GenerateDisplays(*world, users, 20, 5, 10 * seed + 1)),
        validation(sim::GenerateDisplays(*world, 300, 20, 5, 10 * seed + 2)),
        test(sim::GenerateDisplays(*world, 600, 20, 5, 10 * seed + 3)) {}
  std::shared_ptr<const sim::LinearWorld> world;
  data::DisplaySet train, validation, test;
};

// Utilities of what displays show, as the environment has them for users with these clicks.
std::vector<float> Utilities(const core::Environment& users, const data::DisplaySet& displays) {
  std::vector<float> out;
  std::vector<float> all(static_cast<std::size_t>(users.NumItems()));
  for (std::int64_t user = 0; user < displays.num_users(); ++user) {
    std::vector<std::int32_t> recent(static_cast<std::size_t>(users.memory()), -1);
    for (std::int64_t d = displays.user_offsets[user]; d < displays.user_offsets[user + 1]; ++d) {
      users.UtilitiesAfter({recent.data(), 1, users.memory()}, {all.data(), 1, users.NumItems()});
      for (const std::int32_t item : displays.shown(d)) {
        out.push_back(all[static_cast<std::size_t>(item)]);
      }
      if (const std::int32_t clicked = displays.chosen(d); clicked >= 0) {
        recent.insert(recent.begin(), clicked);
        recent.pop_back();
      }
    }
  }
  return out;
}

double Correlation(std::span<const double> a, std::span<const double> b) {
  const double n = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n;
  const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return ab / std::sqrt(aa * bb);
}

std::vector<double> Ranks(std::span<const float> values) {
  std::vector<double> ranks;
  for (const float value : values) {
    ranks.push_back(
        static_cast<double>(std::count_if(values.begin(), values.end(), [&](float x) { return x < value; })));
  }
  return ranks;
}

// How a model sees displays beside the truth. Precision is over displays with a click.
struct Findings {
  double nll_gap = 0.0, precision_gap = 0.0, spearman = 0.0, pearson = 0.0, offset = 0.0, calibration = 0.0;
};

struct Seen {
  double nll = 0.0, precision = 0.0;
};

Seen Look(const core::ChoiceRule& rule, std::span<const float> utilities, const data::DisplaySet& displays) {
  Seen seen;
  double clicks = 0.0;
  for (std::int64_t d = 0; d < displays.size(); ++d) {
    const auto u = utilities.subspan(displays.offsets[d], displays.offsets[d + 1] - displays.offsets[d]);
    seen.nll += core::ChoiceLoss(rule, u, displays.choice[d]) / static_cast<double>(displays.size());
    if (displays.choice[d] >= 0) {
      seen.precision += std::max_element(u.begin(), u.end()) - u.begin() == displays.choice[d] ? 1.0 : 0.0;
      clicks += 1.0;
    }
  }
  seen.precision /= clicks;
  return seen;
}

// Expected calibration error of the probabilities of items, in ten bins of equal width.
double Calibration(const core::ChoiceRule& rule, std::span<const float> utilities, const data::DisplaySet& displays) {
  std::vector<double> expected(10, 0.0);
  std::vector<double> happened(10, 0.0);
  for (std::int64_t d = 0; d < displays.size(); ++d) {
    const auto u = utilities.subspan(displays.offsets[d], displays.offsets[d + 1] - displays.offsets[d]);
    std::vector<double> p(u.size());
    core::ChoiceProbabilities(rule, u, p);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto bin = std::min<std::size_t>(9, static_cast<std::size_t>(10.0 * p[i]));
      expected[bin] += p[i];
      happened[bin] += static_cast<std::int32_t>(i) == displays.choice[d] ? 1.0 : 0.0;
    }
  }
  double sum = 0.0;
  for (std::size_t bin = 0; bin < 10; ++bin) {
    sum += std::abs(expected[bin] - happened[bin]);
  }
  return sum / static_cast<double>(displays.items.size());
}

Findings Compare(const core::Environment& learnt, const core::Environment& world, const data::DisplaySet& displays) {
  const std::vector<float> found = Utilities(learnt, displays);
  const std::vector<float> truth = Utilities(world, displays);
  core::ChoiceRule rule = world.choice();
  if (!learnt.choice().no_click) {
    rule.no_click.reset();
  }
  const Seen by_model = Look(learnt.choice(), found, displays);
  const Seen by_truth = Look(rule, truth, displays);
  Findings findings;
  findings.nll_gap = by_model.nll - by_truth.nll;
  findings.precision_gap = by_truth.precision - by_model.precision;
  const std::vector<double> a(found.begin(), found.end());
  const std::vector<double> b(truth.begin(), truth.end());
  findings.pearson = Correlation(a, b);
  for (std::int64_t d = 0; d < displays.size(); ++d) {
    const std::size_t begin = displays.offsets[d];
    const std::size_t count = displays.offsets[d + 1] - displays.offsets[d];
    findings.spearman +=
        Correlation(Ranks(std::span(found).subspan(begin, count)), Ranks(std::span(truth).subspan(begin, count))) /
        static_cast<double>(displays.size());
  }
  const double n = static_cast<double>(a.size());
  findings.offset = std::accumulate(a.begin(), a.end(), 0.0) / n - std::accumulate(b.begin(), b.end(), 0.0) / n -
                    static_cast<double>(learnt.choice().no_click.value_or(0.0F));
  findings.calibration = Calibration(learnt.choice(), found, displays);
  std::printf("nll gap %.4f  p@1 gap %.4f  spearman %.4f  pearson %.4f  offset %.3f  ece %.4f\n", findings.nll_gap,
              findings.precision_gap, findings.spearman, findings.pearson, findings.offset, findings.calibration);
  return findings;
}

const Values kRecovery = {{"history", "3"}, {"positions", "2"}, {"batch_size", "256"}};

// What `train` does with a trainer of one phase that validates itself, without files.
void TrainToTheEnd(core::Trainer& trainer) {
  const core::Phase plan = trainer.Phases().front();
  trainer.BeginPhase(0);
  double best = -1e300;
  std::int64_t since = 0;
  for (std::int64_t epoch = 0; epoch < plan.epochs && (plan.patience == 0 || since < plan.patience); ++epoch) {
    trainer.Epoch({.epoch = epoch});
    ++since;
    if (const double value = trainer.Validate(nullptr).value(); value > best) {
      best = value;
      trainer.KeepBest();
      since = 0;
    }
  }
  trainer.EndPhase();
}

std::shared_ptr<const core::Environment> Learn(const Logs& logs, const data::DisplaySet& train,
                                               const data::DisplaySet& validation, Values values, std::uint64_t seed) {
  const config::Section section = SectionWith(values);
  core::TrainView view;
  view.num_items = logs.world->NumItems();
  view.displays = &train;
  view.validation_displays = &validation;
  const auto trainer = Spec().make_trainer(section, view, {.seed = seed});
  TrainToTheEnd(*trainer);
  return Spec().load_environment(section, trainer->Export(), view.num_items, "cpu");
}

Values With(Values values, const Values& more) {
  for (const auto& [key, value] : more) {
    values[key] = value;
  }
  return values;
}

class Recovery : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Recovery, FindsTheTruthOfTheLinearWorld) {
  const Logs logs(GetParam());
  const auto learnt = Learn(logs, logs.train, logs.validation, kRecovery, GetParam());
  const Findings found = Compare(*learnt, *logs.world, logs.test);
  EXPECT_LE(found.nll_gap, 0.035);
  EXPECT_LE(found.precision_gap, 0.015);
  EXPECT_GE(found.spearman, 0.93);
  EXPECT_GE(found.pearson, 0.96);
  EXPECT_LE(std::abs(found.offset), 0.3) << "what choosing nothing is worth is known here";
  EXPECT_LE(found.calibration, 0.01);
}

TEST_P(Recovery, WithoutAStateItDoesNot) {
  const Logs logs(GetParam());
  const auto blind = Learn(logs, logs.train, logs.validation, With(kRecovery, {{"state", "none"}}), GetParam());
  const Findings found = Compare(*blind, *logs.world, logs.test);
  EXPECT_GT(found.nll_gap, 0.035);
  EXPECT_GT(found.precision_gap, 0.015);
  EXPECT_LT(found.spearman, 0.93);
  EXPECT_LT(found.pearson, 0.96);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Recovery, testing::Values(1, 2, 3, 4, 5));

// It has to find out that three clicks count and with which weights, and ends a little further from the truth:
// .040 was measured, where the spec's .035 is for position weights.
TEST(GanUserModelLearning, AnLstmFindsTheTruthToo) {
  const Logs logs(1);
  const auto learnt =
      Learn(logs, logs.train, logs.validation, With(kRecovery, {{"state", "lstm"}, {"history", "20"}}), 1);
  const Findings found = Compare(*learnt, *logs.world, logs.test);
  EXPECT_LE(found.nll_gap, 0.05);
  EXPECT_GE(found.spearman, 0.93);
}

// Without displays that were left without a click, ranks are found and the offset is not: it is that of the mean.
TEST(GanUserModelLearning, RanksAreFoundWithoutChoosingNothing) {
  const Logs logs(1);
  const data::DisplaySet train = Clicked(logs.train);
  const data::DisplaySet validation = Clicked(logs.validation);
  const data::DisplaySet test = Clicked(logs.test);
  const auto learnt = Learn(logs, train, validation, kRecovery, 1);
  EXPECT_FALSE(learnt->choice().no_click.has_value());
  const Findings found = Compare(*learnt, *logs.world, test);
  EXPECT_LE(found.precision_gap, 0.015);
  EXPECT_GE(found.spearman, 0.93);
}

// The authors' loss, which always lets users choose nothing, where they never do: rewards rise without end.
TEST(GanUserModelLearning, AFixedRewardOfNothingDrivesRewardsUp) {
  const Logs logs(1, 500);
  const data::DisplaySet train = Clicked(logs.train);
  core::TrainView view;
  view.num_items = logs.world->NumItems();
  view.displays = &train;
  const config::Section section =
      SectionWith(With(kRecovery, {{"no_click", "fixed"}, {"weight_decay", "0"}, {"popularity_decay", "0"}}));
  const auto trainer = Spec().make_trainer(section, view, {.seed = 1});
  trainer->BeginPhase(0);
  std::vector<double> rewards;
  for (std::int64_t epoch = 0; epoch < 40; ++epoch) {
    for (const auto& [name, value] : trainer->Epoch({.epoch = epoch})) {
      if (name == "reward") {
        rewards.push_back(value);
      }
    }
  }
  EXPECT_GT(rewards[9], rewards[0] + 1.0);
  EXPECT_GT(rewards[39], rewards[9] + 0.5);
}

// 800 choices, learnt too long: likelihood falls while precision holds; early stopping is near the best.
TEST(GanUserModelLearning, EarlyStoppingIsNearTheBestLikelihood) {
  const Logs logs(3, 40);
  const Values values = With(
      kRecovery,
      {{"epochs", "400"}, {"weight_decay", "0"}, {"temperature", "false"}, {"patience", "400"}, {"batch_size", "128"}});
  const config::Section section = SectionWith(values);
  core::TrainView view;
  view.num_items = logs.world->NumItems();
  view.displays = &logs.train;
  view.validation_displays = &logs.validation;
  const auto trainer = Spec().make_trainer(section, view, {.seed = 1});
  const auto look = [&] {
    const auto users = Spec().load_environment(section, trainer->Export(), view.num_items, "cpu");
    return Look(users->choice(), Utilities(*users, logs.test), logs.test);
  };
  trainer->BeginPhase(0);
  double best_validation = -1e300;
  double best = 1e300;
  Seen at_best;
  for (std::int64_t epoch = 0; epoch < 400; ++epoch) {
    trainer->Epoch({.epoch = epoch});
    const Seen seen = look();
    if (seen.nll < best) {
      best = seen.nll;
      at_best = seen;
    }
    if (const double value = *trainer->Validate(nullptr); value > best_validation) {
      best_validation = value;
      trainer->KeepBest();
    }
  }
  const Seen last = look();
  trainer->EndPhase();
  const Seen chosen = look();
  std::printf("nll best %.4f chosen %.4f last %.4f; p@1 at best %.4f last %.4f\n", best, chosen.nll, last.nll,
              at_best.precision, last.precision);
  EXPECT_GT(last.nll, 1.1 * best);
  EXPECT_GT(last.precision, at_best.precision - 0.03);
  EXPECT_LT(chosen.nll, 1.02 * best);
}

}  // namespace
}  // namespace recforce
