// SPDX-License-Identifier: Apache-2.0
// Each floor is a Recommender that is evaluated like the model. None of them holds scores of more than a block of rows.
#include "eval/floors.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <unordered_map>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::eval {
namespace {

constexpr std::int64_t kItemsPerChunk = 512;

// The same for everyone.
class ItemScores final : public core::Recommender {
 public:
  explicit ItemScores(std::vector<float> scores) : scores_(std::move(scores)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return static_cast<std::int64_t>(scores_.size()); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      std::copy(scores_.begin(), scores_.end(), out.row(row).begin());
    }
  }

 private:
  std::vector<float> scores_;
};

// What the model knows of rows in any order: a copy, of a few at a time.
class Gathered {
 public:
  Gathered(const data::EvalSet& set, std::span<const std::int64_t> rows) {
    for (const std::int64_t row : rows) {
      history_.AddRow(set.input.row(row));
      if (set.sequence.rows() != 0) {
        sequence_.AddRow(set.sequence.row(row));
      }
      if (!set.train_rows.empty()) {
        train_rows_.push_back(set.train_rows[static_cast<std::size_t>(row)]);
      }
    }
  }
  // `contexts` are of requests, whoever makes them.
  [[nodiscard]] core::UserBatch Batch(std::span<const std::int32_t> contexts) const {
    core::UserBatch users{.history = history_.view()};
    if (sequence_.rows() != 0) {
      users.sequence = sequence_.view();
    }
    users.rows = train_rows_;
    users.contexts = contexts;
    return users;
  }

 private:
  data::Csr history_;
  data::Csr sequence_;
  std::vector<std::int32_t> train_rows_;
};

class AsAnotherUser final : public core::Recommender {
 public:
  AsAnotherUser(const core::Recommender& recommender, const data::EvalSet& set, std::vector<std::int64_t> other)
      : recommender_(recommender), set_(set), other_(std::move(other)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return recommender_.NumItems(); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    const std::int64_t* const begin = set_.input.offsets.data();
    const std::int64_t* const asked = users.history.offsets.data();
    RECFORCE_CHECK(asked >= begin && asked + users.size() <= begin + set_.rows(), "rows of another set");
    const auto first = static_cast<std::size_t>(asked - begin);
    const Gathered others(set_, std::span(other_).subspan(first, static_cast<std::size_t>(users.size())));
    recommender_.ScoreBatch(others.Batch(users.contexts), out);
  }

 private:
  const core::Recommender& recommender_;
  const data::EvalSet& set_;
  std::vector<std::int64_t> other_;  // [rows] whose scores each row gets
};

// The rows of each user, users in the order of their first row.
std::vector<std::vector<std::int64_t>> RowsByUser(std::span<const std::int32_t> users) {
  std::vector<std::vector<std::int64_t>> rows;
  std::unordered_map<std::int32_t, std::size_t> index;
  for (std::size_t row = 0; row < users.size(); ++row) {
    const auto [found, is_new] = index.try_emplace(users[row], rows.size());
    if (is_new) {
      rows.emplace_back();
    }
    rows[found->second].push_back(static_cast<std::int64_t>(row));
  }
  return rows;
}

std::unique_ptr<core::Recommender> Popularity(data::CsrView train, std::int64_t num_items) {
  std::vector<float> counts(static_cast<std::size_t>(num_items), 0.0F);
  for (std::int64_t user = 0; user < train.rows(); ++user) {
    for (const std::int32_t item : train.row(user)) {
      counts[static_cast<std::size_t>(item)] += 1.0F;
    }
  }
  return std::make_unique<ItemScores>(std::move(counts));
}

}  // namespace

Summary SummarizeByUser(std::span<const double> values, std::span<const std::int32_t> users) {
  RECFORCE_CHECK(values.size() == users.size(), "a value for each row");
  Summary summary = Summarize(values);
  summary.half_width95 = 0.0;
  const std::vector<std::vector<std::int64_t>> rows = RowsByUser(users);
  if (rows.size() < 2) {
    return summary;
  }
  double squares = 0.0;
  for (const std::vector<std::int64_t>& own : rows) {
    double sum = 0.0;
    for (const std::int64_t row : own) {
      sum += values[static_cast<std::size_t>(row)] - summary.mean;
    }
    squares += sum * sum;
  }
  const auto groups = static_cast<double>(rows.size());
  summary.half_width95 = 1.96 * std::sqrt(groups / (groups - 1.0) * squares) / static_cast<double>(values.size());
  return summary;
}

std::unique_ptr<core::Recommender> MeanUser(const core::Recommender& recommender, const data::EvalSet& set,
                                            std::int64_t batch_size, const base::StopFlag* stop) {
  const std::int64_t items = recommender.NumItems();
  const std::int64_t largest = std::min(batch_size, set.rows());
  std::vector<float> buffer(static_cast<std::size_t>(largest * items));
  std::vector<double> sums(static_cast<std::size_t>(items), 0.0);
  std::vector<std::int64_t> rows;
  for (std::int64_t first = 0; first < set.rows(); first += largest) {
    if (stop != nullptr) {
      stop->ThrowIfSet();
    }
    rows.clear();
    for (std::int64_t row = first; row < std::min(first + largest, set.rows()); ++row) {
      rows.push_back(row);
    }
    const auto size = static_cast<std::int64_t>(rows.size());
    std::span<const std::int32_t> contexts = set.contexts;
    if (!contexts.empty()) {
      contexts = contexts.subspan(static_cast<std::size_t>(first), rows.size());
    }
    recommender.ScoreBatch(Gathered(set, rows).Batch(contexts), {buffer.data(), size, items});
    base::ParallelFor(0, items, kItemsPerChunk, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = 0; row < size; ++row) {
        for (std::int64_t item = begin; item < end; ++item) {
          sums[static_cast<std::size_t>(item)] += buffer[static_cast<std::size_t>(row * items + item)];
        }
      }
    });
  }
  std::vector<float> means;
  for (const double sum : sums) {
    means.push_back(static_cast<float>(sum / static_cast<double>(set.rows())));
  }
  return std::make_unique<ItemScores>(std::move(means));
}

// A cycle through all users in random order leaves nobody in place. The n-th row of a user gets the n-th of the other,
// from the beginning again where that has fewer.
std::unique_ptr<core::Recommender> ShuffledUser(const core::Recommender& recommender, const data::EvalSet& set,
                                                std::uint64_t seed) {
  std::vector<std::vector<std::int64_t>> users = RowsByUser(set.users);
  if (users.size() < 2) {
    return nullptr;
  }
  base::Rng rng(seed, base::Stream::kBootstrap, 0, 2);
  rng.Shuffle(std::span(users));
  std::vector<std::int64_t> other(static_cast<std::size_t>(set.rows()));
  for (std::size_t at = 0; at < users.size(); ++at) {
    const std::vector<std::int64_t>& next = users[(at + 1) % users.size()];
    for (std::size_t n = 0; n < users[at].size(); ++n) {
      other[static_cast<std::size_t>(users[at][n])] = next[n % next.size()];
    }
  }
  return std::make_unique<AsAnotherUser>(recommender, set, std::move(other));
}

FloorTable MeasureFloors(const std::string& name, const core::Recommender& recommender, const data::EvalSet& set,
                         const EvalResult& result, const EvalOptions& options, std::uint64_t seed,
                         const base::StopFlag* stop) {
  FloorTable table;
  table.metrics = result.metrics;
  EvalOptions own_options = options;
  own_options.keep_top = 0;
  const auto add = [&](const std::string& row_name, const EvalResult& of) {
    FloorRow row{.name = row_name, .own = {}, .difference = {}};
    for (std::size_t metric = 0; metric < table.metrics.size(); ++metric) {
      const std::vector<double> values = of.Column(metric);
      row.own.push_back(SummarizeByUser(values, set.users));
      if (&of != &result) {
        std::vector<double> differences = result.Column(metric);
        std::transform(differences.begin(), differences.end(), values.begin(), differences.begin(), std::minus<>());
        row.difference.push_back(SummarizeByUser(differences, set.users));
      }
    }
    table.rows.push_back(std::move(row));
  };
  const auto measure = [&](const core::Recommender& floor) {
    return Evaluate(floor, set, table.metrics, own_options, stop);
  };
  add(name, result);
  if (table.metrics.empty()) {
    return table;  // metrics of all lists together only
  }
  add("popularity", measure(*Popularity(options.train, recommender.NumItems())));
  add("mean user", measure(*MeanUser(recommender, set, options.batch_size, stop)));
  if (const auto shuffled = ShuffledUser(recommender, set, seed)) {
    add("shuffled user", measure(*shuffled));
    const auto asked = std::find_if(table.metrics.begin(), table.metrics.end(),
                                    [](const Metric& metric) { return metric.measures_targets(); });
    if (asked != table.metrics.end()) {
      const Summary& gap = table.rows.back().difference[static_cast<std::size_t>(asked - table.metrics.begin())];
      if (gap.mean <= gap.half_width95) {
        table.impersonal = *asked;
      }
    }
  }
  return table;
}

}  // namespace recforce::eval
