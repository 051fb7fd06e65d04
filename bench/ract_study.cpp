// SPDX-License-Identifier: Apache-2.0
// Fine-tunes one actor in several ways, for bench/ract_results.py: stage 1 is the same for all of them, so it is run
// once. Prints a line of JSON for the actor and for each way of fine-tuning.
//
//   ract_study DATA SEED VALIDATION_USERS TEST_USERS SETTINGS [LABEL SETTINGS ...]
//
// SETTINGS: key=value of section `ract`, separated by blanks; those of a label come after the first ones. Strong
// generalisation; the split has the seed of the model. Weights are chosen by NDCG@100 of the validation users, and the
// test users are looked at once for each label.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "algos/ract/ract_trainer.h"
#include "recforce/base/error.h"
#include "recforce/config/settings.h"
#include "recforce/data/dataset.h"
#include "recforce/data/split.h"
#include "recforce/eval/evaluator.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

algos::RactConfig ConfigOf(const std::string& shared, const std::string& own) {
  config::Settings settings({config::Section::Make<algos::RactConfig>("ract", algos::RactFields())}, "ract");
  std::istringstream words(shared + " " + own);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    settings.Set("ract." + word.substr(0, equals), word.substr(equals + 1), "the command line");
  }
  return settings.section("ract").As<algos::RactConfig>();
}

struct Study {
  const data::Split& split;
  std::vector<eval::Metric> metrics = eval::ParseMetrics(std::vector<std::string>{"ndcg@100"});

  [[nodiscard]] double Validate(const core::Recommender& model) const {
    return eval::Evaluate(model, split.validation, metrics, {}).Mean(0);
  }
  [[nodiscard]] std::vector<double> Test(const core::Recommender& model) const {
    return eval::Evaluate(model, split.test, metrics, {}).Column(0);
  }

  // Runs one phase. Returns the best validation value, or what was there before it if nothing is better.
  double RunPhase(algos::RactTrainer& trainer, std::int64_t number, std::optional<double> best,
                  nlohmann::json& line) const {
    const core::Phase phase = trainer.Phases()[static_cast<std::size_t>(number)];
    trainer.BeginPhase(number);
    std::int64_t last = 0;
    for (std::int64_t epoch = 0; epoch < phase.epochs; ++epoch) {
      const core::Metrics metrics = trainer.Epoch({.phase = number, .epoch = epoch});
      for (const auto& [name, value] : metrics) {
        line[phase.name][name] = value;
      }
      if (phase.name == "critic") {
        continue;
      }
      const double value = Validate(trainer.Current());
      line["curve"].push_back(std::round(value * 1e5) / 1e5);
      if (!best || value > *best) {
        best = value;
        last = epoch;
        line["epoch"] = epoch;
        trainer.KeepBest();
      } else if (phase.patience > 0 && epoch - last >= phase.patience) {
        break;
      }
    }
    trainer.EndPhase();
    return best.value_or(0.0);
  }
};

void Main(int count, char** words) {
  UseAllCores();
  const std::vector<std::string> arguments(words + 1, words + count);
  if (arguments.size() < 5 || arguments.size() % 2 == 0) {
    throw base::Error(base::ErrorKind::kUsage,
                      "expected DATA SEED VALIDATION_USERS TEST_USERS SETTINGS [LABEL SETTINGS ...]");
  }
  const std::int64_t seed = std::stoll(arguments[1]);
  const data::Dataset dataset = data::Dataset::Open(arguments[0]);
  const data::Split split = data::MakeSplit(
      dataset, {.seed = seed, .validation_users = std::stoll(arguments[2]), .test_users = std::stoll(arguments[3])});
  const core::TrainView view{split.train.view(), split.num_items()};
  const core::TrainerContext context{.seed = static_cast<std::uint64_t>(seed)};
  const Study study{split};
  algos::RactTrainer first(ConfigOf(arguments[4], ""), view, context);
  nlohmann::json line = {{"label", "actor"}, {"seed", seed}, {"users", view.interactions.rows()}};
  const double start = study.RunPhase(first, 0, std::nullopt, line);
  line["validation"] = start;
  line["test"] = study.Test(first.Current());
  std::cout << line.dump() << std::endl;
  const base::TensorSet actor = first.SaveState();
  for (std::size_t at = 5; at < arguments.size(); at += 2) {
    algos::RactTrainer trainer(ConfigOf(arguments[4], arguments[at + 1]), view, context);
    trainer.actor().Load(actor);
    trainer.actor().RestoreBest();
    line = {{"label", arguments[at]}, {"seed", seed}, {"epoch", -1}};
    double best = start;
    for (std::int64_t number = 1; number < static_cast<std::int64_t>(trainer.Phases().size()); ++number) {
      best = study.RunPhase(trainer, number, best, line);
    }
    line["validation"] = best;
    line["test"] = study.Test(trainer.Current());
    std::cout << line.dump() << std::endl;
  }
}

}  // namespace
}  // namespace recforce::bench

int main(int count, char** words) {
  try {
    recforce::bench::Main(count, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ract_study: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
