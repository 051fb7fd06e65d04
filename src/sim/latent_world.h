// SPDX-License-Identifier: Apache-2.0
// A world of users with interests that nobody sees, that drift with what is clicked, tire of a topic for a while, and
// leave when pages disappoint: what is clicked today is not all there is to win.
//   u(i) = 3 <p, v_i> + q_i - t_topic(i) - 2
// v: items on the unit sphere of 8 dimensions, around the centres of 10 topics; q ~ N(0, 0.5^2): their quality;
// p: the user's interest on that sphere, near two topics, a function of the user's number; t: its tiredness of topics,
// 0 at first. After every page
//   t := 0.8 t,  and of the topic clicked  t := t + 1
//   p := normalised 0.95 p + 0.05 v of the item clicked
//   z := min(1, z + 0.15) after a click, max(0, z - 0.1) without one; z: satisfaction, 1 at first
//   the user leaves with probability 0.005 + 0.25 (1 - z)^2
// The reward of a click is 1: the discounted sum counts clicks, and staying is worth the clicks to come.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/click_episodes.h"
#include "sim/environment_config.h"

namespace recforce::sim {

inline constexpr std::int64_t kLatentItems = 200;  // where the configuration leaves it to the world
inline constexpr std::int64_t kLatentWidth = 8;
inline constexpr std::int64_t kLatentTopics = 10;
// A user's traits: interest [kLatentWidth], tiredness [kLatentTopics], satisfaction.
inline constexpr std::int64_t kLatentTraits = kLatentWidth + kLatentTopics + 1;

// What the world is made of.
struct LatentTruth {
  std::uint64_t seed = 0;
  std::vector<float> centres;       // [kLatentTopics, kLatentWidth]
  std::vector<float> items;         // [I, kLatentWidth]
  std::vector<std::int32_t> topic;  // [I]
  std::vector<float> quality;       // [I]
};

// Not observed: policies see the last 20 clicks, and the rest has to be guessed from them.
class LatentWorld : public ClickEnvironment {
 public:
  static std::shared_ptr<const LatentWorld> Make(const EnvironmentConfig& config);
  LatentWorld(std::shared_ptr<const LatentTruth> truth, core::ChoiceRule choice, std::string identity);

  [[nodiscard]] const LatentTruth& truth() const { return *truth_; }
  [[nodiscard]] bool learnt() const override { return false; }
  [[nodiscard]] std::string identity() const override { return identity_; }

 private:
  std::shared_ptr<const LatentTruth> truth_;
  std::string identity_;
};

}  // namespace recforce::sim
