// SPDX-License-Identifier: Apache-2.0
#include "algos/pmf/pmf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "algos/common/rating_tables.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/data/convert.h"
#include "recforce/data/dataset.h"
#include "support/error_of.h"
#include "support/same_tensors.h"
#include "support/temp_dir.h"

namespace recforce::algos {
namespace {

using Overrides = std::map<std::string, std::string>;

struct Ratings {
  data::Csr rows;
  std::vector<float> values;
  [[nodiscard]] core::TrainView View(std::int64_t items) const {
    return {.interactions = rows.view(), .num_items = items, .values = values};
  }
};

std::unique_ptr<core::Trainer> Make(const core::TrainView& view, const Overrides& set, std::uint64_t seed = 1) {
  const core::AlgorithmSpec spec = PmfSpec();
  config::Section section = spec.make_config();
  for (const auto& [key, value] : set) {
    EXPECT_EQ(section.Set(*section.Find(key), value), "");
  }
  return spec.make_trainer(section, view, {.seed = seed});
}

// Users and items with biases and two tastes, plus noise of deviation 0.3. About half of the pairs train.
struct World {
  static constexpr std::int64_t kUsers = 80;
  static constexpr std::int32_t kItems = 60;
  World() {
    base::Rng rng(7, base::Stream::kTest);
    const auto draw = [&](std::int64_t count, double stdev) {
      std::vector<double> numbers(static_cast<std::size_t>(count));
      std::generate(numbers.begin(), numbers.end(), [&] { return stdev * rng.Normal(); });
      return numbers;
    };
    const std::vector<double> p = draw(kUsers * 2, 0.8);
    const std::vector<double> q = draw(kItems * 2, 0.8);
    const std::vector<double> user = draw(kUsers, 0.4);
    const std::vector<double> item = draw(kItems, 0.4);
    for (std::int64_t u = 0; u < kUsers; ++u) {
      std::vector<std::int32_t> row;
      for (std::int32_t i = 0; i < kItems; ++i) {
        const auto rating = static_cast<float>(3.0 + user[u] + item[i] + p[2 * u] * q[2 * i] +
                                               p[2 * u + 1] * q[2 * i + 1] + 0.3 * rng.Normal());
        if (rng.Uniform() < 0.5) {
          row.push_back(i);
          train.values.push_back(rating);
        } else {
          test.emplace_back(u * kItems + i, rating);
        }
      }
      train.rows.AddRow(row);
    }
  }
  Ratings train;
  std::vector<std::pair<std::int64_t, float>> test;  // place in the matrix, rating
};

// Of all training users: [U, I].
std::vector<float> Scores(const core::Recommender& model, data::CsrView history) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(history.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<float> scores(rows.size() * static_cast<std::size_t>(model.NumItems()));
  model.ScoreBatch({.history = history, .rows = rows}, {scores.data(), history.rows(), model.NumItems()});
  return scores;
}

double TestRmse(const World& world, const core::Trainer& trainer) {
  const std::vector<float> scores = Scores(trainer.Current(), world.train.rows.view());
  double sum = 0.0;
  for (const auto& [place, rating] : world.test) {
    sum += std::pow(scores[static_cast<std::size_t>(place)] - rating, 2);
  }
  return std::sqrt(sum / static_cast<double>(world.test.size()));
}

TEST(Pmf, PredictsRatingsItHasNotSeen) {
  const World world;
  const auto trainer = Make(world.train.View(World::kItems), {{"dim", "2"}, {"reg", "0.2"}, {"bias_reg", "0.5"}});
  const auto biases = Make(world.train.View(World::kItems), {{"dim", "1"}, {"reg", "1e6"}, {"bias_reg", "0.5"}});
  for (int epoch = 0; epoch < 12; ++epoch) {
    trainer->Epoch({.epoch = epoch});
    biases->Epoch({.epoch = epoch});
  }
  EXPECT_LT(TestRmse(world, *trainer), 0.36);  // 0.3 is noise that nobody predicts
  EXPECT_GT(TestRmse(world, *biases), 0.8);
}

double Squared(std::span<const float> numbers) {
  return std::inner_product(numbers.begin(), numbers.end(), numbers.begin(), 0.0);
}

// The objective from the exported tables: every rating, every row. Second: the mean squared error.
std::pair<double, double> Objective(const Ratings& train, const RatingTables& tables, double reg, double exponent,
                                    double bias_reg) {
  const std::int64_t dim = tables.factors.dim;
  std::vector<double> of_item(tables.factors.item_bias.size(), 0.0);
  double squared = 0.0;
  double penalty = bias_reg * (Squared(tables.user_bias) + Squared(tables.factors.item_bias));
  for (std::int64_t user = 0; user < train.rows.rows(); ++user) {
    const auto p = std::span(tables.factors.users).subspan(user * dim, dim);
    penalty += reg * std::pow(train.rows.row(user).size(), exponent) * Squared(p);
    for (std::int64_t at = train.rows.offsets[user]; at < train.rows.offsets[user + 1]; ++at) {
      const std::int32_t item = train.rows.items[at];
      of_item[item] += 1.0;
      const auto q = std::span(tables.factors.items).subspan(item * dim, dim);
      const double predicted = tables.mean + tables.user_bias[user] + tables.factors.item_bias[item] +
                               std::inner_product(p.begin(), p.end(), q.begin(), 0.0);
      squared += std::pow(train.values[at] - predicted, 2);
    }
  }
  for (std::size_t item = 0; item < of_item.size(); ++item) {
    penalty +=
        reg * std::pow(of_item[item], exponent) * Squared(std::span(tables.factors.items).subspan(item * dim, dim));
  }
  const auto count = static_cast<double>(train.values.size());
  return {(squared + penalty) / count, squared / count};
}

TEST(Pmf, LossIsTheObjectiveAndFallsEverySweep) {
  const World world;
  const auto trainer =
      Make(world.train.View(World::kItems), {{"dim", "5"}, {"reg", "0.4"}, {"reg_exponent", "0.7"}, {"bias_reg", "2"}});
  double before = 1e30;
  for (int epoch = 0; epoch < 6; ++epoch) {
    const core::Metrics metrics = trainer->Epoch({.epoch = epoch});
    const auto [loss, error] =
        Objective(world.train, RatingTables::Load(trainer->Export(), World::kItems), 0.4, 0.7, 2.0);
    ASSERT_EQ(metrics[0].first, "loss");
    ASSERT_EQ(metrics[1].first, "rmse");
    EXPECT_NEAR(metrics[0].second, loss, 1e-5);
    EXPECT_NEAR(metrics[1].second, std::sqrt(error), 1e-5);
    EXPECT_LT(loss, before);
    before = loss;
  }
}

// With vectors kept at zero a bias is the sum of what is left over its ratings, divided by their number and bias_reg.
// The mean is 10 / 3, so 5 / 3, -1 / 3 and -4 / 3 are left; items come first.
TEST(Pmf, BiasesByHandAndTheScaleOfTheRatings) {
  Ratings train;
  train.rows.AddRow(std::vector<std::int32_t>{0, 1});
  train.rows.AddRow(std::vector<std::int32_t>{0});
  train.values = {5.0F, 3.0F, 2.0F};
  const auto trainer = Make(train.View(3), {{"dim", "1"}, {"reg", "1e9"}, {"bias_reg", "1"}});
  trainer->Epoch({});
  const RatingTables tables = RatingTables::Load(trainer->Export(), 3);
  EXPECT_FLOAT_EQ(tables.mean, 10.0F / 3);
  EXPECT_EQ(tables.rating_low, 2.0F);
  EXPECT_EQ(tables.rating_high, 5.0F);
  EXPECT_NEAR(tables.factors.item_bias[0], 1.0 / 9, 1e-6);
  EXPECT_NEAR(tables.factors.item_bias[1], -1.0 / 6, 1e-6);
  EXPECT_EQ(tables.factors.item_bias[2], 0.0F);
  EXPECT_NEAR(tables.user_bias[0], 25.0 / 54, 1e-6);
  EXPECT_NEAR(tables.user_bias[1], -13.0 / 18, 1e-6);
  EXPECT_EQ(tables.factors.user_counts, (std::vector<std::int32_t>{2, 1}));
  const std::vector<float> scores = Scores(trainer->Current(), train.rows.view());
  EXPECT_NEAR(scores[1], 10.0 / 3 + 25.0 / 54 - 1.0 / 6, 1e-5);
  EXPECT_NEAR(scores[5], 10.0 / 3 - 13.0 / 18, 1e-5);
}

// An item rated twice counts twice.
TEST(Pmf, RepeatsAreRatingsOfTheirOwn) {
  Ratings train;
  train.rows.AddRow(std::vector<std::int32_t>{0, 1, 0});
  train.values = {5.0F, 2.0F, 2.0F};
  data::Csr distinct;
  distinct.AddRow(std::vector<std::int32_t>{0, 1});
  core::TrainView view = train.View(2);
  view.interactions = distinct.view();
  view.sequences = train.rows.view();
  const auto trainer = Make(view, {{"dim", "1"}, {"reg", "1e9"}, {"bias_reg", "1"}});
  trainer->Epoch({});
  const RatingTables tables = RatingTables::Load(trainer->Export(), 2);
  EXPECT_EQ(tables.mean, 3.0F);
  EXPECT_NEAR(tables.factors.item_bias[0], (2.0 - 1.0) / 3, 1e-6);
  EXPECT_NEAR(tables.factors.item_bias[1], -1.0 / 2, 1e-6);
}

TEST(Pmf, StrangersAreFoldedInAndWithoutHistoryGetTheItemBiases) {
  const World world;
  const auto trainer = Make(world.train.View(World::kItems), {{"dim", "4"}, {"reg", "0.2"}});
  trainer->Epoch({});
  const RatingTables tables = RatingTables::Load(trainer->Export(), World::kItems);
  data::Csr users;
  users.AddRow(world.train.rows.row(3));
  users.AddRow(std::vector<std::int32_t>{});
  std::vector<float> scores(2 * World::kItems);
  trainer->Current().ScoreBatch({users.view()}, {scores.data(), 2, World::kItems});
  const FactorRecommender factors(std::make_shared<FactorTables>(tables.factors), World::kItems,
                                  {.unobserved_weight = 0.3, .reg = 0.3});
  std::vector<float> vectors(2 * 4);
  factors.Vectors({users.view()}, {vectors.data(), 2, 4});
  EXPECT_GT(Squared(std::span(vectors).first(4)), 1e-4);
  for (std::size_t item = 0; item < World::kItems; ++item) {
    const float* q = tables.factors.items.data() + item * 4;
    EXPECT_NEAR(scores[item],
                tables.mean + tables.factors.item_bias[item] + std::inner_product(q, q + 4, vectors.begin(), 0.0F),
                1e-5);
    EXPECT_NEAR(scores[World::kItems + item], tables.mean + tables.factors.item_bias[item], 1e-6);
  }
}

TEST(Pmf, AnyNumberOfThreadsGivesTheSameTables) {
  const World world;
  std::vector<base::TensorSet> tables;
  for (const int threads : {1, 3}) {
    base::SetThreads(threads);
    const auto trainer = Make(world.train.View(World::kItems), {{"dim", "6"}});
    trainer->Epoch({.epoch = 0});
    trainer->Epoch({.epoch = 1});
    tables.push_back(trainer->Export());
  }
  base::SetThreads(base::AvailableCores());
  test::ExpectSameTensors(tables[0], tables[1]);
}

TEST(Pmf, SaysWhatItCannotLearnFrom) {
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>{0, 1});
  EXPECT_EQ(
      test::ErrorOf([&] { Make({.interactions = rows.view(), .num_items = 2}, {}); }),
      "Data: pmf: the log has no values: ratings are what it learns; expected a log with a column of values (data "
      "convert --value-col)");
  const Ratings train = {rows, {1.0F, 2.0F}};
  const auto singular = Make(train.View(2), {{"dim", "4"}, {"reg", "0"}, {"bias_reg", "0"}});
  EXPECT_EQ(test::ErrorOf([&] { singular->Epoch({}); }),
            "Diverged: pmf: a least-squares problem is not positive definite; use a larger pmf.reg and pmf.bias_reg");
  const auto trainer = Make(train.View(2), {{"dim", "4"}});
  const Ratings other = {rows, {1.0F, 3.0F}};
  for (const auto& stranger : {Make(other.View(2), {{"dim", "4"}}), Make(train.View(2), {{"dim", "5"}})}) {
    EXPECT_EQ(test::ErrorOf([&] { trainer->LoadState(stranger->SaveState(), 0); }),
              "Data: tensors: the state is of another training log or settings");
  }
}

TEST(RatingTables, RefuseWhatDoesNotPredictRatings) {
  RatingTables tables;
  tables.factors = {.dim = 1, .users = {1.0F}, .items = {1.0F, 2.0F}, .user_counts = {1}};
  tables.user_bias = {0.5F, 0.5F};
  const auto error = [&] {
    base::TensorSet set;
    tables.Save(set, "x.");
    return test::ErrorOf([&] { RatingTables::Load(set, 2, "x."); });
  };
  EXPECT_EQ(error(), "Data: tensors: has no tensor 'x.item_bias'");
  tables.factors.item_bias = {0.0F, 0.0F};
  EXPECT_EQ(error(), "Data: tensors: tensor 'x.user_bias' has 2 entries; expected 1");
  tables.user_bias = {std::nanf("")};
  EXPECT_EQ(error(), "Data: tensors: tensor 'x.user_bias' holds NaN or infinity");
  tables.user_bias = {0.5F};
  EXPECT_EQ(error(), "");
}

// Each user's first four fifths train, and the user's rated rest is predicted and ranked. Measured on this split: RMSE
// 0.963, P@5 0.685 (by item bias alone 0.666, by chance 0.536).
TEST(Pmf, PredictsTheRatingsOfMovieLens100k) {
  const auto data = test::RealData();
  if (!data || !std::filesystem::exists(*data / "ml-100k")) {
    GTEST_SKIP() << "no ml-100k in RECFORCE_DATA or ../shared/data";
  }
  const test::TempDir dir;
  data::Convert(base::RealFileSystem(), *data / "ml-100k", {}, dir / "log");
  const data::Dataset log = data::Dataset::Open(dir / "log");
  Ratings train;
  for (std::int64_t user = 0; user < log.num_users(); ++user) {
    const auto row = log.interactions().row(user);
    const std::size_t kept = row.size() * 4 / 5;
    train.rows.AddRow(row.first(kept));
    const auto values = log.values().subspan(log.interactions().offsets[user], kept);
    train.values.insert(train.values.end(), values.begin(), values.end());
  }
  const auto trainer = Make(train.View(log.num_items()), {{"dim", "16"}});
  for (int epoch = 0; epoch < 12; ++epoch) {
    trainer->Epoch({.epoch = epoch});
  }
  const std::vector<float> scores = Scores(trainer->Current(), train.rows.view());
  double squared = 0.0;
  double precision = 0.0;
  std::int64_t count = 0;
  for (std::int64_t user = 0; user < log.num_users(); ++user) {
    std::vector<std::pair<float, bool>> ranked;  // minus the score, whether liked
    for (std::int64_t at = log.interactions().offsets[user] + std::ssize(train.rows.row(user));
         at < log.interactions().offsets[user + 1]; ++at) {
      const float score = scores[user * log.num_items() + log.interactions().items[at]];
      squared += std::pow(std::clamp(score, 1.0F, 5.0F) - log.values()[at], 2);
      ranked.emplace_back(-score, log.values()[at] > 3.0F);
      ++count;
    }
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t k = 0; k < std::min<std::size_t>(5, ranked.size()); ++k) {
      precision += ranked[k].second ? 0.2 : 0.0;
    }
  }
  EXPECT_LT(std::sqrt(squared / static_cast<double>(count)), 0.97);
  EXPECT_GT(precision / static_cast<double>(log.num_users()), 0.674);
}

}  // namespace
}  // namespace recforce::algos
