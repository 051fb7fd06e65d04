// SPDX-License-Identifier: Apache-2.0
// What was known of the request that a held-out interaction answers.
#include <cstddef>
#include <span>

#include "data/split_rows.h"
#include "data/split_rules.h"

namespace recforce::data {
namespace {

class ContextFinder {
 public:
  ContextFinder(const Dataset& dataset, const Split& split)
      : dataset_(dataset), by_prefix_(split.config.kind == kSession), index_(dataset.num_items(), -1) {
    for (std::size_t at = 0; at < split.catalogue.size(); ++at) {
      index_[static_cast<std::size_t>(split.catalogue[at])] = static_cast<std::int32_t>(at);
    }
  }

  // Of the event that is the first target after `seen` events: in a session the one that follows them, else the user's
  // last of this item.
  [[nodiscard]] std::int32_t Find(std::int32_t user, std::int32_t target, std::size_t seen) const {
    const CsrView rows = dataset_.interactions();
    const auto first = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user)]);
    const auto events = rows.row(user);
    std::int32_t context = -1;
    std::size_t known = 0;
    for (std::size_t at = 0; at < events.size(); ++at) {
      const std::int32_t item = index_[static_cast<std::size_t>(events[at])];
      if (item == target && (!by_prefix_ || known == seen)) {
        context = dataset_.contexts()[first + at];
      }
      known += item >= 0 ? 1 : 0;
    }
    return context;
  }

 private:
  const Dataset& dataset_;
  bool by_prefix_;
  std::vector<std::int32_t> index_;  // of items of the dataset in the catalogue
};

}  // namespace

void AddContexts(const Dataset& dataset, Split& split) {
  if (dataset.contexts().empty() || split.config.kind == kDisplays) {
    return;
  }
  const ContextFinder finder(dataset, split);
  for (EvalSet* set : {&split.validation, &split.test}) {
    for (std::int64_t row = 0; row < set->rows(); ++row) {
      const Csr& input = set->sequence.rows() != 0 ? set->sequence : set->input;
      set->contexts.push_back(
          finder.Find(set->users[static_cast<std::size_t>(row)], set->target.row(row).front(), input.row(row).size()));
    }
  }
}

}  // namespace recforce::data
