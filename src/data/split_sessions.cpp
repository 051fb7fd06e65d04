// SPDX-License-Identifier: Apache-2.0
// Next-item evaluation: users are sessions, the latest of them are held out whole, and every prefix of one is a row.
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>

#include "data/split_rows.h"
#include "data/split_rules.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

// What sessions are put in order by: their start, else their ids where all of them are numbers, else nothing (the
// order of the dataset, which is that of the ids as text).
std::vector<std::int64_t> SessionKeys(const Dataset& dataset) {
  const CsrView rows = dataset.interactions();
  std::vector<std::int64_t> keys(static_cast<std::size_t>(rows.rows()), 0);
  for (std::int64_t session = 0; session < rows.rows(); ++session) {
    std::int64_t& key = keys[static_cast<std::size_t>(session)];
    if (dataset.times().empty()) {
      const std::optional<std::int64_t> number = base::ParseInt(std::string(dataset.user_ids()[session]));
      if (!number) {
        return std::vector<std::int64_t>(keys.size(), 0);
      }
      key = *number;
    } else if (!rows.row(session).empty()) {
      key = dataset.times()[static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(session)])];
    }
  }
  return keys;
}

// Sessions that hold something, earliest start first.
std::vector<std::int32_t> SessionOrder(const Dataset& dataset) {
  const std::vector<std::int64_t> keys = SessionKeys(dataset);
  std::vector<std::int32_t> order;
  for (std::int64_t session = 0; session < dataset.num_users(); ++session) {
    if (!dataset.interactions().row(session).empty()) {
      order.push_back(static_cast<std::int32_t>(session));
    }
  }
  std::stable_sort(order.begin(), order.end(), [&keys](std::int32_t a, std::int32_t b) {
    return keys[static_cast<std::size_t>(a)] < keys[static_cast<std::size_t>(b)];
  });
  return order;
}

}  // namespace

void SplitSessions(const Dataset& dataset, Split& split) {
  const std::vector<std::int32_t> order = SessionOrder(dataset);
  const PartSizes sizes = RatioSizes(split.config, static_cast<std::int64_t>(order.size()));
  std::vector<Part> parts(static_cast<std::size_t>(dataset.num_users()), Part::kTrain);
  for (std::int64_t place = sizes.train; place < static_cast<std::int64_t>(order.size()); ++place) {
    parts[static_cast<std::size_t>(order[static_cast<std::size_t>(place)])] =
        place < sizes.train + sizes.validation ? Part::kValidation : Part::kTest;
  }
  const CsrView rows = dataset.interactions();
  CatalogueBuilder catalogue(dataset, CataloguesAll(split.config));
  for (std::int64_t session = 0; session < rows.rows(); ++session) {
    if (parts[static_cast<std::size_t>(session)] == Part::kTrain) {
      for (const std::int32_t item : rows.row(session)) {
        catalogue.Train(item);
      }
    }
  }
  split.catalogue = catalogue.Finish();
  RowWriter writer(split.num_items(), dataset.repeats(), MasksSeen(split.config, dataset.repeats()));
  std::vector<std::int32_t> known;
  for (std::int64_t session = 0; session < rows.rows(); ++session) {
    if (rows.row(session).empty()) {
      continue;
    }
    known.clear();
    for (const std::int32_t item : rows.row(session)) {
      if (catalogue[item] >= 0) {
        known.push_back(catalogue[item]);
      } else {
        ++split.cold_targets_dropped;
      }
    }
    const Part part = parts[static_cast<std::size_t>(session)];
    if (part == Part::kTrain) {
      writer.AddTrain(split, session, known);
      continue;
    }
    EvalSet& set = part == Part::kValidation ? split.validation : split.test;
    bool has_row = false;
    for (std::size_t next = 1; next < known.size(); ++next) {
      const std::span<const std::int32_t> prefix = std::span(known).first(next);
      has_row |= writer.AddEval(set, session, prefix, std::span(known).subspan(next, 1), split.seen_targets_dropped);
    }
    split.users_without_targets += has_row ? 0 : 1;
  }
}

}  // namespace recforce::data
