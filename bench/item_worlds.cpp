// SPDX-License-Identifier: Apache-2.0
// Steps of users who are recommended to, without a policy: 4,096 at once, the first legal item each, over a log of
// 6,040 users with 165 of 3,706 items and random ratings. Beside it, what 64 users of an environment cost as an item
// world over stepping them directly.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "random_log.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "sim/environment_items.h"
#include "sim/logged_world.h"
#include "sim/pos_neg_world.h"
#include "sim/rated_world.h"
#include "sim/worlds.h"

namespace {

using namespace recforce;

constexpr std::int64_t kUsers = 6040;
constexpr std::int64_t kItems = 3706;
constexpr std::int64_t kDim = 64;
constexpr std::int64_t kEpisodes = 4096;
constexpr int kSteps = 200;
constexpr int kRounds = 5;
constexpr core::EpisodePlan kPlan = {.slate = 3, .horizon = 20};
constexpr std::int64_t kFew = 64;
constexpr int kFewSteps = 2000;

double Seconds(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<float> Numbers(std::int64_t count, std::uint64_t part, std::uint64_t below) {
  base::Rng rng(1, base::Stream::kGenerate, part, 1);
  std::vector<float> values(static_cast<std::size_t>(count));
  std::generate(values.begin(), values.end(), [&] { return 1.0F + static_cast<float>(rng.Below(below)); });
  return values;
}

// Every row takes its first candidate, or the item after its last one: no policy can be cheaper.
void PrintRate(const std::string& name, const sim::ItemWorld& world) {
  const auto episodes = world.Start(kEpisodes, 1);
  std::vector<std::int32_t> slates(kEpisodes);
  sim::ItemFeedback feedback;
  std::int32_t at = 0;
  std::vector<double> seconds;
  for (int round = 0; round < kRounds; ++round) {
    double stepping = 0.0;
    for (int step = 0; step < kSteps; ++step) {
      at = (at + 97) % static_cast<std::int32_t>(kItems);
      for (std::int64_t row = 0; row < kEpisodes; ++row) {
        const sim::LegalItems legal = episodes->Legal(row);
        slates[static_cast<std::size_t>(row)] = legal.listed ? legal.items.front() : at;
      }
      stepping += Seconds([&] { episodes->Step({slates.data(), kEpisodes, 1}, feedback); });
    }
    seconds.push_back(stepping);
  }
  std::printf("rate item_world_steps %s: %.2f million steps/s (wanted >= 1 on 2 cores)\n", name.c_str(),
              kEpisodes * kSteps / Median(seconds) / 1e6);
}

// Both walk the same users through the same slates. Rows that wait are stepped as users who have left are.
void PrintRatio(const std::string& name) {
  const auto environment = sim::MakeWorld(name, {});
  const auto world = sim::MakeEnvironmentItems(*environment, kPlan, 10);
  std::vector<std::int32_t> slates;
  for (std::int64_t row = 0; row < kFew; ++row) {
    slates.insert(slates.end(), {0, 1, 2});
  }
  const base::MatrixView<const std::int32_t> shown = {slates.data(), kFew, kPlan.slate};
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    const double items = Seconds([&] {
      const auto episodes = world->Start(kFew, 1);
      sim::ItemFeedback feedback;
      for (int step = 0; step < kFewSteps; ++step) {
        episodes->Step(shown, feedback);
      }
    });
    const double own = Seconds([&] {
      std::vector<std::int64_t> users(kFew);
      std::iota(users.begin(), users.end(), 0);
      std::unique_ptr<core::Episodes> episodes;
      core::Feedback feedback;
      for (int step = 0; step < kFewSteps; ++step) {
        if (step % kPlan.horizon == 0) {
          episodes = environment->Start(users, 1);
        }
        episodes->Step(shown, feedback);
      }
    });
    ratios.push_back(items / own);
  }
  std::printf("ratio environment as item world, %s: %.2f (over its own steps; wanted <= 2)\n", name.c_str(),
              Median(ratios));
}

void Main() {
  base::SetThreads(base::AvailableCores());
  std::printf("threads %d\n", base::Threads());
  const data::Csr rows = bench::RandomLog(kUsers, kItems, 165);
  const std::vector<float> values = Numbers(rows.nnz(), 0, 5);
  const sim::RatedRows log = {rows.view(), values, kItems};
  const std::vector<float> users = Numbers(kUsers * kDim, 1, 2);
  const std::vector<float> items = Numbers(kItems * kDim, 2, 2);
  const sim::RatingFactors factors = {kDim, users, items, {}, {}, -100.0};
  PrintRate("pos_neg", *sim::MakePosNegWorld(log, {}));
  PrintRate("pos_neg as in the notebook", *sim::MakePosNegWorld(log, sim::SeedPosNegOptions()));
  PrintRate("rated", *sim::MakeRatedWorld(log, factors, {}));
  sim::RatedOptions leaving;
  leaving.leave.kind = sim::LeaveKind::kDistance;
  leaving.leave.dim = kDim;
  leaving.leave.vectors = items;
  PrintRate("rated, users leave", *sim::MakeRatedWorld(log, factors, leaving));
  PrintRate("logged", *sim::MakeLoggedWorld(log, {}));
  PrintRatio("tabular");
  PrintRatio("latent");
}

}  // namespace

int main() { Main(); }
