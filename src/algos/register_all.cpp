// SPDX-License-Identifier: Apache-2.0
#include "algos/register_all.h"

#include "algos/ease/ease.h"
#include "algos/multi_dae/multi_dae.h"
#include "algos/multi_vae/multi_vae.h"
#include "algos/popularity/popularity.h"
#include "algos/ract/ract.h"
#include "nn/device.h"

namespace recforce::algos {

void RegisterAll(core::Registry& registry) {
  registry.Add(PopularitySpec());
  registry.Add(EaseSpec());
  registry.Add(MultiDaeSpec());
  registry.Add(MultiVaeSpec());
  registry.Add(RactSpec());
}

void SetThreads(int count) { nn::SetThreads(count); }

}  // namespace recforce::algos
