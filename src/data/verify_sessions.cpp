// SPDX-License-Identifier: Apache-2.0
// The proof for sessions: nobody is in two parts, the parts follow each other in time, and the rows of a held-out
// session are exactly its prefixes with the item that comes next.
#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "data/split_rules.h"
#include "data/verify_split.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using Items = std::vector<std::int32_t>;

class SessionVerifier {
 public:
  SessionVerifier(const Dataset& dataset, const Split& split)
      : dataset_(dataset),
        split_(split),
        log_(dataset.interactions()),
        masks_(MasksSeen(split.config, dataset.repeats())),
        place_(static_cast<std::size_t>(dataset.num_users()), kNowhere),
        local_(static_cast<std::size_t>(dataset.num_items()), -1) {}

  void Run() {
    CheckCatalogueOrder(dataset_, split_);
    for (std::size_t item = 0; item < split_.catalogue.size(); ++item) {
      local_[static_cast<std::size_t>(split_.catalogue[item])] = static_cast<std::int32_t>(item);
    }
    CheckTraining();
    CheckCatalogueIsWhole(dataset_, split_);
    CheckPrefixes(split_.validation, kInValidation, "validation");
    CheckPrefixes(split_.test, kInTest, "test");
    CheckOrder();
    CheckCounts();
  }

 private:
  [[nodiscard]] std::string User(std::int64_t user) const { return QuoteUser(dataset_, user); }

  // The events of a session with items of the catalogue.
  [[nodiscard]] Items Known(std::int64_t user) const {
    Items known;
    for (const std::int32_t item : log_.row(user)) {
      if (local_[static_cast<std::size_t>(item)] >= 0) {
        known.push_back(local_[static_cast<std::size_t>(item)]);
      }
    }
    return known;
  }

  // Whether the event is no target because it repeats what is masked.
  [[nodiscard]] bool IsDropped(const Items& known, std::size_t next) const {
    const auto end = known.begin() + static_cast<std::ptrdiff_t>(next);
    return masks_ && std::find(known.begin(), end, known[next]) != end;
  }

  void Claim(std::int64_t user, Place place) {
    Place& known = place_[static_cast<std::size_t>(user)];
    if (known != kNowhere && known != place) {
      FailSplit("session " + User(user) + " is in " + kPlaceNames.at(known) + " and in " + kPlaceNames.at(place) +
                "; a session is in one part only");
    }
    known = place;
  }

  void CheckTraining() {
    IndexSplitRows(dataset_, split_, "training", split_.train, split_.train_users);
    for (std::int64_t row = 0; row < split_.train.rows(); ++row) {
      const std::int64_t user = split_.train_users[static_cast<std::size_t>(row)];
      Claim(user, kInTraining);
      const Items known = Known(user);
      const Items distinct = LastOccurrences(known);
      const std::span<const std::int32_t> found = split_.train.row(row);
      if (known.size() != log_.row(user).size() ||
          !std::equal(found.begin(), found.end(), distinct.begin(), distinct.end())) {
        FailSplit("the training row of session " + User(user) + " is not the session; a session is in training whole");
      }
    }
  }

  // Rows of one session stand together, in the order of their lengths.
  void CheckPrefixes(const EvalSet& set, Place place, const char* name) {
    std::int64_t row = 0;
    while (row < set.rows()) {
      const std::int64_t user = set.users[static_cast<std::size_t>(row)];
      if (user < 0 || user >= dataset_.num_users()) {
        FailSplit(std::string(name) + " names a session outside the dataset: '" + std::to_string(user) +
                  "'; the dataset has " + std::to_string(dataset_.num_users()) + " users");
      }
      if (place_[static_cast<std::size_t>(user)] == place) {
        FailSplit("the " + std::string(name) + " rows of session " + User(user) + " do not stand together");
      }
      Claim(user, place);
      const Items known = Known(user);
      for (std::size_t next = 1; next < known.size(); ++next) {
        const Items prefix(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(next));
        if (IsDropped(known, next)) {
          continue;
        }
        CheckRow(set, row++, user, prefix, known[next], name);
      }
    }
  }

  void CheckRow(const EvalSet& set, std::int64_t row, std::int64_t user, const Items& prefix, std::int32_t target,
                const char* name) const {
    const Items input = LastOccurrences(prefix);
    if (row >= set.rows() || set.users[static_cast<std::size_t>(row)] != user) {
      FailSplit("session " + User(user) + " lacks the " + name + " row of its prefix of " +
                std::to_string(prefix.size()) + " events");
    }
    const auto same = [row](const Csr& rows, const Items& expected) {
      const std::span<const std::int32_t> found = row < rows.rows() ? rows.row(row) : std::span<const std::int32_t>();
      return std::equal(found.begin(), found.end(), expected.begin(), expected.end());
    };
    // Without sequences the inputs stand for them.
    const Csr& sequences = set.sequence.rows() == 0 ? set.input : set.sequence;
    if (!same(set.input, input) || (dataset_.repeats() && !same(sequences, prefix))) {
      FailSplit("the " + std::string(name) + " input of session " + User(user) + " is not its prefix of " +
                std::to_string(prefix.size()) + " events; nothing else may be seen");
    }
    if (!same(set.target, {target})) {
      FailSplit("the " + std::string(name) + " target of session " + User(user) + " is not the item after its first " +
                std::to_string(prefix.size()) + " events: expected " + QuoteItem(dataset_, split_, target));
    }
  }

  // An id taken apart from its end: the digits there as a number, and the letters before them.
  struct NumberedId {
    std::string letters;
    std::int64_t number = 0;
  };
  static std::optional<NumberedId> TakeApart(const std::string& id) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    auto digits = id.end();
    while (digits != id.begin() && is_digit(*(digits - 1))) {
      --digits;
    }
    NumberedId parts{std::string(id.begin(), digits)};
    if (parts.letters == "-") {  // the sign of a number
      parts.letters.clear();
      --digits;
    }
    const std::optional<std::int64_t> number = base::ParseInt(std::string(digits, id.end()));
    if (!number || !std::all_of(parts.letters.begin(), parts.letters.end(), is_letter)) {
      return std::nullopt;
    }
    parts.number = *number;
    return parts;
  }

  // [sessions] ranks by start; without times by the ids, as numbers or as letters and a number where all have one of
  // these forms, and else as texts. Sessions that start together share a rank.
  [[nodiscard]] std::vector<std::int64_t> Ranks() const {
    const auto sessions = static_cast<std::size_t>(log_.rows());
    std::vector<std::int64_t> ranks(sessions);
    std::vector<NumberedId> ids;
    std::size_t numbers = 0;
    for (std::size_t user = 0; user < sessions; ++user) {
      ranks[user] = static_cast<std::int64_t>(user);
      if (!dataset_.times().empty()) {
        const bool empty = log_.row(static_cast<std::int64_t>(user)).empty();
        ranks[user] = empty ? 0 : dataset_.times()[static_cast<std::size_t>(log_.offsets[user])];
      } else if (auto id = TakeApart(std::string(dataset_.user_ids()[static_cast<std::int64_t>(user)]))) {
        numbers += id->letters.empty() ? 1 : 0;
        ids.push_back(std::move(*id));
      }
    }
    if (!dataset_.times().empty() || ids.size() != sessions || (numbers != 0 && numbers != sessions)) {
      return ranks;
    }
    const auto key = [&ids](std::int64_t user) {
      const NumberedId& id = ids[static_cast<std::size_t>(user)];
      return std::tie(id.letters, id.number);
    };
    std::vector<std::int64_t> order = ranks;
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return key(a) < key(b); });
    for (std::size_t place = 0; place < sessions; ++place) {
      const bool tied = place > 0 && key(order[place]) == key(order[place - 1]);
      ranks[static_cast<std::size_t>(order[place])] =
          tied ? ranks[static_cast<std::size_t>(order[place - 1])] : static_cast<std::int64_t>(place);
    }
    return ranks;
  }

  void CheckOrder() const {
    const std::vector<std::int64_t> ranks = Ranks();
    std::array<std::int64_t, 4> first{};
    std::array<std::int64_t, 4> last{};
    first.fill(std::numeric_limits<std::int64_t>::max());
    last.fill(std::numeric_limits<std::int64_t>::min());
    for (std::int64_t user = 0; user < log_.rows(); ++user) {
      const Place place = place_[static_cast<std::size_t>(user)];
      const std::int64_t rank = ranks[static_cast<std::size_t>(user)];
      first[place] = std::min(first[place], rank);
      last[place] = std::max(last[place], rank);
    }
    if (std::max(last[kInTraining], last[kInValidation]) > first[kInTest]) {
      FailSplit("a session of training or validation starts after one of the test; the test sessions are the last");
    }
    if (last[kInTraining] > first[kInValidation]) {
      FailSplit("a session of training starts after one of validation; the held-out sessions are the last");
    }
  }

  void CheckCounts() const {
    std::int64_t sessions = 0;
    std::int64_t with_rows = 0;
    std::int64_t cold = 0;
    std::int64_t seen = 0;
    for (std::int64_t user = 0; user < log_.rows(); ++user) {
      const Items known = Known(user);
      const auto size = static_cast<std::int64_t>(log_.row(user).size());
      sessions += size > 0 ? 1 : 0;
      with_rows += place_[static_cast<std::size_t>(user)] >= kInValidation ? 1 : 0;
      cold += size - static_cast<std::int64_t>(known.size());
      for (std::size_t next = 1; next < known.size() && place_[static_cast<std::size_t>(user)] != kInTraining; ++next) {
        seen += IsDropped(known, next) ? 1 : 0;
      }
    }
    const PartSizes sizes = RatioSizes(split_.config, sessions);
    const std::int64_t test = std::count(place_.begin(), place_.end(), kInTest);
    if (split_.train.rows() != sizes.train || test > sizes.test || with_rows - test > sizes.validation) {
      FailSplit("training has " + std::to_string(split_.train.rows()) + ", validation " +
                std::to_string(with_rows - test) + " and test " + std::to_string(test) + " sessions; session gives " +
                std::to_string(sizes.train) + ", at most " + std::to_string(sizes.validation) + " and at most " +
                std::to_string(sizes.test));
    }
    RequireSplitCount("cold_targets_dropped", split_.cold_targets_dropped, cold,
                      "held-out interactions have items that training never sees");
    RequireSplitCount("seen_targets_dropped", split_.seen_targets_dropped, seen, "held-out items are seen before");
    RequireSplitCount("users_without_targets", split_.users_without_targets, sessions - sizes.train - with_rows,
                      "held-out sessions have no row");
  }

  const Dataset& dataset_;
  const Split& split_;
  const CsrView log_;
  const bool masks_;
  std::vector<Place> place_;         // [users]
  std::vector<std::int32_t> local_;  // [items of the dataset] index in the catalogue, or -1
};

}  // namespace

void VerifySessions(const Dataset& dataset, const Split& split) { SessionVerifier(dataset, split).Run(); }

}  // namespace recforce::data
