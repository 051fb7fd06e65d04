// SPDX-License-Identifier: Apache-2.0
// Epochs of the user model (state: two weighted sums of the last three clicks, layers 64-64, ELU, softmax choices, 50
// users a step) on logs of the shapes of the public yelp and tb training parts, beside the same model in PyTorch: as
// loops over Python lists with one-hot items, the way of the authors' program, and as one writes it with embeddings and
// NumPy. Also the share of an epoch that goes into building its batches.
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "algos/gan_user_model/learner.h"
#include "algos/gan_user_model/shards.h"
#include "python_twin.h"
#include "random_displays.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kUsersAStep = 50;
constexpr int kBuilds = 100;  // of all batches of an epoch: one is too short to be timed

algos::LearnerOptions Options(std::int64_t items) {
  algos::LearnerOptions options;
  options.shape = {.items = items, .memory = 3, .positions = 2};
  options.init.item_deviation = 0.6;
  options.users_drawn = kUsersAStep;
  options.weight_decay = 0.0;
  options.popularity_decay = 0.0;
  options.clip = 0.0;
  return options;
}

std::string WriteLog(const std::string& name, const DisplayShape& shape, const data::DisplaySet& displays) {
  return TwinFile("user_model_" + name)
      .Add(std::vector<std::int64_t>{shape.items, displays.num_users(), displays.size(),
                                     static_cast<std::int64_t>(displays.items.size()), kUsersAStep, base::Threads()})
      .Add(displays.user_offsets)
      .Add(displays.offsets)
      .Add(displays.items)
      .Add(displays.choice)
      .Close();
}

// All batches of an epoch, kBuilds times; on one thread, while an epoch builds them on all.
void BuildBatches(const algos::ClickIndex& index, const algos::UserShape& shape) {
  algos::ShardBuilder builder(index, shape);
  algos::Shard shard;
  std::vector<std::int32_t> users(static_cast<std::size_t>(index.num_users()));
  std::iota(users.begin(), users.end(), 0);
  for (int build = 0; build < kBuilds; ++build) {
    for (std::size_t first = 0; first < users.size(); first += kUsersAStep) {
      const std::size_t count = std::min(users.size() - first, static_cast<std::size_t>(kUsersAStep));
      builder.Build(std::span(users).subspan(first, count), shard);
    }
  }
}

void Compare(const std::string& name, const DisplayShape& shape) {
  const data::DisplaySet displays = RandomDisplays(shape);
  const algos::ClickIndex index(displays, shape.items, false);
  const algos::LearnerOptions options = Options(shape.items);
  algos::UserLearner learner(index, options, {});
  PythonTwin torch("user_model_torch.py", WriteLog(name, shape, displays), "python3-torch");
  core::EpochContext context;
  double loss = 0.0;
  std::string losses[2];
  std::vector<Contender> contenders = {
      {name + ": recforce",
       [&] {
         const algos::EpochSums sums = learner.Epoch(context);
         ++context.epoch;
         loss = sums.loss / static_cast<double>(sums.choices);
       }},
      {name + ": PyTorch, loops", [&] { losses[0] = torch.Ask("loops"); }},
      {name + ": PyTorch, arrays", [&] { losses[1] = torch.Ask("arrays"); }},
      {name + ": batches, 100 times", [&] { BuildBatches(index, options.shape); }},
  };
  Run(contenders, 9);
  const auto events = static_cast<double>(displays.size());
  std::printf("%s: %lld users, %.0f events, %.2f items shown\n", name.c_str(),
              static_cast<long long>(displays.num_users()), events,
              static_cast<double>(displays.items.size()) / events);
  for (std::size_t at = 0; at < 3; ++at) {
    std::printf("%s: %.1f us an event\n", contenders[at].name.c_str(), 1e6 * Median(contenders[at].seconds) / events);
  }
  std::printf("%s: loss of the last epoch %.3f; loops %s, arrays %s\n", name.c_str(), loss, losses[0].c_str(),
              losses[1].c_str());
  PrintRatio("user_model " + name + " over loops", contenders[1], contenders[0], ">= 20");
  PrintRatio("user_model " + name + " over arrays", contenders[2], contenders[0], "> 1");
  std::printf("ratio user_model %s batches: %.4f of an epoch (wanted < 0.05)\n", name.c_str(),
              Median(contenders[3].seconds) / kBuilds / Median(contenders[0].seconds));
}

}  // namespace
}  // namespace recforce::bench

int main() {
  using recforce::bench::Compare;
  recforce::bench::UseAllCores();
  Compare("yelp", {.users = 703, .items = 804, .more = 0.17, .widest = 7});
  Compare("tb", {.users = 685, .items = 4042, .more = 0.34, .widest = 10});
}
