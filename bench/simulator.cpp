// SPDX-License-Identifier: Apache-2.0
// Steps of simulated users: 4,096 at once, random slates of 5, 20 steps each, in a learnt user model (state by
// positions, layers 64-64) over 1,000 and 100,000 items, the drawing of the slates
// included, beside matrix products of as many operations as a step cannot do without. Worlds whose truth is known stand
// there for comparison.
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "algos/gan_user_model/gan_user_model.h"
#include "algos/gan_user_model/shape.h"
#include "products.h"
#include "random_displays.h"
#include "side_by_side.h"
#include "sim/policies.h"
#include "sim/worlds.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kUsers = 4096;
constexpr std::int64_t kSlate = 5;
constexpr std::int64_t kHorizon = 20;
constexpr std::int64_t kSteps = kUsers * kHorizon;

// Of one step, where every click is remembered: the state, its share of the first layer, and the rest for each item.
double StepFlops() {
  const algos::UserShape shape;
  double flops = 2.0 * static_cast<double>(shape.dim * shape.positions * shape.memory) +
                 2.0 * static_cast<double>(shape.state_width() * shape.layers.front());
  std::int64_t item = shape.layers.front() + shape.layers.back();
  for (std::size_t layer = 1; layer < shape.layers.size(); ++layer) {
    item += shape.layers[layer - 1] * shape.layers[layer];
  }
  flops += 2.0 * static_cast<double>(kSlate * item);
  return flops;
}

// A model after an epoch on displays of which a fifth are left without a click.
std::shared_ptr<const core::Environment> LearntUsers(std::int64_t items) {
  const data::DisplaySet displays =
      RandomDisplays({.users = 2000, .items = items, .more = 0.5, .widest = 10, .no_click = 0.2});
  const core::AlgorithmSpec spec = algos::GanUserModelSpec();
  const config::Section section = spec.make_config();
  const auto trainer = spec.make_trainer(section, {.num_items = items, .displays = &displays}, {});
  trainer->Epoch({});
  return spec.load_environment(section, trainer->Export(), items, "cpu");
}

struct World {
  std::string name;
  std::shared_ptr<const core::Environment> environment;
};

// Every user from its beginning to the horizon.
void Walk(const core::Environment& environment) {
  const auto policy = sim::MakeRandomPolicy(environment.NumItems());
  std::vector<std::int64_t> users(kUsers);
  std::iota(users.begin(), users.end(), 0);
  const auto episodes = environment.Start(users, 1);
  std::vector<std::int32_t> slates(kUsers * kSlate);
  core::Feedback feedback;
  for (std::int64_t step = 0; step < kHorizon; ++step) {
    policy->Choose(*episodes, 1, {slates.data(), kUsers, kSlate});
    episodes->Step({slates.data(), kUsers, kSlate}, feedback);
  }
}

void Main() {
  UseAllCores();
  const std::vector<World> worlds = {{"user model, 1,000 items", LearntUsers(1000)},
                                     {"user model, 100,000 items", LearntUsers(100000)},
                                     {"world:tabular", sim::MakeWorld("tabular", {.slate = kSlate})},
                                     {"world:latent", sim::MakeWorld("latent", {.slate = kSlate})}};
  std::vector<Contender> contenders;
  for (const World& world : worlds) {
    contenders.push_back({world.name, [&world] { Walk(*world.environment); }});
  }
  const double flops = static_cast<double>(kSteps) * StepFlops();
  contenders.push_back({"as many operations in products", [flops] { Multiply(flops); }});
  Run(contenders, 7);
  const Contender& floor = contenders.back();
  std::printf("%.1f kFLOP a step: matrix products do %.0f GFLOP/s, %.0f steps/s\n", StepFlops() / 1e3,
              flops / 1e9 / Median(floor.seconds), kSteps / Median(floor.seconds));
  for (std::size_t at = 0; at < worlds.size(); ++at) {
    std::printf("rate %s: %.0f user-steps/s%s\n", worlds[at].name.c_str(), kSteps / Median(contenders[at].seconds),
                worlds[at].environment->learnt() ? " (wanted >= 200000 on 2 cores)" : "");
  }
  PrintRatio("simulator over FLOP floor", contenders[0], floor, "<= 3");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
