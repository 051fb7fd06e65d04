// SPDX-License-Identifier: Apache-2.0
#include "algos/register_all.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "algos/bpr/bpr.h"
#include "algos/cdqn/cdqn.h"
#include "algos/drr/drr.h"
#include "algos/ease/ease.h"
#include "algos/factors/factors.h"
#include "algos/gan_user_model/gan_user_model.h"
#include "algos/gru4rec/gru4rec.h"
#include "algos/ials/ials.h"
#include "algos/itemknn/itemknn.h"
#include "algos/multi_dae/multi_dae.h"
#include "algos/multi_vae/multi_vae.h"
#include "algos/pmf/pmf.h"
#include "algos/popularity/popularity.h"
#include "algos/ract/ract.h"
#include "algos/recvae/recvae.h"
#include "algos/sasrec/sasrec.h"
#include "algos/slim/slim.h"
#include "algos/topk_reinforce/topk_reinforce.h"
#include "algos/userknn/userknn.h"
#include "nn/blas.h"
#include "nn/device.h"
#include "nn/gemm.h"

namespace recforce::algos {
namespace {

// libtorch's errors come out as ours, and a device is refused where it would make no difference.
core::AlgorithmSpec Checked(core::AlgorithmSpec spec) {
  const auto check = [name = spec.name, uses_device = spec.uses_device](const std::string& device) {
    if (!uses_device && device != "cpu") {
      throw base::Error(base::ErrorKind::kUsage,
                        "device: '" + name + "' runs on the CPU alone: '" + device + "'; expected cpu");
    }
  };
  spec.make_trainer = [check, make = std::move(spec.make_trainer)](const config::Section& section,
                                                                   const core::TrainView& view,
                                                                   const core::TrainerContext& context) {
    check(context.device);
    return nn::Guarded([&] { return make(section, view, context); });
  };
  // load, load_environment and load_policy differ in what they return alone.
  const auto check_load = [&check](auto& load) {
    if (load) {
      load = [check, make = std::move(load)](const config::Section& section, const base::TensorSet& tensors,
                                             std::int64_t num_items, const std::string& device) {
        check(device);
        return nn::Guarded([&] { return make(section, tensors, num_items, device); });
      };
    }
  };
  check_load(spec.load);
  check_load(spec.load_environment);
  check_load(spec.load_policy);
  return spec;
}

}  // namespace

void RegisterAll(core::Registry& registry) {
  nn::UseOneBlasThread();
  registry.Add(Checked(PopularitySpec()));
  registry.Add(Checked(ItemKnnSpec()));
  registry.Add(Checked(UserKnnSpec()));
  registry.Add(Checked(SlimSpec()));
  registry.Add(Checked(EaseSpec()));
  registry.Add(Checked(IalsSpec()));
  registry.Add(Checked(PmfSpec()));
  registry.Add(Checked(BprSpec()));
  registry.Add(Checked(FactorsSpec()));
  registry.Add(Checked(MultiDaeSpec()));
  registry.Add(Checked(MultiVaeSpec()));
  registry.Add(Checked(RactSpec()));
  registry.Add(Checked(RecvaeSpec()));
  registry.Add(Checked(SasrecSpec()));
  registry.Add(Checked(GanUserModelSpec()));
  registry.Add(Checked(Gru4recSpec()));
  registry.Add(Checked(CdqnSpec()));
  registry.Add(Checked(TopKReinforceSpec()));
  registry.Add(Checked(DrrSpec({IalsSpec(), BprSpec(), PmfSpec()})));
}

void StartWithFastBlas(char* const* argv) {
  constexpr const char* kVariable = "OPENBLAS_CORETYPE";
  if (const std::string kernels = nn::BetterBlasKernels(); !kernels.empty() && std::getenv(kVariable) == nullptr) {
    setenv(kVariable, kernels.c_str(), 0);
    execv("/proc/self/exe", argv);  // returns only where that cannot be done: slow, and right
  }
}

}  // namespace recforce::algos
