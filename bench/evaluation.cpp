// SPDX-License-Identifier: Apache-2.0
// Full-catalogue evaluation of a Multi-VAE at the size of MovieLens-1M (6,040 users, 3,533 items, 76 clicks shown,
// 19 to be found) with every metric, beside its scoring alone. What the wall clock of `recforce evaluate` is made of.
#include <cstdio>
#include <numeric>
#include <vector>

#include "algos/common/autoencoder.h"
#include "nn/torch.h"
#include "random_log.h"
#include "recforce/eval/evaluator.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

void Main() {
  UseAllCores();
  constexpr std::int64_t kUsers = 6040;
  constexpr std::int64_t kItems = 3533;
  const data::Csr rows = RandomLog(kUsers, kItems, 95);
  data::EvalSet set;
  set.users.resize(kUsers);
  std::iota(set.users.begin(), set.users.end(), 0);
  for (std::int64_t user = 0; user < kUsers; ++user) {
    set.input.AddRow(rows.row(user).first(76));
    set.target.AddRow(rows.row(user).subspan(76));
  }
  const algos::AutoencoderRecommender model(
      algos::AutoencoderParams::Init({.items = kItems, .hidden = 600, .latent = 200}, 1, torch::kCPU));
  const std::vector<std::string> names = {"ndcg@10", "ndcg@100", "recall@20", "recall@50",
                                          "hr@10",   "map@10",   "mrr@10",    "precision@10"};
  const std::vector<eval::Metric> metrics = eval::ParseMetrics(names);
  std::vector<float> scores(500 * kItems);
  std::vector<Contender> contenders = {
      {"evaluation, 8 metrics", [&] { eval::Evaluate(model, set, metrics, 500); }},
      {"scoring alone", [&] {
         for (std::int64_t begin = 0; begin < kUsers; begin += 500) {
           const std::int64_t end = std::min(kUsers, begin + 500);
           model.ScoreBatch({set.input.view().Slice(begin, end)}, {scores.data(), end - begin, kItems});
         }
       }}};
  Run(contenders, 7);
  std::printf("evaluation of 6,040 users: %.2f s (wanted below 2 s on 2 cores)\n", Median(contenders[0].seconds));
  PrintRatio("evaluation over scoring", contenders[0], contenders[1], "as small as can be");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
