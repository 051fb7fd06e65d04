// SPDX-License-Identifier: Apache-2.0
// The two softmax heads over one state (Chen et al. 2019, section 4.3): the policy pi and the behaviour model beta.
// They share the state and nothing else: beta's loss does not reach the state, pi's does not reach beta's tables.
// Shapes: P states, N units, I items, D decisions, each made from one of the states.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "nn/torch.h"

namespace recforce::algos {

// Tables of a head: scores are (state weight' + bias) / temperature.
struct HeadTable {
  torch::Tensor weight;  // [I, N]
  torch::Tensor bias;    // [I]
};

// Decisions by the state that they were made from, which ascends.
struct Decided {
  std::vector<std::int64_t> state;  // [D]
  std::vector<std::int32_t> item;   // [D]
};

// The loss of a batch: sum over decisions of -pi[d] log pi(d) - beta[d] log beta(d), pi and beta constants, minus
// entropy times the sum over states of the entropy of pi.
struct HeadCoefficients {
  std::vector<double> pi;    // [D]
  std::vector<double> beta;  // [D]
  double entropy = 0.0;
};

struct LogProbabilities {
  std::vector<double> pi;    // [D]
  std::vector<double> beta;  // [D]
};

// Exact softmax over the catalogue, in blocks of states: never more than a block's scores exist, unless all of them are
// few enough to be kept from the first pass to the second. CPU, float32 or float64.
class FullHeads {
 public:
  explicit FullHeads(double temperature = 1.0) : temperature_(temperature) {}

  // log pi and log beta of every decision.
  LogProbabilities Forward(const torch::Tensor& states, const HeadTable& pi, const HeadTable& beta,
                           const Decided& decided);
  // After Forward with the same arguments. Gradients of the loss: of both heads' tables, which are overwritten, and by
  // the states, [P, N].
  torch::Tensor Backward(const torch::Tensor& states, const HeadTable& pi, const HeadTable& beta,
                         const Decided& decided, const HeadCoefficients& coefficients, HeadTable& d_pi,
                         HeadTable& d_beta);
  // Mean over the states of the entropy of pi, of the last Backward.
  [[nodiscard]] double mean_entropy() const { return mean_entropy_; }

 private:
  struct Head {
    std::vector<double> log_sum;  // [P] log sum exp of the scores
    torch::Tensor kept;           // [P, I] scores, where they are kept
  };
  torch::Tensor Scores(const torch::Tensor& states, const HeadTable& table) const;
  void ForwardHead(const torch::Tensor& states, const HeadTable& table, const Decided& decided, Head& head,
                   std::vector<double>& log_probability);
  void BackwardHead(const torch::Tensor& states, const HeadTable& table, const Decided& decided,
                    std::span<const double> coefficients, double entropy, const Head& head, HeadTable& gradient,
                    torch::Tensor* d_states);

  double temperature_;
  Head pi_, beta_;
  double mean_entropy_ = 0.0;
};

// log sum over items of exp((state weight' + bias) / temperature), of every state, without a [P, I] matrix. [P]
std::vector<double> StreamedLogSum(const torch::Tensor& states, const HeadTable& table, double temperature);

// Softmax over the decided item and items that are drawn for the whole batch. Scores are lowered by the logarithm of
// how often an item is expected among the draws, so that the loss approaches the exact one as they grow; a drawn item
// that was decided is left out for that decision.
class SampledHeads {
 public:
  struct Draws {
    std::vector<std::int32_t> items;           // [M]
    std::vector<double> log_expected;          // [M] of each
    std::vector<double> decided_log_expected;  // [D] of each decision's item
  };
  explicit SampledHeads(double temperature = 1.0) : temperature_(temperature) {}

  // log pi and log beta: exact (a stream over the catalogue), or estimated from the draws by the log of
  // exp(decided) + sum exp(drawn) / expected.
  LogProbabilities Forward(const torch::Tensor& states, const HeadTable& pi, const HeadTable& beta,
                           const Decided& decided, const Draws& draws, bool exact);
  struct Gradient {
    torch::Tensor drawn, drawn_bias;      // [M, N], [M, 1]: of the rows draws.items
    torch::Tensor decided, decided_bias;  // [D, N], [D, 1]: of the rows decided.item
  };
  // After Forward with the same arguments. Gradients of sum over d of -pi[d] log q(d) - beta[d] log q'(d), q and q' the
  // sampled softmaxes of the heads. Returns that by the states, [P, N]. REQUIRES: no entropy.
  torch::Tensor Backward(const torch::Tensor& states, const HeadTable& pi, const HeadTable& beta,
                         const Decided& decided, const Draws& draws, const HeadCoefficients& coefficients,
                         Gradient& d_pi, Gradient& d_beta);

 private:
  struct Head {
    torch::Tensor rows;           // [M, N] of the drawn items
    torch::Tensor scores;         // [P, M] less the logarithm of the expected counts, over temperature
    std::vector<double> top;      // [P] the largest of them
    std::vector<double> sum;      // [P] of exp(scores - top)
    std::vector<double> decided;  // [D] scores of decided items, lowered likewise
  };
  void ForwardHead(const torch::Tensor& states, const HeadTable& table, const Decided& decided, const Draws& draws,
                   bool exact, Head& head, std::vector<double>& log_probability) const;
  void BackwardHead(const torch::Tensor& states, const HeadTable& table, const Decided& decided, const Draws& draws,
                    std::span<const double> coefficients, Head& head, Gradient& gradient,
                    torch::Tensor* d_states) const;

  double temperature_;
  Head pi_, beta_;
};

}  // namespace recforce::algos
