// SPDX-License-Identifier: Apache-2.0
// The parameters of a user model and what descends with them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "algos/gan_user_model/network.h"
#include "nn/adam.h"

namespace recforce::algos {

struct PlayerOptions {
  double learning_rate = 1e-3;
  double weight_decay = 0.0;  // beside the mean loss of choices
  double popularity_decay = 0.0;
  bool no_click_moves = true;  // else the reward of choosing nothing stays as it is
};

class Player {
 public:
  // `parts` must outlive the player.
  Player(const UserParts& parts, std::vector<torch::Tensor> tensors, const PlayerOptions& options);
  // Gradients as UserParts.list, those of the item table and the item bias by rows `items`, ascending.
  void Step(std::span<const std::int32_t> items, std::span<const torch::Tensor> gradients);
  [[nodiscard]] std::span<const torch::Tensor> tensors() const { return tensors_; }
  void Assign(std::span<const torch::Tensor> values);
  // The reward of choosing nothing, where there is one.
  [[nodiscard]] std::optional<float> NoClickReward() const;
  void Save(base::TensorSet& set, const std::string& prefix) const;
  void Load(const base::TensorSet& set, const std::string& prefix);

 private:
  // Parts that decay alike share an optimiser.
  struct Group {
    std::string name;
    nn::Adam adam;
  };
  struct Slot {
    std::size_t group;  // past the last one: the part stays as it is
    std::size_t index;  // in its group
  };
  const UserParts& parts_;
  std::vector<torch::Tensor> tensors_;
  std::vector<Group> groups_;
  std::vector<Slot> slots_;
};

}  // namespace recforce::algos
