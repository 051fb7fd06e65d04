// SPDX-License-Identifier: Apache-2.0
// One training step of Multi-VAE at the shape of MovieLens-20M (20,108 items, 500 users of 72 clicks, 600-200-600):
// ours, batch building included; the same step in dense libtorch autograd with torch::optim::Adam; and the three
// GEMMs of the output layer alone, which no implementation can avoid.
#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include "algos/common/actor_learner.h"
#include "nn/gemm.h"
#include "nn/torch.h"
#include "random_log.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kItems = 20108;
constexpr std::int64_t kUsers = 500;
constexpr std::int64_t kClicks = 72;
constexpr std::int64_t kHidden = 600;
constexpr std::int64_t kLatent = 200;

// Multi-VAE as one would write it with torch::nn.
struct DenseVae : torch::nn::Module {
  DenseVae() {
    encoder = register_module("encoder", torch::nn::Linear(kItems, kHidden));
    code = register_module("code", torch::nn::Linear(kHidden, 2 * kLatent));
    decoder = register_module("decoder", torch::nn::Linear(kLatent, kHidden));
    output = register_module("output", torch::nn::Linear(kHidden, kItems));
  }
  torch::Tensor Loss(const torch::Tensor& x, double beta) {
    const torch::Tensor input = torch::dropout(torch::nn::functional::normalize(x), 0.5, true);
    const auto parts = code(torch::tanh(encoder(input))).chunk(2, 1);
    const torch::Tensor sigma = (0.5 * parts[1]).exp();
    const torch::Tensor z = parts[0] + torch::randn_like(sigma) * sigma;
    const torch::Tensor logits = output(torch::tanh(decoder(z)));
    const torch::Tensor nll = -(torch::log_softmax(logits, 1) * x).sum(1).mean();
    const torch::Tensor kl = 0.5 * (parts[0].square() + parts[1].exp() - parts[1] - 1).sum(1).mean();
    return nll + beta * kl;
  }
  torch::nn::Linear encoder{nullptr}, code{nullptr}, decoder{nullptr}, output{nullptr};
};

void Main() {
  UseAllCores();
  const data::Csr rows = RandomLog(kUsers, kItems, kClicks);

  algos::ActorLearner learner({rows.view(), kItems}, {.shape = {kItems, kHidden, kLatent, true}}, {});
  std::int64_t epoch = 0;

  DenseVae dense;
  torch::optim::Adam adam(dense.parameters(), torch::optim::AdamOptions(1e-3));

  const torch::Tensor hidden = torch::randn({kUsers, kHidden});
  const torch::Tensor weight = torch::randn({kItems, kHidden});
  torch::Tensor logits = torch::empty({kUsers, kItems});
  torch::Tensor by_hidden = torch::empty({kUsers, kHidden});
  torch::Tensor by_weight = torch::empty({kItems, kHidden});

  std::vector<Contender> contenders = {
      {"recforce step",
       [&] {
         core::EpochContext context;
         context.epoch = epoch++;
         learner.Epoch(context);
       }},
      {"dense libtorch step",
       [&] {
         const nn::ManyBlasThreads threads;
         torch::Tensor x = torch::zeros({kUsers, kItems});
         for (std::int64_t user = 0; user < kUsers; ++user) {
           for (const std::int32_t item : rows.row(user)) {
             x.data_ptr<float>()[user * kItems + item] = 1.0F;
           }
         }
         adam.zero_grad();
         dense.Loss(x, 0.1).backward();
         adam.step();
       }},
      {"three GEMMs",
       [&] {
         const nn::ManyBlasThreads threads;
         torch::mm_out(logits, hidden, weight.t());
         torch::mm_out(by_hidden, logits, weight);
         torch::mm_out(by_weight, logits.t(), hidden);
       }},
  };
  Run(contenders, 7);
  const double flops = 3.0 * 2.0 * static_cast<double>(kUsers * kItems * kHidden);
  std::printf("three GEMMs run at %.0f GFLOP/s\n", flops / Median(contenders[2].seconds) * 1e-9);
  PrintRatio("multi_vae_step speed-up", contenders[1], contenders[0], "at least 2.5");
  PrintRatio("multi_vae_step over floor", contenders[0], contenders[2], "at most 1.5");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
