// SPDX-License-Identifier: Apache-2.0
// What DRR costs on a log of MovieLens-1M's size: an update of TD3 with the defaults (64 numbers a vector, 128 hidden
// units, batches of 512), one with the notebook's sizes (8, 16, 512), steps of 1,024 users who are recommended the best
// of the whole catalogue, and the evaluation of all users, beside matrix products of as many operations.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "algos/drr/learner.h"
#include "products.h"
#include "random_log.h"
#include "recforce/eval/evaluator.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kUsers = 6040;
constexpr std::int64_t kItems = 3706;
constexpr std::int64_t kUpdates = 200;
constexpr std::int64_t kActing = 1024;

algos::DrrConfig Config(std::int64_t dim, std::int64_t hidden, std::int64_t memory) {
  algos::DrrConfig config;
  config.dim = dim;
  config.hidden = {hidden};
  config.memory = memory;
  config.pretrain = "none";
  config.init_stdev = 0.1;
  config.updates_per_epoch = kUpdates;
  config.capacity = 1000000;
  config.validation_users = 0;
  return config;
}

std::unique_ptr<algos::DrrLearner> MakeLearner(const algos::DrrConfig& config, const core::TrainView& view) {
  auto learner = std::make_unique<algos::DrrLearner>(
      config, algos::AgentOptionsOf(config, config.dim, 1, 0.0, 1.0),
      algos::StartFromScratch(view.interactions.rows(), view.num_items, config.dim, 0.1, 1), 1);
  learner->BeginTraining(algos::MakeDrrWorld(config, view, nullptr, 1));
  return learner;
}

// Multiplications and additions of an update's products: the critics forward and backward, their targets, the actor at
// every other update.
double UpdateFlops(const algos::DrrConfig& config) {
  const double rows = static_cast<double>(config.batch_size);
  const double dim = static_cast<double>(config.dim);
  const double hidden = static_cast<double>(config.hidden.front());
  const double critic = 4.0 * dim * hidden + hidden;
  const double actor = 3.0 * dim * hidden + hidden * dim + dim * dim;
  return 2.0 * rows * (2.0 * 3.0 * critic + 2.0 * critic + actor + 0.5 * (3.0 * actor + 2.0 * critic));
}

void Main() {
  UseAllCores();
  const data::Csr log = RandomLog(kUsers, kItems, 165);
  const core::TrainView view{.interactions = log.view(), .num_items = kItems};
  const algos::DrrConfig wide = Config(64, 128, 10);
  const algos::DrrConfig narrow = Config(8, 16, 5);
  algos::DrrConfig acts = wide;
  acts.episodes = kActing;
  acts.updates_per_step = 1e-3;  // a step of all for each update of little
  acts.batch_size = 1;
  acts.updates_per_epoch = 20;
  const auto wide_learner = MakeLearner(wide, view);
  const auto narrow_learner = MakeLearner(narrow, view);
  const auto acting_learner = MakeLearner(acts, view);
  data::EvalSet test;
  for (std::int64_t user = 0; user < kUsers; ++user) {
    const auto row = log.row(user);
    test.users.push_back(static_cast<std::int32_t>(user));
    test.train_rows.push_back(static_cast<std::int32_t>(user));
    test.input.AddRow(row.first(row.size() - 1));
    test.target.AddRow(row.last(1));
  }
  const std::vector<eval::Metric> metrics = {eval::ParseMetric("hr@10"), eval::ParseMetric("ndcg@10")};
  const double flops = UpdateFlops(wide) * static_cast<double>(kUpdates);
  std::vector<Contender> contenders = {
      {"updates, d 64, hidden 128", [&] { wide_learner->Epoch({}); }},
      {"products of as many operations", [flops] { Multiply(flops); }},
      {"updates, d 8, hidden 16", [&] { narrow_learner->Epoch({}); }},
      {"steps of 1,024 users", [&] { acting_learner->Epoch({}); }},
      {"evaluation of 6,040 users", [&] { eval::Evaluate(wide_learner->recommender(), test, metrics, 500); }}};
  Run(contenders, 7);
  PrintRatio("drr_update_over_products", contenders[0], contenders[1], "below 3");
  const auto rate = [](const char* name, double count, const Contender& of) {
    std::printf("rate %s: %.0f a second\n", name, count / Median(of.seconds));
  };
  rate("drr_updates", kUpdates, contenders[0]);
  rate("drr_updates_of_the_notebook's size (440,000 in 4 minutes are 1,833)", kUpdates, contenders[2]);
  rate("drr_steps_over_the_catalogue (wanted 30,000)", 20.0 * kActing, contenders[3]);
  rate("drr_users_evaluated (wanted 3,020)", kUsers, contenders[4]);
}

}  // namespace
}  // namespace recforce::bench

int main() {
  recforce::bench::Main();
  return 0;
}
