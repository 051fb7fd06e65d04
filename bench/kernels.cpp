// SPDX-License-Identifier: Apache-2.0
// The kernels one by one, with the bytes they must move: what is far from memory bandwidth is worth a look.
#include <benchmark/benchmark.h>

#include <vector>

#include "nn/adam.h"
#include "nn/kernels.h"
#include "nn/torch.h"
#include "random_log.h"
#include "recforce/core/topk.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kUsers = 500;
constexpr std::int64_t kItems = 20108;
constexpr std::int64_t kHidden = 600;

const data::Csr& Rows() {
  static const data::Csr rows = RandomLog(kUsers, kItems, 72);
  return rows;
}

void Report(benchmark::State& state, std::int64_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * bytes);
}

void BagTanh(benchmark::State& state) {
  const torch::Tensor table = torch::randn({kItems, kHidden});
  const torch::Tensor bias = torch::zeros({kHidden});
  torch::Tensor out = torch::empty({kUsers, kHidden});
  const std::vector<float> scale(kUsers, 0.1F);
  for (auto _ : state) {
    nn::BagTanh(Rows().view(), scale, table, bias, out);
  }
  Report(state, Rows().nnz() * kHidden * 4);
}
BENCHMARK(BagTanh)->UseRealTime()->Unit(benchmark::kMillisecond);

void BagGradient(benchmark::State& state) {
  const nn::ItemMajor by_item = nn::ByItem(Rows().view(), kItems);
  const torch::Tensor d = torch::randn({kUsers, kHidden});
  const std::vector<float> scale(kUsers, 0.1F);
  for (auto _ : state) {
    benchmark::DoNotOptimize(nn::BagGradient(by_item, scale, d));
  }
  Report(state, Rows().nnz() * kHidden * 4);
}
BENCHMARK(BagGradient)->UseRealTime()->Unit(benchmark::kMillisecond);

void SoftmaxNllGradient(benchmark::State& state) {
  torch::Tensor logits = torch::randn({kUsers, kItems});
  const torch::Tensor bias = torch::zeros({kItems});
  const std::vector<double> weight(kUsers, 1.0);
  for (auto _ : state) {
    nn::SoftmaxNllGradient(logits, bias, Rows().view(), weight);
  }
  Report(state, kUsers * kItems * 4 * 2);
}
BENCHMARK(SoftmaxNllGradient)->UseRealTime()->Unit(benchmark::kMillisecond);

void ColumnSums(benchmark::State& state) {
  const torch::Tensor values = torch::randn({kUsers, kItems});
  for (auto _ : state) {
    benchmark::DoNotOptimize(nn::ColumnSums(values));
  }
  Report(state, kUsers * kItems * 4);
}
BENCHMARK(ColumnSums)->UseRealTime()->Unit(benchmark::kMillisecond);

void AdamTable(benchmark::State& state) {
  torch::Tensor table = torch::randn({kItems, kHidden});
  const torch::Tensor gradient = torch::randn({kItems, kHidden});
  nn::Adam adam(std::vector<torch::Tensor>{table}, {});
  for (auto _ : state) {
    adam.BeginStep();
    adam.Update(0, table, gradient);
  }
  Report(state, kItems * kHidden * 4 * 7);
}
BENCHMARK(AdamTable)->UseRealTime()->Unit(benchmark::kMillisecond);

void TopHundred(benchmark::State& state) {
  const std::int64_t items = state.range(0);
  const torch::Tensor scores = torch::randn({items});
  const std::vector<std::int32_t> masked = {1, 5, 9};
  core::TopK top(items);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        top.Select({scores.data_ptr<float>(), static_cast<std::size_t>(items)}, 100, masked).data());
  }
  Report(state, items * 4);
}
BENCHMARK(TopHundred)->Arg(3706)->Arg(20108)->Arg(100000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace recforce::bench

int main(int argc, char** argv) {
  recforce::bench::UseAllCores();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
