// SPDX-License-Identifier: Apache-2.0
#include "train/evaluate_rated.h"

#include <cstddef>
#include <span>
#include <utility>

#include "recforce/base/error.h"
#include "train/run_folder.h"

namespace recforce::train {
namespace {

constexpr double kMeansAdded = 5.0;  // ratings of the overall mean that each item's mean begins with

[[noreturn]] void Refuse(const std::filesystem::path& run, const std::string& what) {
  throw base::Error(base::ErrorKind::kUsage, run.string() + ": " + what);
}

void RequireRatings(const std::filesystem::path& run, const RunData& data) {
  const data::SplitConfig& config = data.split.config;
  if (config.kind != "user_time_ratio") {
    Refuse(run,
           "--rated asks for what each user rated last: '" + config.kind + "' in split.kind; expected user_time_ratio");
  }
  if (config.rows != "user") {
    Refuse(run, "--rated offers all test items of a user together: '" + config.rows + "' in split.rows; expected user");
  }
  if (data.dataset.values().empty()) {
    Refuse(run, "--rated needs to know what users liked: the log has no values; expected a log with ratings");
  }
  if (data.dataset.repeats()) {
    Refuse(run, "--rated needs one rating of an item: the log keeps repeats; convert it with --duplicates last");
  }
}

// The values of one user's interactions after the other, by catalogue item.
class ValueFinder {
 public:
  explicit ValueFinder(const RunData& data)
      : data_(data),
        local_(static_cast<std::size_t>(data.dataset.num_items()), -1),
        value_(data.split.catalogue.size()) {
    for (std::size_t item = 0; item < data.split.catalogue.size(); ++item) {
      local_[static_cast<std::size_t>(data.split.catalogue[item])] = static_cast<std::int32_t>(item);
    }
  }
  // [catalogue] those of the user, for items that the user has.
  const std::vector<float>& Of(std::int32_t user) {
    const data::CsrView rows = data_.dataset.interactions();
    const auto first = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user)]);
    const std::span<const std::int32_t> items = rows.row(user);
    for (std::size_t place = 0; place < items.size(); ++place) {
      if (const std::int32_t item = local_[static_cast<std::size_t>(items[place])]; item >= 0) {
        value_[static_cast<std::size_t>(item)] = data_.dataset.values()[first + place];
      }
    }
    return value_;
  }

 private:
  const RunData& data_;
  std::vector<std::int32_t> local_;  // [items of the dataset] index in the catalogue, or -1
  std::vector<float> value_;
};

// [test items] whether their users liked them, parallel to the targets.
std::vector<char> LikedTargets(const RunData& data, double liked_above) {
  ValueFinder values(data);
  std::vector<char> liked;
  const data::EvalSet& test = data.split.test;
  for (std::int64_t row = 0; row < test.rows(); ++row) {
    const std::vector<float>& of_user = values.Of(test.users[static_cast<std::size_t>(row)]);
    for (const std::int32_t item : test.target.row(row)) {
      liked.push_back(of_user[static_cast<std::size_t>(item)] > liked_above ? 1 : 0);
    }
  }
  return liked;
}

// What training says of each item of the catalogue.
struct ItemScores {
  std::vector<double> likes;
  std::vector<double> means;
};
ItemScores ScoreItems(const RunData& data, double liked_above) {
  const data::Split& split = data.split;
  ValueFinder values(data);
  ItemScores scores{std::vector<double>(split.catalogue.size(), 0.0), std::vector<double>(split.catalogue.size(), 0.0)};
  std::vector<double> counts(split.catalogue.size(), 0.0);
  double sum = 0.0;
  for (std::int64_t row = 0; row < split.train.rows(); ++row) {
    const std::vector<float>& of_user = values.Of(split.train_users[static_cast<std::size_t>(row)]);
    for (const std::int32_t item : split.train.row(row)) {
      const auto at = static_cast<std::size_t>(item);
      scores.likes[at] += of_user[at] > liked_above ? 1.0 : 0.0;
      scores.means[at] += of_user[at];
      counts[at] += 1.0;
      sum += of_user[at];
    }
  }
  const double overall = sum / static_cast<double>(split.train.nnz());
  for (std::size_t item = 0; item < counts.size(); ++item) {
    scores.means[item] = (scores.means[item] + kMeansAdded * overall) / (counts[item] + kMeansAdded);
  }
  return scores;
}

}  // namespace

RatedTable EvaluateRated(const core::Registry& registry, const std::filesystem::path& run,
                         const std::optional<std::string>& data, const std::vector<std::string>& changes,
                         const RatedOptions& options, const base::StopFlag* stop) {
  const OpenedRun opened = OpenFinishedRun(registry, run, data, changes);
  RequireRatings(run, opened.data);
  const eval::EvalOptions eval_options = eval::OptionsOf(opened.settings.section("eval").As<eval::EvalConfig>());
  const eval::RollOptions roll{
      .steps = options.steps, .batch_size = eval_options.batch_size, .ties = eval_options.ties};
  const std::vector<char> liked = LikedTargets(opened.data, options.liked_above);
  const eval::RatedItems rated{opened.data.split.test, liked};
  RatedTable table;
  table.measures = eval::RolledMeasures(options.steps);
  table.users = rated.set.rows();
  table.items = rated.set.target.nnz();
  for (const char like : liked) {
    table.liked += like;
  }
  const auto add = [&](const std::string& name, const std::vector<double>& values) {
    RatedRow row{name, {}, {}};
    for (std::size_t measure = 0; measure < table.measures.size(); ++measure) {
      row.all.push_back(SummarizeRolled(values, rated, roll, measure));
      row.full.push_back(SummarizeRolled(values, rated, roll, measure, table.measures[measure].k));
    }
    table.rows.push_back(std::move(row));
  };
  const ItemScores scores = ScoreItems(opened.data, options.liked_above);
  add(opened.info.model, eval::RollModel(*opened.model.recommender, rated, roll, stop));
  add("random order", eval::RollAtRandom(rated, roll));
  add("item popularity", eval::RollScores(scores.likes, rated, roll));
  add("item mean", eval::RollScores(scores.means, rated, roll));
  add("oracle", eval::RollOracle(rated, roll));
  return table;
}

}  // namespace recforce::train
