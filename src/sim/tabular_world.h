// SPDX-License-Identifier: Apache-2.0
// A world that can be solved exactly, and where looking no further than the next click loses: an item that a user
// likes less may lead to a state in which it likes everything more.
//   r(s, a) = n(s, a) + g(s) - 0.8 g(a),   n ~ N(0, 1), g ~ N(0, 1.2^2),   s: the item clicked last, or none yet
// A user's utility for an item is the reward of its click. Choices are softmax.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sim/click_episodes.h"
#include "sim/environment_config.h"
#include "sim/solve.h"

namespace recforce::sim {

inline constexpr std::int64_t kTabularItems = 10;  // where the configuration leaves it to the world

class TabularWorld : public ClickEnvironment {
 public:
  // Error(Usage): more items than a table of all pairs is made for.
  static std::shared_ptr<const TabularWorld> Make(const EnvironmentConfig& config);
  TabularWorld(std::shared_ptr<const TabularProblem> problem, std::string identity);

  [[nodiscard]] const TabularProblem& problem() const { return *problem_; }
  [[nodiscard]] bool learnt() const override { return false; }
  [[nodiscard]] std::string identity() const override { return identity_; }
  // Exact. Empty where slates are too many to go through them (TabularProblem::kMostSlates, or 1e10 over all steps).
  [[nodiscard]] std::optional<double> Optimum(std::int64_t k, std::int64_t horizon, double discount) const override;

 private:
  std::shared_ptr<const TabularProblem> problem_;
  std::string identity_;
};

}  // namespace recforce::sim
