// SPDX-License-Identifier: Apache-2.0
// What a logged action is worth to the policy gradient (Chen, Beutel, Covington, Jain, Belletti, Chi, WSDM 2019,
// sections 4.2 to 4.4). Plain numbers, in logarithms where probabilities are small.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace recforce::algos {

// log(1 - p) for p = exp(log_p) <= 1; -infinity for p = 1.
double LogOneMinus(double log_p);
// Chance that one of k independent draws is an action of probability exp(log_p): 1 - (1 - p)^k.
double InclusionProbability(double log_p, std::int64_t k);
// Its slope by p, k (1 - p)^(k - 1): the top-k multiplier lambda_K. 1 for k = 1, 0 for p = 1 and k > 1.
double TopKMultiplier(double log_p, std::int64_t k);

enum class CorrectionKind {
  kPaper,      // pi / beta of the logged action, a constant
  kNone,       // 1: the gradient of the logged policy's clicks
  kRatioClip,  // like kPaper, but no gradient where the weight is above the cap: that of min(pi / beta, cap)
  kTfAgent,    // alpha / beta in place of pi / beta times lambda_K, between 0.001 and 10
  kNoDetach,   // the weight is differentiated, too: what comes of forgetting to stop the gradient
  kSeed,       // pi / beta of an action that is drawn from beta, in place of the logged one
};
CorrectionKind ParseCorrection(const std::string& name);

struct Correction {
  CorrectionKind kind = CorrectionKind::kPaper;
  std::int64_t top_k = 16;
  double cap = 20.085536923187668;  // e^3; 0: none
  // Weights are divided by their mean over the batch (the paper's NIS, scaled so that the mean is 1). No cap then.
  bool normalised = false;
};

// What one logged action of positive return contributes: the gradient of its part of the loss is
// coefficient times (softmax - one-hot), so the loss is -coefficient log pi with a constant coefficient.
struct ActionWeight {
  double weight = 1.0;       // pi / beta after the cap; alpha / beta of kTfAgent
  double coefficient = 1.0;  // weight times lambda_K, without the return
  bool capped = false;
};

// log_pi, log_beta: of the logged action; of kSeed, `log_pi_drawn` and `log_beta_drawn` are those of the drawn one.
// kNoDetach differentiates pi / beta lambda_K log pi as a whole: its coefficient is the derivative by log pi, which is
// negative where pi < 1 / e.
ActionWeight WeightOf(const Correction& correction, double log_pi, double log_beta, double log_pi_drawn = 0.0,
                      double log_beta_drawn = 0.0);

// Divides coefficients and weights by the mean weight. Nothing happens to an empty batch.
void NormaliseWeights(std::span<ActionWeight> batch);

}  // namespace recforce::algos
