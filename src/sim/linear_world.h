// SPDX-License-Identifier: Apache-2.0
// A world with item features, from whose clicks a user model can be learnt and then compared with the truth.
//   u(s, a) = f_a' M s + b_a + 0.5 tanh(f_a1 f_a2),   s = 0.6 f_1 + 0.3 f_2 + 0.1 f_3
// f_1, f_2, f_3: features of the last three clicks, newest first, 0 where there is none yet. Features are N(0, 1), the
// elements of M N(0, 0.5^2), b N(0, 0.7^2). The reward of a click is the user's utility. Choices are softmax.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/click_episodes.h"
#include "sim/environment_config.h"

namespace recforce::sim {

inline constexpr std::int64_t kLinearItems = 50;  // where the configuration leaves it to the world
inline constexpr std::int64_t kLinearFeatures = 8;
inline constexpr std::array<double, 3> kLinearWeights = {0.6, 0.3, 0.1};

// What the world is made of.
struct LinearTruth {
  std::vector<float> features;  // [I, kLinearFeatures]
  std::vector<double> m;        // [kLinearFeatures, kLinearFeatures]
  std::vector<double> b;        // [I]
};

class LinearWorld : public ClickEnvironment {
 public:
  static std::shared_ptr<const LinearWorld> Make(const EnvironmentConfig& config);
  LinearWorld(std::shared_ptr<const LinearTruth> truth, core::ChoiceRule choice, std::string identity);

  [[nodiscard]] const LinearTruth& truth() const { return *truth_; }
  [[nodiscard]] bool learnt() const override { return false; }
  [[nodiscard]] std::string identity() const override { return identity_; }
  [[nodiscard]] base::MatrixView<const float> item_features() const override {
    return {truth_->features.data(), NumItems(), kLinearFeatures};
  }

 private:
  std::shared_ptr<const LinearTruth> truth_;
  std::string identity_;
};

}  // namespace recforce::sim
