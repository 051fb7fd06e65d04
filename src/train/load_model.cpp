// SPDX-License-Identifier: Apache-2.0
// From a bundle on disk to a Recommender, and from that to lists for users.
#include <algorithm>
#include <memory>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "recforce/core/topk.h"
#include "train/open_bundle.h"
#include "train/run_folder.h"

namespace recforce::train {
namespace {

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw base::Error(base::ErrorKind::kData, where + ": " + what);
}

data::CsrView ReadHistories(const base::TensorSet& set, std::int64_t num_users, std::int64_t num_items) {
  const data::CsrView histories{set.Get("offsets").As<std::int64_t>(), set.Get("items").As<std::int32_t>()};
  const auto& offsets = histories.offsets;
  if (histories.rows() != num_users || offsets.empty() || offsets.front() != 0 ||
      offsets.back() != static_cast<std::int64_t>(histories.items.size()) ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    Fail(set.where(), "'offsets' do not cut 'items' into one row a user");
  }
  for (const std::int32_t item : histories.items) {
    if (item < 0 || item >= num_items) {
      Fail(set.where(), "an item is outside the catalogue: '" + std::to_string(item) + "'; expected [0, " +
                            std::to_string(num_items - 1) + "]");
    }
  }
  return histories;
}

std::span<const std::int32_t> ReadTrainRows(const base::TensorSet& set, std::int64_t num_users) {
  const std::span<const std::int32_t> rows = set.Get("train_rows").As<std::int32_t>();
  if (static_cast<std::int64_t>(rows.size()) != num_users ||
      std::any_of(rows.begin(), rows.end(), [&](std::int32_t row) { return row < -1 || row >= num_users; })) {
    Fail(set.where(), "'train_rows' does not hold one row of the training users, or -1, a user");
  }
  return rows;
}

}  // namespace

std::vector<std::int32_t> DistinctItems(std::span<const std::int32_t> events) {
  std::vector<std::int32_t> items;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (std::find(items.begin(), items.end(), *event) == items.end()) {
      items.push_back(*event);
    }
  }
  std::reverse(items.begin(), items.end());
  return items;
}

LoadedModel LoadModel(const core::Registry& registry, const std::filesystem::path& run, const std::string& device) {
  return LoadModel(OpenBundle(registry, run), device);
}

LoadedModel LoadModel(OpenedBundle opened, const std::string& device) {
  LoadedModel loaded;
  loaded.bundle = std::move(opened.bundle);
  loaded.item_ids = opened.item_ids;
  loaded.item_titles = opened.item_titles;
  if (loaded.bundle.catalogue.Has("context_names.offsets")) {
    loaded.context_names = data::GetStrings(loaded.bundle.catalogue, "context_names", true);
  }
  const model::Manifest& manifest = loaded.bundle.manifest;
  loaded.repeats = PreprocessingText(manifest, "duplicates") == "keep";
  loaded.masks_seen = PreprocessingText(manifest, "mask_seen") != "no";
  if (loaded.bundle.histories.Has("offsets")) {
    loaded.user_ids = data::GetStrings(loaded.bundle.histories, "user_ids", true);
    loaded.train_rows = ReadTrainRows(loaded.bundle.histories, loaded.user_ids.size());
    loaded.histories = ReadHistories(loaded.bundle.histories, loaded.user_ids.size(), manifest.num_items);
  }
  loaded.recommender = opened.spec->load(opened.config, loaded.bundle.weights, manifest.num_items, device);
  if (loaded.recommender->NumItems() != manifest.num_items) {
    Fail(loaded.bundle.weights.where(), "the model scores '" + std::to_string(loaded.recommender->NumItems()) +
                                            "' items; expected " + std::to_string(manifest.num_items));
  }
  return loaded;
}

std::vector<std::vector<Recommendation>> RecommendBatch(const LoadedModel& model, std::span<const Asker> askers,
                                                        std::int64_t n, std::optional<bool> mask_seen) {
  const std::int64_t num_items = model.recommender->NumItems();
  data::Csr distinct;
  data::Csr events;
  std::vector<std::int32_t> train_rows;
  std::vector<std::int32_t> contexts;
  for (const Asker& asker : askers) {
    distinct.AddRow(DistinctItems(asker.history));
    events.AddRow(asker.history);
    train_rows.push_back(asker.train_row);
    contexts.push_back(asker.context);
  }
  core::UserBatch users{.history = distinct.view(), .rows = train_rows, .contexts = contexts};
  if (model.repeats) {
    users.sequence = events.view();
  }
  std::vector<float> buffer(askers.size() * static_cast<std::size_t>(num_items));
  const base::MatrixView<float> scores{buffer.data(), users.size(), num_items};
  model.recommender->ScoreBatch(users, scores);
  const bool masked = mask_seen.value_or(model.masks_seen);
  std::vector<std::vector<Recommendation>> lists(askers.size());
  base::ParallelFor(0, users.size(), 16, [&](std::int64_t begin, std::int64_t end) {
    core::TopK top_k(num_items);
    for (std::int64_t user = begin; user < end; ++user) {
      const std::span<const std::int32_t> seen = masked ? distinct.row(user) : std::span<const std::int32_t>();
      for (const std::int32_t item : top_k.Select(scores.row(user), std::min(n, num_items), seen)) {
        Recommendation& recommendation = lists[static_cast<std::size_t>(user)].emplace_back();
        recommendation.item = model.item_ids[item];
        if (model.item_titles.size() != 0) {
          recommendation.title = model.item_titles[item];
        }
        recommendation.score = scores.row(user)[static_cast<std::size_t>(item)];
      }
    }
  });
  return lists;
}

std::vector<Recommendation> Recommend(const LoadedModel& model, std::span<const std::int32_t> history, std::int64_t n,
                                      std::int32_t train_row, std::optional<bool> mask_seen) {
  const Asker asker{.history = history, .train_row = train_row};
  return RecommendBatch(model, std::span(&asker, 1), n, mask_seen).front();
}

}  // namespace recforce::train
