// SPDX-License-Identifier: Apache-2.0
// The stages of a run of RaCT, in their order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recforce/core/trainer.h"

namespace recforce::algos {

inline constexpr const char* kActorStage = "actor";        // the actor's own training
inline constexpr const char* kCriticStage = "critic";      // the critic learns, the actor stays
inline constexpr const char* kFinetuneStage = "finetune";  // both

// "actor:200", "critic:50", "finetune:100:10": name, epochs, and epochs without a better validation value before it
// ends (left out: `patience`, of critic stages 0). "ac" is another name of finetune. Error(Usage) for anything else,
// for no stage at all, and for an actor stage that follows another kind.
std::vector<core::Phase> ParseStages(const std::vector<std::string>& texts, std::int64_t patience);

}  // namespace recforce::algos
