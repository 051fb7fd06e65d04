// SPDX-License-Identifier: Apache-2.0
// A world where the way up costs and the top pays. Six moods stand on a ring; each item is of one mood, and users are
// in the mood m of the item that they clicked last, at first in the valley v. With the height h of a mood, the length d
// of the way between two along the ring, and the quality q ~ U(0, 0.4) of an item of mood c
//   h(m) = (1 - cos(2 pi (m - v) / 6)) / 2,   u(m, a) = 2 + q_a - d(m, c_a)^2
//   r(m, a) = q_a + h(m) where c_a = m,   else q_a - max(0, h(c_a) - h(m))
// From the valley the top is three moods away, and users hardly follow over more than one. Choices are softmax.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/environment_config.h"
#include "sim/few_states.h"

namespace recforce::sim {

inline constexpr std::int64_t kMoodItems = 60;  // where the configuration leaves it to the world
inline constexpr std::int64_t kMoods = 6;
inline constexpr std::int64_t kMoodFeatures = 3;

// The mood of an item is its state in truth().next, the valley is truth().start.
class MoodWorld : public FewStatesWorld {
 public:
  static std::shared_ptr<const MoodWorld> Make(const EnvironmentConfig& config);
  MoodWorld(std::shared_ptr<const FewStates> truth, std::vector<float> features, std::string identity);

  // Cosine and sine of 2 pi c / 6, where c is the item's mood, and its quality.
  [[nodiscard]] base::MatrixView<const float> item_features() const override {
    return {features_.data(), NumItems(), kMoodFeatures};
  }

 private:
  std::vector<float> features_;  // [I, kMoodFeatures]
};

}  // namespace recforce::sim
