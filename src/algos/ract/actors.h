// SPDX-License-Identifier: Apache-2.0
// The networks that RaCT can fine-tune, by name (RaCT spec, 1.2).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "algos/common/row_actor.h"
#include "algos/ract/ract.h"

namespace recforce::algos {

// "multi_vae", "multi_dae", "gaussian_vae", "linear_vae", "wmf", "recvae"
const std::vector<std::string>& RactActorNames();

std::unique_ptr<RowActor> MakeRactActor(const RactConfig& config, const core::TrainView& view,
                                        const core::TrainerContext& context);
// From what the actor exported. Error(Data) when the tensors do not fit.
std::unique_ptr<core::Recommender> LoadRactActor(const RactConfig& config, const base::TensorSet& tensors,
                                                 std::int64_t num_items, const std::string& device);

}  // namespace recforce::algos
