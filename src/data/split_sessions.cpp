// SPDX-License-Identifier: Apache-2.0
// Next-item evaluation: users are sessions, the latest of them are held out whole, and every prefix of one is a row.
#include <algorithm>
#include <cstddef>
#include <span>

#include "data/split_rows.h"
#include "data/split_rules.h"
#include "recforce/base/text.h"
#include "recforce/data/session_order.h"

namespace recforce::data {
namespace {

// Sessions that hold something, earliest start first.
std::vector<std::int32_t> SessionsByStart(const Dataset& dataset) {
  const CsrView rows = dataset.interactions();
  std::vector<std::int32_t> order =
      SessionOrder(rows, dataset.times(), [&](std::int64_t session) { return dataset.user_ids()[session]; });
  std::erase_if(order, [&](std::int32_t session) { return rows.row(session).empty(); });
  return order;
}

// Every event of a session of n stands in up to n prefixes: a few sessions of a crawler would fill any memory.
void RequireShortSessions(const Dataset& dataset, const std::vector<Part>& parts, const CatalogueBuilder& catalogue) {
  const CsrView rows = dataset.interactions();
  PrefixEvents prefixes;
  for (std::int64_t session = 0; session < rows.rows(); ++session) {
    if (parts[static_cast<std::size_t>(session)] == Part::kTrain) {
      continue;
    }
    const std::span<const std::int32_t> items = rows.row(session);
    prefixes.Add(session,
                 std::count_if(items.begin(), items.end(), [&](std::int32_t item) { return catalogue[item] >= 0; }));
  }
  if (prefixes.TooMany()) {
    ThrowSplitUsage("split.kind: the prefixes of the held-out sessions hold too many events: " + prefixes.Describe() +
                    ". the longest session is " + QuoteUser(dataset, prefixes.longest_user()) + " with " +
                    base::FormatCount(prefixes.longest()) + " events");
  }
}

}  // namespace

void SplitSessions(const Dataset& dataset, Split& split) {
  const std::vector<std::int32_t> order = SessionsByStart(dataset);
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
  RequireShortSessions(dataset, parts, catalogue);
  RowWriter writer(split.num_items(), dataset.repeats(), MasksSeen(split.config, dataset.repeats()));
  writer.OmitEqualSequences();
  std::vector<std::int32_t> known;
  std::vector<std::int64_t> places;
  for (std::int64_t session = 0; session < rows.rows(); ++session) {
    if (rows.row(session).empty()) {
      continue;
    }
    known.clear();
    places.clear();
    for (std::int64_t place = rows.offsets[static_cast<std::size_t>(session)];
         place < rows.offsets[static_cast<std::size_t>(session) + 1]; ++place) {
      const std::int32_t item = rows.items[static_cast<std::size_t>(place)];
      if (catalogue[item] >= 0) {
        known.push_back(catalogue[item]);
        places.push_back(place);
      } else {
        ++split.cold_targets_dropped;
      }
    }
    const Part part = parts[static_cast<std::size_t>(session)];
    if (part == Part::kTrain) {
      writer.AddTrain(split, session, known, places);
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
