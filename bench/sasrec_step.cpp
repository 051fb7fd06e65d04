// SPDX-License-Identifier: Apache-2.0
// One training step of SASRec at the shape of MovieLens-1M (3,416 items, 128 users of 20 to 200 events, width 64, two
// blocks, cross-entropy over the catalogue): ours, masks and batch included; the same step in padded libtorch with
// autograd and torch::optim::Adam; and the three products of the scores alone, which no implementation can avoid.
#include <cstdio>
#include <vector>

#include "algos/sasrec/learner.h"
#include "algos/sasrec/reference.h"
#include "nn/gemm.h"
#include "nn/torch.h"
#include "random_log.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kItems = 3416;
constexpr std::int64_t kUsers = 128;

// Rows of 20, 22, 24 ... items, again from 20 at 200.
data::Csr Ragged() {
  const data::Csr longest = RandomLog(kUsers, kItems, 200);
  data::Csr rows;
  for (std::int64_t user = 0; user < kUsers; ++user) {
    rows.AddRow(longest.row(user).first(static_cast<std::size_t>(20 + 2 * user % 180)));
  }
  return rows;
}

void Main() {
  UseAllCores();
  const data::Csr rows = Ragged();
  algos::SasrecOptions options;
  options.shape.items = kItems;
  options.batch_size = kUsers;
  algos::SasrecLearner learner({.interactions = rows.view(), .num_items = kItems}, options, {});
  std::int64_t epoch = 0;

  algos::Sequences sequences;
  for (std::int64_t user = 0; user < kUsers; ++user) {
    sequences.AddPairs(rows.row(user), options.shape.max_length, static_cast<std::uint32_t>(user));
  }
  algos::KeepMasks masks;
  torch::Tensor leaf = learner.params().flat.clone().requires_grad_(true);
  torch::optim::Adam adam({leaf}, torch::optim::AdamOptions(1e-3));

  const std::int64_t positions = sequences.positions();
  const torch::Tensor hidden = torch::randn({positions, options.shape.hidden});
  const torch::Tensor table = torch::randn({kItems, options.shape.hidden});
  torch::Tensor scores = torch::empty({positions, kItems});
  torch::Tensor by_hidden = torch::empty_like(hidden);
  torch::Tensor by_table = torch::empty_like(table);

  std::vector<Contender> contenders = {
      {"recforce step",
       [&] {
         core::EpochContext context;
         context.epoch = epoch++;
         learner.Epoch(context);
       }},
      {"libtorch autograd step",
       [&] {
         const nn::ManyBlasThreads threads;
         algos::DrawMasks(sequences, {options.shape.hidden, options.shape.blocks, options.shape.heads}, options.keep, 1,
                          static_cast<std::uint64_t>(epoch++), masks);
         adam.zero_grad();
         const torch::Tensor states = algos::ReferenceForward(options.shape, leaf, sequences, &masks);
         (algos::ReferenceLoss(options.shape, leaf, states, sequences, options.loss) / static_cast<double>(positions))
             .backward();
         adam.step();
       }},
      {"three products",
       [&] {
         nn::MatMul(scores, hidden, table.t());
         nn::MatMul(by_hidden, scores, table);
         nn::MatMul(by_table, scores.t(), hidden);
       }},
  };
  Run(contenders, 5);
  std::printf("positions %lld: MovieLens-1M has 55 times as many in an epoch\n", static_cast<long long>(positions));
  PrintRatio("sasrec_step speed-up", contenders[1], contenders[0], "at least 4");
  PrintRatio("sasrec_step over floor", contenders[0], contenders[2], "at most 1.5");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
