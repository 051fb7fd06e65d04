// SPDX-License-Identifier: Apache-2.0
// Reading a finished run: its settings, its model as a Recommender, its stored evaluation.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/core/algorithm.h"
#include "recforce/data/dataset.h"
#include "recforce/data/split.h"
#include "recforce/eval/evaluator.h"
#include "recforce/model/bundle.h"
#include "train/run.h"

namespace recforce::train {

// A model ready to recommend, from the bundle alone.
struct LoadedModel {
  model::Bundle bundle;
  std::unique_ptr<core::Recommender> recommender;
  data::StringTable item_ids;                // by catalogue index; not sorted
  data::StringTable item_titles;             // empty when there are none
  data::StringTable user_ids;                // sorted; empty when histories were left out
  data::CsrView histories;                   // parallel to user_ids
  std::span<const std::int32_t> train_rows;  // parallel to user_ids: row in training, or -1
};
// `run` is a run folder or a bundle folder. Error(NotFound), or Error(Data) for an unfinished run or corrupt bundle.
LoadedModel LoadModel(const core::Registry& registry, const std::filesystem::path& run, const std::string& device);

struct Recommendation {
  std::string item;
  std::string title;  // "" when unknown
  double score = 0.0;
};
// Best first, without the items of `history` (catalogue indices). `train_row`: of the user, -1 for a stranger.
std::vector<Recommendation> Recommend(const LoadedModel& model, std::span<const std::int32_t> history, std::int64_t n,
                                      std::int32_t train_row = -1);

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
  std::int64_t users_without_targets = 0;
};
// Evaluates the run's model on the test part of its own split and keeps the result. Error(Data) when the
// dataset is not the one that the run was trained on. `data` replaces the recorded place of the dataset, if given.
StoredEvaluation EvaluateRun(base::FileSystem& files, const core::Registry& registry, const std::filesystem::path& run,
                             const std::optional<std::string>& data, const base::StopFlag* stop);
// The kept result, or empty when the run was never evaluated.
std::optional<StoredEvaluation> ReadEvaluation(const std::filesystem::path& run);

// The resolved settings of a run folder.
config::Settings ReadSettings(const core::Registry& registry, const std::filesystem::path& run);

}  // namespace recforce::train
