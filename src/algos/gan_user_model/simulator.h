// SPDX-License-Identifier: Apache-2.0
// A learnt user model as an environment: users who choose by its utilities.
#pragma once

#include <memory>

#include "algos/gan_user_model/user_model.h"
#include "recforce/base/tensor_file.h"
#include "recforce/core/environment.h"

namespace recforce::algos {

enum class SimulatorReward : std::uint8_t {
  kUtility,    // r of the item clicked
  kClick,      // 1
  kAdvantage,  // r minus the reward of choosing nothing
};

struct SimulatorOptions {
  SimulatorReward reward = SimulatorReward::kUtility;
  double pessimism = 0.0;          // r is the ensemble's mean minus this many deviations between members
  bool one_member_a_user = false;  // users choose by one member each, drawn from their numbers; else by the mean
};

// tensors: those of the model, whose hash is part of the identity. Error(Usage): an advantage over choosing nothing
// where that is no choice.
std::shared_ptr<const core::Environment> MakeSimulator(std::shared_ptr<const UserModel> model,
                                                       const SimulatorOptions& options, const base::TensorSet& tensors);

}  // namespace recforce::algos
