// SPDX-License-Identifier: Apache-2.0
// Learning, one epoch at a time. A Trainer has no loop, no files and no log: `train` owns those.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "recforce/base/stop_flag.h"
#include "recforce/base/tensor_file.h"
#include "recforce/core/environment.h"
#include "recforce/core/recommender.h"
#include "recforce/data/csr.h"
#include "recforce/data/display_set.h"

namespace recforce::core {

// How users of an environment are recommended to.
struct EpisodePlan {
  std::int64_t slate = 3;     // items shown at once
  std::int64_t horizon = 20;  // slates shown to a user before the next one takes its place
};

// What a trainer learns from. Must outlive the trainer.
struct TrainView {
  data::CsrView interactions;  // [users] rows over the catalogue, time order, items distinct, nothing held out
  std::int64_t num_items = 0;
  data::CsrView sequences = {};  // [users] the same with repeated items; no rows: nothing is repeated
  // What the log says of every event, parallel to events().items; empty where it does not say, or where the model did
  // not ask for it (AlgorithmSpec::reads_columns).
  std::span<const float> values = {};
  std::span<const std::int64_t> times = {};  // seconds
  std::span<const float> propensities = {};  // of showing the item, as logged
  // What was known of the request that an event answers (page, device), in [0, num_contexts), -1: not known.
  std::span<const std::int32_t> contexts = {};
  std::int64_t num_contexts = 0;
  // Ids as in the log, for models that bring numbers of their own; empty in most tests.
  std::function<std::string_view(std::int64_t row)> user_id = {};
  std::function<std::string_view(std::int64_t item)> item_id = {};
  // Of models that need displays, with what selects their weights; null for others.
  const data::DisplaySet* displays = nullptr;
  const data::DisplaySet* validation_displays = nullptr;  // null: nothing is validated
  // Of models that need an environment, and what is shown in it; null for others.
  const Environment* environment = nullptr;
  EpisodePlan episodes = {};

  // What a sequence model reads.
  [[nodiscard]] const data::CsrView& events() const { return sequences.rows() == 0 ? interactions : sequences; }
};

struct TrainerContext {
  std::uint64_t seed = 1;
  std::string device = "cpu";  // "cpu", "cuda", "cuda:1"
};

// A stretch of training with its own loss ("actor", "critic", "finetune"; one phase "train" for most).
struct Phase {
  std::string name;
  std::int64_t epochs = 1;
  std::int64_t patience = 0;  // epochs without a better validation value before the phase ends; 0: never early
};

struct EpochContext {
  std::int64_t phase = 0;                                               // index into Phases()
  std::int64_t epoch = 0;                                               // of the phase, from 0
  const base::StopFlag* stop = nullptr;                                 // polled at least once a step; may be null
  std::function<void(std::int64_t done, std::int64_t total)> progress;  // steps; may be empty
};

using Metrics = std::vector<std::pair<std::string, double>>;  // in the order in which they are shown

// Call order: (BeginPhase (Epoch KeepBest?)* EndPhase)* Export. LoadState may replace everything before it.
// Not thread-safe. Everything is a function of (view, config, context.seed): same inputs, same bytes.
class Trainer {
 public:
  virtual ~Trainer() = default;
  [[nodiscard]] virtual std::vector<Phase> Phases() const = 0;
  virtual void BeginPhase(std::int64_t phase) = 0;
  // One pass. Returns what was measured on the way ("loss", ...). Error(Diverged) on NaN or infinity;
  // Error(Interrupted) when stopped, after which only destruction or LoadState is allowed.
  virtual Metrics Epoch(const EpochContext& context) = 0;
  // The model as it is now. Valid until the next call that changes the trainer.
  [[nodiscard]] virtual const Recommender& Current() const = 0;
  // AlgorithmSpec::own_metric on validation data, higher is better; empty where there is none to measure it on.
  [[nodiscard]] virtual std::optional<double> Validate(const base::StopFlag* /*stop*/) { return std::nullopt; }
  // Remember the weights as they are now: the best by validation so far, over all phases.
  virtual void KeepBest() = 0;
  // Weights become the remembered ones (as they are, if KeepBest was never called), and auxiliary parts stay.
  virtual void EndPhase() = 0;
  // Tensors of the model as it is now, as AlgorithmSpec::load reads them. The views live as long as the result.
  [[nodiscard]] virtual base::TensorSet Export() const = 0;
  // All that Epoch depends on, besides the arguments of make_trainer: weights, optimiser, step counts, the best.
  [[nodiscard]] virtual base::TensorSet SaveState() const = 0;
  // Error(Data) when the state is of another shape or phase.
  virtual void LoadState(const base::TensorSet& state, std::int64_t phase) = 0;
};

}  // namespace recforce::core
