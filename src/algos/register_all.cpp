// SPDX-License-Identifier: Apache-2.0
#include "algos/register_all.h"

#include "algos/bpr/bpr.h"
#include "algos/ease/ease.h"
#include "algos/factors/factors.h"
#include "algos/ials/ials.h"
#include "algos/itemknn/itemknn.h"
#include "algos/multi_dae/multi_dae.h"
#include "algos/multi_vae/multi_vae.h"
#include "algos/popularity/popularity.h"
#include "algos/ract/ract.h"
#include "algos/slim/slim.h"
#include "algos/userknn/userknn.h"
#include "nn/gemm.h"

namespace recforce::algos {

void RegisterAll(core::Registry& registry) {
  nn::UseOneBlasThread();
  registry.Add(PopularitySpec());
  registry.Add(ItemKnnSpec());
  registry.Add(UserKnnSpec());
  registry.Add(SlimSpec());
  registry.Add(EaseSpec());
  registry.Add(IalsSpec());
  registry.Add(BprSpec());
  registry.Add(FactorsSpec());
  registry.Add(MultiDaeSpec());
  registry.Add(MultiVaeSpec());
  registry.Add(RactSpec());
}

}  // namespace recforce::algos
