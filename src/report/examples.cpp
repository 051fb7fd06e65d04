// SPDX-License-Identifier: Apache-2.0
// The rankings are made as the evaluation makes them: same input, same masks, same order of ties.
#include "report/examples.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::report {
namespace {

ItemPart ItemOf(const data::Dataset& dataset, const data::Split& split, std::int32_t catalogue_index) {
  const std::int32_t item = split.catalogue[static_cast<std::size_t>(catalogue_index)];
  ItemPart part;
  part.id = dataset.item_ids()[item];
  if (dataset.item_titles().size() != 0) {
    part.title = dataset.item_titles()[item];
  }
  return part;
}

std::vector<ItemPart> ItemsOf(const data::Dataset& dataset, const data::Split& split,
                              std::span<const std::int32_t> items) {
  std::vector<ItemPart> parts;
  for (const std::int32_t item : items) {
    parts.push_back(ItemOf(dataset, split, item));
  }
  return parts;
}

// Scores of items that the protocol does not rank become the lowest.
void KeepCandidates(std::span<float> scores, std::span<const std::int32_t> candidates) {
  std::vector<float> kept;
  for (const std::int32_t item : candidates) {
    kept.push_back(scores[static_cast<std::size_t>(item)]);
  }
  std::fill(scores.begin(), scores.end(), -std::numeric_limits<float>::infinity());
  for (std::size_t n = 0; n < candidates.size(); ++n) {
    scores[static_cast<std::size_t>(candidates[n])] = kept[n];
  }
}

// How the model sees the rows: their histories, sequences and training rows.
struct Batch {
  data::Csr history;
  data::Csr sequence;
  std::vector<std::int32_t> train_rows;
  std::vector<std::int32_t> contexts;

  Batch(const data::EvalSet& test, std::span<const std::size_t> rows) {
    for (const std::size_t row : rows) {
      history.AddRow(test.input.row(static_cast<std::int64_t>(row)));
      if (test.sequence.rows() != 0) {
        sequence.AddRow(test.sequence.row(static_cast<std::int64_t>(row)));
      }
      if (!test.train_rows.empty()) {
        train_rows.push_back(test.train_rows[row]);
      }
      if (!test.contexts.empty()) {
        contexts.push_back(test.contexts[row]);
      }
    }
  }
  [[nodiscard]] core::UserBatch View() const {
    core::UserBatch users{.history = history.view(), .rows = train_rows, .contexts = contexts};
    if (sequence.rows() != 0) {
      users.sequence = sequence.view();
    }
    return users;
  }
};

// One list for one user: the ranking's items, those among the targets marked on both sides.
void AddList(const data::Dataset& dataset, const data::Split& split, std::span<const std::int32_t> ranking,
             std::size_t row, ExampleUser& user) {
  const std::span<const std::int32_t> targets = split.test.target.row(static_cast<std::int64_t>(row));
  std::vector<ItemPart>& list = user.lists.emplace_back();
  for (const std::int32_t item : ranking) {
    ItemPart& part = list.emplace_back(ItemOf(dataset, split, item));
    const auto found = std::find(targets.begin(), targets.end(), item);
    part.is_hit = found != targets.end();
    if (const auto at = static_cast<std::size_t>(found - targets.begin()); at < user.targets.size()) {
      user.targets[at].is_hit = true;
    }
  }
}

}  // namespace

std::vector<std::size_t> TypicalRows(const data::EvalSet& test) {
  std::vector<std::size_t> order(static_cast<std::size_t>(test.rows()));
  std::iota(order.begin(), order.end(), 0U);
  const auto length = [&](std::size_t row) { return test.input.row(static_cast<std::int64_t>(row)).size(); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return length(a) < length(b); });
  std::vector<std::size_t> rows;
  for (const std::size_t percent : {10U, 50U, 90U}) {
    if (!order.empty()) {
      rows.push_back(order[(order.size() - 1) * percent / 100]);
    }
  }
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

std::vector<std::size_t> RowsOfUsers(const data::Dataset& dataset, const data::EvalSet& test,
                                     std::span<const std::string> ids) {
  std::vector<std::size_t> rows;
  for (const std::string& id : ids) {
    const std::optional<std::int32_t> user = dataset.user_ids().Find(id);
    const auto found = user ? std::find(test.users.begin(), test.users.end(), *user) : test.users.end();
    if (found == test.users.end()) {
      const std::string example(test.users.empty() ? "" : dataset.user_ids()[test.users.front()]);
      throw base::Error(base::ErrorKind::kNotFound,
                        std::string("report: --users: ") +
                            (user ? "the user is not one of the test users: '" : "no such user in the log: '") + id +
                            "'; expected ids of the " + base::FormatCount(test.rows()) + " test users, such as '" +
                            example + "'");
    }
    rows.push_back(static_cast<std::size_t>(found - test.users.begin()));
  }
  return rows;
}

std::vector<ExampleUser> DescribeUsers(const data::Dataset& dataset, const data::Split& split,
                                       std::span<const std::size_t> rows, bool typical) {
  constexpr std::array<const char*, 3> kKinds = {"light", "median", "heavy"};
  std::vector<ExampleUser> examples;
  for (const std::size_t row : rows) {
    const auto index = static_cast<std::int64_t>(row);
    ExampleUser& user = examples.emplace_back();
    user.id = dataset.user_ids()[split.test.users[row]];
    if (typical && rows.size() == kKinds.size()) {
      user.kind = kKinds[examples.size() - 1];
    }
    const std::span<const std::int32_t> history =
        split.test.sequence.rows() != 0 ? split.test.sequence.row(index) : split.test.input.row(index);
    user.history_length = static_cast<std::int64_t>(history.size());
    user.history = ItemsOf(dataset, split, history.last(std::min(history.size(), kExampleHistory)));
    const std::span<const std::int32_t> targets = split.test.target.row(index);
    user.target_count = static_cast<std::int64_t>(targets.size());
    user.targets = ItemsOf(dataset, split, targets.first(std::min(targets.size(), kExampleTargets)));
  }
  return examples;
}

void AddKeptLists(const data::Dataset& dataset, const data::Split& split, const eval::EvalResult& result,
                  std::span<const std::size_t> rows, std::span<ExampleUser> examples) {
  const auto top_k = static_cast<std::size_t>(result.top_k);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    std::span<const std::int32_t> list = std::span(result.top_items).subspan(rows[n] * top_k, top_k);
    list = list.first(std::min(kExampleItems, list.size()));
    AddList(dataset, split,
            list.first(static_cast<std::size_t>(std::find(list.begin(), list.end(), -1) - list.begin())), rows[n],
            examples[n]);
  }
}

void AddLists(const data::Dataset& dataset, const data::Split& split, const core::Recommender& recommender,
              core::Ties ties, std::span<const std::size_t> rows, std::span<ExampleUser> examples) {
  const std::int64_t num_items = recommender.NumItems();
  const Batch batch(split.test, rows);
  std::vector<float> buffer(rows.size() * static_cast<std::size_t>(num_items));
  const base::MatrixView<float> scores{buffer.data(), static_cast<std::int64_t>(rows.size()), num_items};
  recommender.ScoreBatch(batch.View(), scores);
  core::TopK top(num_items);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const auto row = static_cast<std::int64_t>(rows[n]);
    const std::span<float> own = scores.row(static_cast<std::int64_t>(n));
    std::size_t places = kExampleItems;
    if (split.test.candidates.rows() != 0) {
      KeepCandidates(own, split.test.candidates.row(row));
      places = std::min(places, split.test.candidates.row(row).size());
    }
    const std::span<const std::int32_t> masked =
        split.test.mask_input ? split.test.input.row(row) : std::span<const std::int32_t>();
    const std::span<const std::int32_t> ranking =
        top.Select(own, static_cast<std::int64_t>(places), masked, ties, split.test.target.row(row));
    AddList(dataset, split, ranking, rows[n], examples[n]);
  }
}

}  // namespace recforce::report
