// SPDX-License-Identifier: Apache-2.0
#include "cli/ope_policies.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "train/run_folder.h"

namespace recforce::cli {
namespace {

constexpr std::int64_t kDecisionsScored = 512;               // at once
constexpr std::int64_t kKeptScores = std::int64_t{1} << 28;  // for all decisions: more are scored as they are asked for

class ModelPolicy final : public ope::ActionDistribution {
 public:
  ModelPolicy(train::LoadedModel model, const std::string& name, const data::DecisionLog& log,
              const ModelPolicyOptions& options)
      : model_(std::move(model)), log_(log), options_(options), decisions_(log.DecisionOfSlots()) {
    MatchItems();
    const auto known = static_cast<std::int64_t>(known_.size());
    if (known < log.num_items()) {
      base::LogWarn(name + ": knows " + base::FormatCount(known) + " of " + base::FormatCount(log.num_items()) +
                    " items of the log, and would show no others");
    }
    if (log.history.rows() == 0) {
      base::LogWarn(log.source + ": the log has no histories: " + name + " takes every user for a stranger");
    }
    MatchHistories();
    RequireKnownItems();
    if (log.size() * model_.recommender->NumItems() <= kKeptScores) {
      KeepScores();
    }
  }

  void Probabilities(std::int64_t round, std::span<double> out) const override {
    ProbabilitiesOf(round, {out.data(), 1, static_cast<std::int64_t>(out.size())});
  }

  void ProbabilitiesOf(std::int64_t first, base::MatrixView<double> out) const override {
    const std::int64_t begin = decisions_[static_cast<std::size_t>(first)];
    const std::int64_t items = model_.recommender->NumItems();
    std::vector<float> own;
    const float* scores = scores_.data() + begin * items;
    if (scores_.empty()) {
      const std::int64_t end = decisions_[static_cast<std::size_t>(first + out.rows - 1)] + 1;
      own.resize(static_cast<std::size_t>((end - begin) * items));
      Score(begin, end, own.data());
      scores = own.data();
    }
    for (std::int64_t row = 0; row < out.rows; ++row) {
      const std::int64_t decision = decisions_[static_cast<std::size_t>(first + row)];
      Decide(first + row, decision, scores + (decision - begin) * items, out.row(row));
    }
  }

 private:
  void Decide(std::int64_t round, std::int64_t decision, const float* scores, std::span<double> out) const {
    std::vector<std::int32_t> items = Candidates(decision);
    const std::int64_t first = log_.first[static_cast<std::size_t>(decision)];
    const std::int64_t slots = log_.first[static_cast<std::size_t>(decision) + 1] - first;
    // Best first; what the slots before show is not to be had again, and does not count among the best.
    const auto better = [&](std::int32_t a, std::int32_t b) {
      const float left = scores[Known(a)];
      const float right = scores[Known(b)];
      return left != right ? left > right : a < b;
    };
    const std::int64_t limit =
        options_.candidates > 0 ? std::max(options_.candidates, slots) : std::numeric_limits<std::int64_t>::max();
    if (static_cast<std::int64_t>(items.size()) > limit) {
      std::partial_sort(items.begin(), items.begin() + limit, items.end(), better);
      items.resize(static_cast<std::size_t>(limit));
    }
    std::fill(out.begin(), out.end(), 0.0);
    const auto shown =
        std::span(log_.item).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(round - first));
    items.erase(
        std::remove_if(items.begin(), items.end(),
                       [&](std::int32_t item) { return std::find(shown.begin(), shown.end(), item) != shown.end(); }),
        items.end());
    if (items.empty()) {
      return;  // everything that it knows has been shown
    }
    const auto certain = static_cast<std::int64_t>(options_.greedy * static_cast<double>(slots));
    if (round - first < certain) {
      out[static_cast<std::size_t>(*std::min_element(items.begin(), items.end(), better))] = 1.0 - options_.epsilon;
    } else {
      Softmax(items, scores, out);
    }
    for (const std::int32_t item : items) {
      out[static_cast<std::size_t>(item)] += options_.epsilon / static_cast<double>(items.size());
    }
  }
  [[nodiscard]] std::size_t Known(std::int32_t item) const {
    return static_cast<std::size_t>(catalogue_[static_cast<std::size_t>(item)]);
  }
  void Softmax(std::span<const std::int32_t> items, const float* scores, std::span<double> out) const {
    double top = -std::numeric_limits<double>::infinity();
    for (const std::int32_t item : items) {
      top = std::max(top, static_cast<double>(scores[Known(item)]) / options_.temperature);
    }
    double sum = 0.0;
    for (const std::int32_t item : items) {
      double& share = out[static_cast<std::size_t>(item)];
      share = std::exp(static_cast<double>(scores[Known(item)]) / options_.temperature - top);
      sum += share;
    }
    for (const std::int32_t item : items) {
      out[static_cast<std::size_t>(item)] *= (1.0 - options_.epsilon) / sum;
    }
  }
  // Items of the log that the model knows and the decision could choose.
  [[nodiscard]] std::vector<std::int32_t> Candidates(std::int64_t decision) const {
    if (log_.candidates.rows() == 0) {
      return known_;
    }
    std::vector<std::int32_t> items;
    for (const std::int32_t item : log_.candidates.row(decision)) {
      if (catalogue_[static_cast<std::size_t>(item)] >= 0) {
        items.push_back(item);
      }
    }
    return items;
  }
  void MatchItems() {
    std::unordered_map<std::string, std::int32_t> place;
    for (std::int64_t item = 0; item < model_.item_ids.size(); ++item) {
      place.emplace(model_.item_ids[item], static_cast<std::int32_t>(item));
    }
    for (std::int32_t item = 0; item < static_cast<std::int32_t>(log_.num_items()); ++item) {
      const auto found = place.find(log_.item_ids[static_cast<std::size_t>(item)]);
      catalogue_.push_back(found == place.end() ? -1 : found->second);
      if (found != place.end()) {
        known_.push_back(item);
      }
    }
  }
  void MatchHistories() {
    std::vector<std::int32_t> row;
    for (std::int64_t decision = 0; decision < log_.size(); ++decision) {
      row.clear();
      if (log_.history.rows() != 0) {
        for (const std::int32_t item : log_.history.row(decision)) {
          if (catalogue_[static_cast<std::size_t>(item)] >= 0) {
            row.push_back(catalogue_[static_cast<std::size_t>(item)]);
          }
        }
      }
      sequences_.AddRow(row);
      histories_.AddRow(train::DistinctItems(row));
    }
  }
  void RequireKnownItems() const {
    for (std::int64_t decision = 0; decision < log_.size(); ++decision) {
      if (Candidates(decision).empty()) {
        throw base::Error(base::ErrorKind::kData, log_.source + ": decision " + std::to_string(decision + 1) +
                                                      ": the model knows no item that could be chosen; expected a "
                                                      "model of the same catalogue");
      }
      if (log_.candidates.rows() == 0) {
        break;  // the same for all
      }
    }
  }
  void Score(std::int64_t begin, std::int64_t end, float* out) const {
    core::UserBatch users{.history = histories_.view().Slice(begin, end)};
    if (model_.repeats) {
      users.sequence = sequences_.view().Slice(begin, end);
    }
    model_.recommender->ScoreBatch(users, {out, end - begin, model_.recommender->NumItems()});
  }
  void KeepScores() {
    const std::int64_t items = model_.recommender->NumItems();
    scores_.resize(static_cast<std::size_t>(log_.size() * items));
    for (std::int64_t begin = 0; begin < log_.size(); begin += kDecisionsScored) {
      Score(begin, std::min(log_.size(), begin + kDecisionsScored), scores_.data() + begin * items);
    }
  }

  train::LoadedModel model_;
  const data::DecisionLog& log_;
  ModelPolicyOptions options_;
  std::vector<std::int64_t> decisions_;  // [slots]
  std::vector<std::int32_t> catalogue_;  // [items of the log] in the model, -1: unknown
  std::vector<std::int32_t> known_;      // items of the log that are known
  data::Csr histories_, sequences_;      // [decisions] in the model's items
  std::vector<float> scores_;            // [decisions, items of the model], or empty
};

}  // namespace

std::unique_ptr<ope::ActionDistribution> OpenModelPolicy(const core::Registry& registry, const std::string& run,
                                                         const data::DecisionLog& log,
                                                         const ModelPolicyOptions& options) {
  return std::make_unique<ModelPolicy>(train::LoadModel(registry, run, options.device), run, log, options);
}

}  // namespace recforce::cli
