// SPDX-License-Identifier: Apache-2.0
// One training step of topk_reinforce over a catalogue of 100,000 items (64 users of 8 steps, a state of 128): with a
// sampled softmax of 2,048 draws, the weights estimated from them or exact; with the softmax over the catalogue; the
// latter in libtorch with autograd, unfused, as one would write it; and the matrix products alone that no
// implementation of either can avoid.
#include <cstdio>
#include <functional>
#include <vector>

#include "algos/topk_reinforce/learner.h"
#include "nn/gemm.h"
#include "nn/torch.h"
#include "random_log.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kItems = 100000;
constexpr std::int64_t kUsers = 64;
constexpr std::int64_t kSteps = 8;  // decisions of a user: an epoch is one step of the learner
constexpr std::int64_t kUnits = 128;
constexpr std::int64_t kDraws = 2048;

algos::PolicyOptions Options(bool sampled, bool exact_weights) {
  algos::PolicyOptions options;
  options.shape = {.items = kItems, .embedding = 64, .hidden = kUnits};
  options.lanes = kUsers;
  options.steps = kSteps + 1;
  options.sampled = sampled;
  options.exact_weights = exact_weights;
  options.negatives = kDraws;
  return options;
}

// Scores of two heads, and what comes back: by both tables, and by the states of the policy's head.
class Products {
 public:
  explicit Products(std::int64_t columns)
      : states_(torch::randn({kUsers * kSteps, kUnits})),
        table_(torch::randn({columns, kUnits})),
        scores_(torch::empty({kUsers * kSteps, columns})),
        by_table_(torch::empty_like(table_)),
        by_states_(torch::empty_like(states_)) {}
  void Run() {
    for (int head = 0; head < 2; ++head) {
      nn::MatMul(scores_, states_, table_.t());
      nn::MatMul(by_table_, scores_.t(), states_);
    }
    nn::MatMul(by_states_, scores_, table_);
  }
  [[nodiscard]] double Flops() const {
    return 5.0 * 2.0 * static_cast<double>(states_.numel()) * static_cast<double>(table_.size(0));
  }

 private:
  torch::Tensor states_, table_, scores_, by_table_, by_states_;
};

void Main() {
  UseAllCores();
  const data::Csr rows = RandomLog(kUsers, kItems, kSteps);
  const core::TrainView view = {.interactions = rows.view(), .num_items = kItems};
  algos::PolicyLearner drawn(view, Options(true, false), {});
  algos::PolicyLearner exact(view, Options(true, true), {});
  algos::PolicyLearner full(view, Options(false, true), {});
  algos::PolicyOptions unfused_options = Options(false, true);
  unfused_options.autograd = true;
  algos::PolicyLearner unfused(view, unfused_options, {});
  Products few(kDraws);
  Products all(kItems);
  std::int64_t epoch = 0;
  const auto step = [&](algos::PolicyLearner& learner) {
    core::EpochContext context;
    context.epoch = epoch++;
    learner.Epoch(context);
  };

  std::vector<Contender> contenders = {{"sampled, weights from the draws", [&] { step(drawn); }},
                                       {"sampled, exact weights", [&] { step(exact); }},
                                       {"full softmax", [&] { step(full); }},
                                       {"libtorch autograd, full softmax",
                                        [&] {
                                          const nn::ManyBlasThreads threads;
                                          step(unfused);
                                        }},
                                       {"products of the draws", [&] { few.Run(); }},
                                       {"products of the catalogue", [&] { all.Run(); }}};
  Run(contenders, 3);
  std::printf("products run at %.0f and %.0f GFLOP/s\n", few.Flops() / Median(contenders[4].seconds) * 1e-9,
              all.Flops() / Median(contenders[5].seconds) * 1e-9);
  PrintRatio("topk_step sampled speed-up", contenders[3], contenders[0], "at least 10");
  PrintRatio("topk_step exact weights speed-up", contenders[3], contenders[1], "at least 3");
  PrintRatio("topk_step full speed-up", contenders[3], contenders[2], "at least 1.5");
  PrintRatio("topk_step sampled over floor", contenders[0], contenders[4], "no bound: it is made of few products");
  PrintRatio("topk_step full over floor", contenders[2], contenders[5],
             "at most 3.5: scores are computed twice, and Adam moves both tables");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
