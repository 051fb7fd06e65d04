// SPDX-License-Identifier: Apache-2.0
#include "algos/common/item_weights.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>

#include "recforce/base/threads.h"

namespace recforce::algos {

ItemWeights WeightsFromColumns(std::span<const ItemColumn> columns) {
  ItemWeights weights;
  std::vector<std::int64_t> next(columns.size() + 1, 0);
  for (const ItemColumn& column : columns) {
    for (const auto& [source, value] : column) {
      ++next[static_cast<std::size_t>(source) + 1];
    }
  }
  for (std::size_t item = 0; item < columns.size(); ++item) {
    next[item + 1] += next[item];
  }
  weights.offsets = next;
  weights.targets.resize(static_cast<std::size_t>(next.back()));
  weights.values.resize(weights.targets.size());
  for (std::size_t target = 0; target < columns.size(); ++target) {
    for (const auto& [source, value] : columns[target]) {
      const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(source)]++);
      weights.targets[at] = static_cast<std::int32_t>(target);
      weights.values[at] = value;
    }
  }
  return weights;
}

base::TensorSet ExportItemWeights(ItemWeights weights) {
  base::TensorSet tensors;
  tensors.AddOwned("offsets", std::move(weights.offsets));
  tensors.AddOwned("targets", std::move(weights.targets));
  tensors.AddOwned("values", std::move(weights.values));
  return tensors;
}

ItemWeights LoadItemWeights(const base::TensorSet& tensors, std::int64_t num_items) {
  const auto offsets = tensors.Get("offsets").As<std::int64_t>();
  const auto targets = tensors.Get("targets").As<std::int32_t>();
  const auto values = tensors.Get("values").As<float>();
  if (static_cast<std::int64_t>(offsets.size()) != num_items + 1 || offsets.front() != 0 ||
      offsets.back() != static_cast<std::int64_t>(targets.size()) || targets.size() != values.size() ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    throw base::Error(base::ErrorKind::kData, tensors.where() + ": 'offsets', 'targets' and 'values' are not the " +
                                                  "weights of " + std::to_string(num_items) + " items");
  }
  for (const std::int32_t target : targets) {
    if (target < 0 || target >= num_items) {
      throw base::Error(base::ErrorKind::kData, tensors.where() + ": a target is outside the catalogue: '" +
                                                    std::to_string(target) + "'; expected [0, " +
                                                    std::to_string(num_items - 1) + "]");
    }
  }
  return {{offsets.begin(), offsets.end()}, {targets.begin(), targets.end()}, {values.begin(), values.end()}};
}

std::vector<float> RecencyWeights(std::span<const std::int32_t> history, std::span<const std::int32_t> events,
                                  double decay) {
  std::vector<float> weights(history.size(), 1.0F);
  if (decay == 1.0) {
    return weights;
  }
  std::unordered_map<std::int32_t, double> last;
  for (std::size_t after = 0; after < events.size(); ++after) {
    last.emplace(events[events.size() - 1 - after], std::pow(decay, static_cast<double>(after)));
  }
  for (std::size_t at = 0; at < history.size(); ++at) {
    weights[at] = static_cast<float>(last.at(history[at]));
  }
  return weights;
}

void ItemWeightsRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  base::ParallelFor(0, users.size(), 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t user = begin; user < end; ++user) {
      const std::span<float> scores = out.row(user);
      std::fill(scores.begin(), scores.end(), 0.0F);
      const std::span<const std::int32_t> history = users.history.row(user);
      const std::vector<float> x = RecencyWeights(history, users.events().row(user), decay_);
      for (std::size_t at = 0; at < history.size(); ++at) {
        const auto item = static_cast<std::size_t>(history[at]);
        const auto last = static_cast<std::size_t>(weights_.offsets[item + 1]);
        for (auto entry = static_cast<std::size_t>(weights_.offsets[item]); entry < last; ++entry) {
          scores[static_cast<std::size_t>(weights_.targets[entry])] += x[at] * weights_.values[entry];
        }
      }
    }
  });
}

data::Csr Transpose(data::CsrView rows, std::int64_t num_items) {
  data::Csr columns;
  columns.offsets.assign(static_cast<std::size_t>(num_items) + 1, 0);
  for (std::int64_t row = 0; row < rows.rows(); ++row) {
    for (const std::int32_t item : rows.row(row)) {
      ++columns.offsets[static_cast<std::size_t>(item) + 1];
    }
  }
  for (std::size_t item = 0; item < static_cast<std::size_t>(num_items); ++item) {
    columns.offsets[item + 1] += columns.offsets[item];
  }
  columns.items.resize(static_cast<std::size_t>(columns.offsets.back()));
  std::vector<std::int64_t> next(columns.offsets.begin(), columns.offsets.end() - 1);
  for (std::int64_t row = 0; row < rows.rows(); ++row) {
    for (const std::int32_t item : rows.row(row)) {
      columns.items[static_cast<std::size_t>(next[static_cast<std::size_t>(item)]++)] = static_cast<std::int32_t>(row);
    }
  }
  return columns;
}

}  // namespace recforce::algos
