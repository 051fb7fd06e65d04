// SPDX-License-Identifier: Apache-2.0
// Adam and Ranger over the parameters of a network that lie in one vector. Ranger is RAdam (Liu et al., ICLR 2020) with
// Lookahead (Zhang et al., NeurIPS 2019) and gradient centralisation (Yong et al., ECCV 2020), as lessw2020 20.4.11
// puts them together. Without libtorch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/tensor_file.h"

namespace recforce::nn {

// A matrix among the parameters, the mean of whose rows Ranger takes out of their gradients.
struct FlatMatrix {
  std::int64_t offset, rows, cols;
};

struct FlatOptimizerOptions {
  bool ranger = false;
  double learning_rate = 1e-3;
  double weight_decay = 0.0;  // decoupled: p loses learning_rate x weight_decay of itself before the step
  double beta1 = 0.9;         // Ranger's own: 0.95
  double beta2 = 0.999;
  double epsilon = 1e-8;   // Ranger's own: 1e-5
  double lookahead = 0.5;  // Ranger: share of the way that the slow weights go
  std::int64_t lookahead_steps = 6;
  double rectify_above = 5.0;  // Ranger: the step is divided by its deviation where rho_t is above
  bool centralize = true;      // Ranger

  static FlatOptimizerOptions Ranger(double learning_rate, double weight_decay) {
    return {
        .ranger = true, .learning_rate = learning_rate, .weight_decay = weight_decay, .beta1 = 0.95, .epsilon = 1e-5};
  }
};

// Moments of one vector of parameters. T: float or double.
//   m := beta1 m + (1 - beta1) g,  v := beta2 v + (1 - beta2) g^2
//   Adam:   p := p - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
//   Ranger: rho_inf = 2 / (1 - beta2) - 1,  rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t);  where rho_t > 5
//             p := p - lr eta m / (sqrt(v) + epsilon),  eta = sqrt((1 - beta2^t) (rho_t - 4) / (rho_inf - 4)
//               (rho_t - 2) / rho_t rho_inf / (rho_inf - 2)) / (1 - beta1^t)
//           else p := p - lr m / (1 - beta1^t);  every 6th step slow := slow + (p - slow) / 2, p := slow
template <class T>
class FlatOptimizer {
 public:
  // `parameters`: where they begin, which is where the slow weights begin.
  FlatOptimizer(std::span<const T> parameters, std::vector<FlatMatrix> matrices, FlatOptimizerOptions options);

  // One step of all parameters. `gradient` is overwritten where it is centralised. Uses base::ParallelFor; the same
  // bytes on any number of threads.
  void Step(std::span<T> parameters, std::span<T> gradient);
  void SetLearningRate(double learning_rate) { options_.learning_rate = learning_rate; }

  [[nodiscard]] std::int64_t step() const { return step_; }
  // As <prefix>.m, .v, Ranger's .slow, and metadata <prefix>.step.
  void Save(base::TensorSet& set, const std::string& prefix) const;
  void Load(const base::TensorSet& set, const std::string& prefix);  // Error(Data) when sizes differ

 private:
  FlatOptimizerOptions options_;
  std::vector<FlatMatrix> matrices_;
  std::vector<T> m_, v_, slow_;
  std::int64_t step_ = 0;
};

extern template class FlatOptimizer<float>;
extern template class FlatOptimizer<double>;

}  // namespace recforce::nn
