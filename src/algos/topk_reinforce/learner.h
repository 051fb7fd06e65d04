// SPDX-License-Identifier: Apache-2.0
// Training of the top-K off-policy-corrected policy (Chen et al. 2019): lanes of users, steps that are back-propagated
// through together, two heads, weights that are constants.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "algos/common/lanes.h"
#include "algos/common/proposal.h"
#include "algos/topk_reinforce/correction.h"
#include "algos/topk_reinforce/heads.h"
#include "algos/topk_reinforce/network.h"
#include "algos/topk_reinforce/policy_log.h"
#include "nn/adam.h"
#include "nn/row_gradients.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct PolicyOptions {
  PolicyShape shape;
  ReturnOptions returns;
  Correction correction;
  bool use_propensities = true;  // as logged, where they were; else what the beta head says
  double beta_weight = 1.0;      // of beta's loss
  double kl_weight = 0.0;        // of KL(beta || pi), estimated on all events
  double entropy_weight = 0.0;   // of the entropy of pi, which is added
  double temperature = 1.0;
  std::int64_t lanes = 128;
  std::int64_t steps = 20;  // of a lane that are back-propagated through together
  double learning_rate = 1e-3;
  bool sampled = false;  // softmax over draws; else over the catalogue
  std::int64_t negatives = 2048;
  std::string proposal = "log_uniform";
  double proposal_exponent = 1.0;
  bool unique = true;
  bool exact_weights = true;  // sampled: log pi and log beta of the weights from the whole catalogue
  bool autograd = false;      // on the CPU, too: for tests
};

class PolicyLearner {
 public:
  PolicyLearner(const core::TrainView& view, const PolicyOptions& options, const core::TrainerContext& context);

  // loss: mean of weight lambda R (-log pi) over rewarded decisions; beta_nll: mean over all; weight, capped, ess: of
  // the weights, the latter as a share of the decisions; lambda and pi: means over rewarded decisions.
  core::Metrics Epoch(const core::EpochContext& context);

  void KeepBest();
  void RestoreBest();
  void Export(base::TensorSet& set) const { params_.Save(set, ""); }
  void Save(base::TensorSet& set) const;
  void Load(const base::TensorSet& set);
  [[nodiscard]] const core::Recommender& recommender() const { return recommender_; }
  [[nodiscard]] const PolicyParams& params() const { return params_; }

 private:
  struct Totals {
    std::int64_t rewarded = 0, decisions = 0, capped = 0;
    double loss = 0.0, beta_nll = 0.0, weight = 0.0, weight_squares = 0.0, lambda = 0.0, pi = 0.0, entropy = 0.0;
    std::int64_t batches = 0;
  };
  struct Batch {
    LaneBatch lanes;
    std::vector<std::int64_t> rows;       // of states that decisions were made from, once for each of their contexts
    std::vector<std::int32_t> contexts;   // of each row, -1: not known
    Decided decided;                      // by place in `rows`
    std::vector<std::int64_t> decisions;  // [D] in the log
  };
  void Collect(Batch& batch) const;
  // Coefficients of the batch's decisions, from what the heads say of them.
  HeadCoefficients Weigh(const Batch& batch, const LogProbabilities& log_probability, Totals& totals) const;
  void Step(const Batch& batch, std::uint64_t epoch, std::int64_t step, Totals& totals);
  // Moves the gates. d: gradients by the rows' states in their contexts, which become those by the states alone.
  void GatesBackward(const Batch& batch, const torch::Tensor& states, torch::Tensor& d);
  torch::Tensor HeadsOnCpu(const Batch& batch, const torch::Tensor& states, std::uint64_t epoch, std::int64_t step,
                           Totals& totals);
  SampledHeads::Draws DrawItems(const Batch& batch, std::uint64_t epoch, std::int64_t step) const;
  // The same by autograd, on any device.
  void StepByAutograd(const Batch& batch, std::uint64_t epoch, std::int64_t step, Totals& totals);

  core::TrainView view_;
  PolicyOptions options_;
  std::uint64_t seed_;
  torch::Device device_;
  PolicyLog log_;
  PolicyParams params_;
  PolicyRecommender recommender_;
  nn::Adam adam_;  // of PolicyParams::All()
  std::optional<Proposal> proposal_;
  std::optional<PolicyParams> best_;
  nn::RecurrentPass pass_;
  FullHeads full_;
  SampledHeads sampled_;
  torch::Tensor state_;  // [B, N] of the lanes
  HeadTable d_pi_, d_beta_;
  nn::RecurrentParams d_layer_;
  SampledHeads::Gradient rows_pi_, rows_beta_;
};

}  // namespace recforce::algos
