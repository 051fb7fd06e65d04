// SPDX-License-Identifier: Apache-2.0
// The sizes of a user model and the names of its tensors. Equations: docs/algorithms/gan_user_model.md.
// I items, d numbers an item, F given features, m clicks remembered, n position weights, H hidden units of the LSTM.
#pragma once

#include <cstdint>
#include <vector>

namespace recforce::algos {

enum class StateKind : std::uint8_t { kPositions, kLstm, kNone };
enum class Squash : std::uint8_t { kElu, kTanh, kNone };

struct UserShape {
  std::int64_t items = 0;     // I
  std::int64_t dim = 16;      // d
  std::int64_t features = 0;  // F; 0: no features were given
  StateKind state = StateKind::kPositions;
  std::int64_t memory = 20;    // m
  std::int64_t positions = 4;  // n
  Squash squash = Squash::kElu;
  bool position_bias = true;
  std::int64_t hidden = 20;                  // H
  std::vector<std::int64_t> layers{64, 64};  // hidden layers of the reward; at least one
  bool item_bias = true;
  bool repeats = false;  // of items clicked before; without a state there are none

  [[nodiscard]] bool has_repeats() const { return repeats && state != StateKind::kNone; }
  // S
  [[nodiscard]] std::int64_t state_width() const {
    switch (state) {
      case StateKind::kPositions:
        return dim * positions;
      case StateKind::kLstm:
        return hidden;
      default:
        return 0;
    }
  }
};

}  // namespace recforce::algos
