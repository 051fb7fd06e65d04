// SPDX-License-Identifier: Apache-2.0
// Worlds whose users stand in one of a few states: which, is said by the item clicked last, and a click may also end
// the stay. Catalogues and slates of any size are solved exactly.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/click_episodes.h"
#include "sim/environment_config.h"

namespace recforce::sim {

// What the world is made of: I items, S states.
struct FewStates {
  core::ChoiceRule choice;         // softmax
  std::int32_t start = 0;          // the state of users without a click
  std::vector<std::int32_t> next;  // [I] the state after a click
  std::vector<float> leaves;       // [I] the probability that a user who clicked is gone
  std::vector<float> utilities;    // [S, I]
  std::vector<float> rewards;      // [S, I]

  [[nodiscard]] std::int64_t num_items() const { return static_cast<std::int64_t>(next.size()); }
  [[nodiscard]] std::int64_t num_states() const;
  [[nodiscard]] std::span<const float> row(const std::vector<float>& table, std::int64_t state) const;
  // The state of a user who clicked this last; -1: nothing yet.
  [[nodiscard]] std::int32_t StateAfter(std::int32_t clicked) const;

  // The largest expected discounted reward of `horizon` steps from each state. [S]
  //   V_t(s) = max over slates A of  p(nothing) d V_t-1(s) + sum over A of p(a) (r(s, a) + d (1 - leaves_a) V_t-1(s_a))
  // The best slate for the gains r(s, a) + d (1 - leaves_a) V_t-1(s_a) - d V_t-1(s) is that of SlateSearch::Exact,
  // which enumerates nothing; it sees gains as floats. REQUIRES: 1 <= k <= I, softmax.
  [[nodiscard]] std::vector<double> OptimalReturn(std::int64_t k, std::int64_t horizon, double discount) const;
};

class FewStatesWorld : public ClickEnvironment {
 public:
  FewStatesWorld(std::shared_ptr<const FewStates> truth, std::string identity);

  [[nodiscard]] const FewStates& truth() const { return *truth_; }
  [[nodiscard]] bool learnt() const override { return false; }
  [[nodiscard]] std::string identity() const override { return identity_; }
  // Exact. Empty where it would take more than seconds (2e8 items looked at over all states and steps).
  [[nodiscard]] std::optional<double> Optimum(std::int64_t k, std::int64_t horizon, double discount) const override;

 private:
  std::shared_ptr<const FewStates> truth_;
  std::string identity_;
};

}  // namespace recforce::sim
