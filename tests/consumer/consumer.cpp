// SPDX-License-Identifier: Apache-2.0
// Uses recforce as a library: writes a generated log, opens it, splits it, trains the popularity model through the
// registry and evaluates it. Exits 0 when the result is what it must be.
#include <algos/register_all.h>
#include <recforce/base/error.h>
#include <recforce/base/file_system.h>
#include <recforce/core/algorithm.h>
#include <recforce/data/dataset.h>
#include <recforce/data/generate.h>
#include <recforce/data/split.h>
#include <recforce/eval/evaluator.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using recforce::core::AlgorithmSpec;
using recforce::core::Trainer;

void Train(Trainer& trainer) {
  const auto phases = trainer.Phases();
  for (std::size_t phase = 0; phase < phases.size(); ++phase) {
    trainer.BeginPhase(static_cast<std::int64_t>(phase));
    for (std::int64_t epoch = 0; epoch < phases[phase].epochs; ++epoch) {
      trainer.Epoch({.phase = static_cast<std::int64_t>(phase), .epoch = epoch, .stop = nullptr, .progress = {}});
    }
    trainer.EndPhase();
  }
}

double TestNdcg(const fs::path& folder) {
  recforce::data::GenerateDataset(recforce::base::RealFileSystem(), "tiny", 1, folder);
  const auto dataset = recforce::data::Dataset::Open(folder);
  const auto split = recforce::data::MakeSplit(dataset, {});

  recforce::core::Registry registry;
  recforce::algos::RegisterAll(registry);
  const AlgorithmSpec& spec = registry.Get("popularity");
  const recforce::core::TrainView view{.interactions = split.train.view(), .num_items = split.num_items()};
  const std::unique_ptr<Trainer> trainer = spec.make_trainer(spec.make_config(), view, {});
  Train(*trainer);

  const std::vector<std::string> names = {"ndcg@10"};
  const auto metrics = recforce::eval::ParseMetrics(names);
  return recforce::eval::Evaluate(trainer->Current(), split.test, metrics, 100).Mean(0);
}

}  // namespace

int main() {
  const fs::path folder = fs::temp_directory_path() / "recforce_consumer";
  try {
    const double ndcg = TestNdcg(folder);
    fs::remove_all(folder);
    std::printf("consumer: popularity reaches ndcg@10 %.4f\n", ndcg);
    return ndcg > 0.0 && ndcg <= 1.0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "consumer: %s\n", error.what());
    return 1;
  }
}
