// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/player.h"

#include <array>
#include <utility>

namespace recforce::algos {
namespace {

// Steps of repeats, relative to others: they are few, most choices say something of them, and they go far from zero.
constexpr double kRepeatStep = 10.0;

enum Decay : std::uint8_t { kDecaying, kPlain, kPopularity, kRepeats, kStays };

Decay DecayOf(PartKind kind, bool no_click_moves) {
  switch (kind) {
    case PartKind::kItemTable:
    case PartKind::kWeight:
      return kDecaying;
    case PartKind::kItemBias:
      return kPopularity;
    case PartKind::kRepeat:
      return kRepeats;
    case PartKind::kNoClick:
      return no_click_moves ? kPlain : kStays;
    default:
      return kPlain;
  }
}

// The optimiser steps by rows: [I] as [I, 1].
torch::Tensor Rows(const torch::Tensor& tensor) { return tensor.dim() == 1 ? tensor.unsqueeze(1) : tensor; }

}  // namespace

Player::Player(const UserParts& parts, std::vector<torch::Tensor> tensors, const PlayerOptions& options)
    : parts_(parts), tensors_(std::move(tensors)) {
  std::array<std::vector<torch::Tensor>, kStays> members;
  for (std::size_t index = 0; index < tensors_.size(); ++index) {
    const PartKind kind = parts_.list[index].kind;
    const Decay decay = DecayOf(kind, options.no_click_moves);
    slots_.push_back({decay, 0});
    if (decay != kStays) {
      slots_.back().index = members[decay].size();
      members[decay].push_back(ByItem(kind) ? Rows(tensors_[index]) : tensors_[index]);
    }
  }
  const auto add = [&](const char* name, Decay decay, double strength, double step = 1.0) {
    // The gradient of half the decay times the squared length.
    const nn::AdamOptions adam = {.learning_rate = step * options.learning_rate, .l2 = 0.5 * strength};
    groups_.push_back({name, nn::Adam(members[decay], adam)});
  };
  add("decaying", kDecaying, options.weight_decay);
  add("plain", kPlain, 0.0);
  add("popularity", kPopularity, options.popularity_decay);
  add("repeats", kRepeats, options.weight_decay, kRepeatStep);
}

void Player::Step(std::span<const std::int32_t> items, std::span<const torch::Tensor> gradients) {
  for (Group& group : groups_) {
    group.adam.BeginStep();
  }
  for (std::size_t index = 0; index < tensors_.size(); ++index) {
    const Slot& slot = slots_[index];
    if (slot.group >= groups_.size()) {
      continue;
    }
    nn::Adam& adam = groups_[slot.group].adam;
    if (ByItem(parts_.list[index].kind)) {
      torch::Tensor rows = Rows(tensors_[index]);
      adam.UpdateRows(slot.index, rows, items, Rows(gradients[index]));
    } else {
      adam.Update(slot.index, tensors_[index], gradients[index]);
    }
  }
}

void Player::Assign(std::span<const torch::Tensor> values) {
  for (std::size_t index = 0; index < tensors_.size(); ++index) {
    tensors_[index].copy_(values[index]);
  }
}

std::optional<float> Player::NoClickReward() const {
  if (parts_.no_click < 0) {
    return std::nullopt;
  }
  return tensors_[static_cast<std::size_t>(parts_.no_click)].item<float>();
}

void Player::Save(base::TensorSet& set, const std::string& prefix) const {
  SaveParts(parts_, tensors_, set, prefix);
  for (const Group& group : groups_) {
    group.adam.Save(set, prefix + "adam." + group.name);
  }
}

void Player::Load(const base::TensorSet& set, const std::string& prefix) {
  Assign(LoadParts(parts_, set, prefix, tensors_.front().device()));
  for (Group& group : groups_) {
    group.adam.Load(set, prefix + "adam." + group.name);
  }
}

}  // namespace recforce::algos
