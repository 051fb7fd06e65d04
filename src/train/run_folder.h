// SPDX-License-Identifier: Apache-2.0
// Reading a finished run: its settings, its data, its model as a Recommender, its stored evaluation.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/floors.h"
#include "recforce/base/file_system.h"
#include "recforce/core/algorithm.h"
#include "recforce/data/dataset.h"
#include "recforce/data/split.h"
#include "recforce/eval/evaluator.h"
#include "recforce/model/bundle.h"
#include "train/choice_table.h"
#include "train/run.h"

namespace recforce::train {

// A model ready to recommend, from the bundle alone.
struct LoadedModel {
  model::Bundle bundle;
  std::unique_ptr<core::Recommender> recommender;
  data::StringTable item_ids;                // by catalogue index; not sorted
  data::StringTable item_titles;             // empty when there are none
  data::StringTable context_names;           // of contexts by their number; empty when the log had none
  data::StringTable user_ids;                // sorted; empty when histories were left out
  data::CsrView histories;                   // parallel to user_ids; with repeats where the log keeps them
  std::span<const std::int32_t> train_rows;  // parallel to user_ids: row in training, or -1
  bool repeats = false;                      // the log keeps repeats, and histories are sequences
  bool masks_seen = true;                    // the model was tested without the items that it was shown
};
// `run` is a run folder or a bundle folder. Error(NotFound), or Error(Data) for an unfinished run or corrupt bundle.
LoadedModel LoadModel(const core::Registry& registry, const std::filesystem::path& run, const std::string& device);
struct OpenedBundle;  // train/open_bundle.h
LoadedModel LoadModel(OpenedBundle opened, const std::string& device);

// Each item where it stands last: what models that do not read repeats know of a history.
std::vector<std::int32_t> DistinctItems(std::span<const std::int32_t> events);

struct Recommendation {
  std::string item;
  std::string title;  // "" when unknown
  double score = 0.0;
};
struct Asker {
  std::span<const std::int32_t> history;  // catalogue indices, oldest first
  std::int32_t train_row = -1;            // of the user, -1 for a stranger
  std::int32_t context = -1;              // of the request, into context_names; -1: not known
};
// A list for each, as Recommend makes it.
std::vector<std::vector<Recommendation>> RecommendBatch(const LoadedModel& model, std::span<const Asker> askers,
                                                        std::int64_t n, std::optional<bool> mask_seen = std::nullopt);
// Best first. `history`: catalogue indices, oldest first; of a repeated item only the last event counts, but for models
// that read sequences. Its items come again only if `mask_seen` is false; by default as the model was tested.
// `train_row`: of the user, -1 for a stranger.
std::vector<Recommendation> Recommend(const LoadedModel& model, std::span<const std::int32_t> history, std::int64_t n,
                                      std::int32_t train_row = -1, std::optional<bool> mask_seen = std::nullopt);

// The test-set result of a run, kept as RUN/evaluation.safetensors with the fingerprint of its split.
struct StoredEvaluation {
  eval::EvalResult result;
  std::string split_fingerprint;
  std::vector<std::string> user_ids;  // of each row; a session may have several
  std::string ties = "pessimistic";
  std::string definitions = "recforce";
  std::string candidates = "all";         // what was ranked: "all" of the catalogue, "given" lists or "sampled" ones
  std::string groups = "none";            // how users were grouped: EvalConfig::groups
  std::vector<std::string> group_names;   // in order, least first
  std::vector<std::int32_t> user_groups;  // of each row, an index of group_names; empty without groups
  std::int64_t cold_targets_dropped = 0;
  std::int64_t seen_targets_dropped = 0;
  std::int64_t users_without_targets = 0;
  double seconds = 0.0;  // scoring, ranking and metrics, without opening anything; not kept, so that files do not vary
};
// How many items of each user's list are kept.
inline constexpr std::int64_t kKeptTopItems = 10;
// Evaluates the run's model on the test part of its own split and keeps the result, in place of one kept before.
// Error(Data) when the dataset is not the one that the run was trained on. `data` replaces the recorded place of the
// dataset, if given; `settings` ("eval.ties=optimistic") those of the run's section eval. Error(Usage) for other
// sections. `choices`, if asked for, becomes MakeChoiceTable of the split; it is not kept, the model makes it again.
// Nor are `floors`, what the result is to be compared with, which cost twice the evaluation.
StoredEvaluation EvaluateRun(base::FileSystem& files, const core::Registry& registry, const std::filesystem::path& run,
                             const std::optional<std::string>& data, const base::StopFlag* stop,
                             const std::vector<std::string>& settings = {}, std::vector<ChoiceRow>* choices = nullptr,
                             eval::FloorTable* floors = nullptr);
void WriteEvaluation(base::FileSystem& files, const std::filesystem::path& run, const StoredEvaluation& evaluation);
// The kept result, or empty when the run was never evaluated.
std::optional<StoredEvaluation> ReadEvaluation(const std::filesystem::path& run);
// The kept result, or that of EvaluateRun with the run's own settings; `notice`, which may be empty, hears of the
// latter before it begins.
StoredEvaluation KeptOrNewEvaluation(base::FileSystem& files, const core::Registry& registry,
                                     const std::filesystem::path& run, const std::optional<std::string>& data,
                                     const base::StopFlag* stop, const std::function<void(const std::string&)>& notice);
// Error(Data) when a kept list names an item outside a catalogue of `num_items`, which the file itself does not know.
void CheckTopItems(const StoredEvaluation& evaluation, const std::filesystem::path& run, std::int64_t num_items);

// A dataset and its split.
struct RunData {
  data::Dataset dataset;
  data::Split split;
};
// Those that a run was trained on. `data` replaces the recorded place of the dataset, if given.
// Error(Data) when either is not that of the run.
RunData OpenDataOfRun(const core::Registry& registry, const std::filesystem::path& run,
                      const std::optional<std::string>& data);

// The model of a finished run, on the run's device. Error(Data) where it learnt from another split; else as LoadModel.
LoadedModel LoadModelOfRun(const core::Registry& registry, const std::filesystem::path& run, const RunInfo& info,
                           const config::Settings& settings);

// All of a finished run that an evaluation needs.
struct OpenedRun {
  RunInfo info;
  config::Settings settings;
  RunData data;
  LoadedModel model;
};
// `data` and `changes` as `data` and `settings` of EvaluateRun, with its errors.
OpenedRun OpenFinishedRun(const core::Registry& registry, const std::filesystem::path& run,
                          const std::optional<std::string>& data, const std::vector<std::string>& changes);

// The resolved settings of a run folder.
config::Settings ReadSettings(const core::Registry& registry, const std::filesystem::path& run);

}  // namespace recforce::train
