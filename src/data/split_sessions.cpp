// SPDX-License-Identifier: Apache-2.0
// Next-item evaluation: users are sessions, the latest of them are held out whole, and every prefix of one is a row.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "data/split_rows.h"
#include "data/split_rules.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

struct SessionKey {
  std::string_view letters;
  std::int64_t number = 0;
  bool operator<(const SessionKey& other) const {
    return letters != other.letters ? letters < other.letters : number < other.number;
  }
};

// "12" is 12 without letters, "s12" is 12 after "s"; any other form has no key.
std::optional<SessionKey> KeyOfId(std::string_view id) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const std::size_t letters = std::min(id.find_first_not_of(kLetters), id.size());
  if (letters > 0 && letters < id.size() && id[letters] == '-') {
    return std::nullopt;  // a hyphen between letters and digits is no sign
  }
  const std::optional<std::int64_t> number = base::ParseInt(id.substr(letters));
  return number ? std::optional(SessionKey{id.substr(0, letters), *number}) : std::nullopt;
}

// What sessions are put in order by: their start, else their ids where all are numbers or all are letters and a number
// (files of sessions give such ids, by line), else nothing (the order of the dataset, which is that of the ids as
// text).
std::vector<SessionKey> SessionKeys(const Dataset& dataset) {
  const CsrView rows = dataset.interactions();
  std::vector<SessionKey> keys(static_cast<std::size_t>(rows.rows()));
  for (std::int64_t session = 0; session < rows.rows(); ++session) {
    SessionKey& key = keys[static_cast<std::size_t>(session)];
    if (dataset.times().empty()) {
      const std::optional<SessionKey> found = KeyOfId(dataset.user_ids()[session]);
      key = found.value_or(SessionKey{});
      if (!found || key.letters.empty() != keys.front().letters.empty()) {
        return std::vector<SessionKey>(keys.size());
      }
    } else if (!rows.row(session).empty()) {
      key.number = dataset.times()[static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(session)])];
    }
  }
  return keys;
}

// Sessions that hold something, earliest start first.
std::vector<std::int32_t> SessionOrder(const Dataset& dataset) {
  const std::vector<SessionKey> keys = SessionKeys(dataset);
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
