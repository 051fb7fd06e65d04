// SPDX-License-Identifier: Apache-2.0
// What the readers of decision logs share: the bad rows, and the messages about fields.
#pragma once

#include <string>
#include <string_view>

#include "data/collected_log.h"
#include "data/line_source.h"
#include "data/readers.h"
#include "recforce/data/read_decisions.h"

namespace recforce::data {

// Counts malformed rows into a report; too many end the reading with Error(Data).
class BadDecisions {
 public:
  BadDecisions(std::int64_t allowed, DecisionReport& report) : rows_(allowed, counted_), report_(report) {}
  BadDecisions(const BadDecisions&) = delete;
  BadDecisions& operator=(const BadDecisions&) = delete;
  void Add(std::string message) {
    rows_.Add(std::move(message));
    report_.bad_rows = counted_.bad_rows;
    report_.first_bad_rows = counted_.first_bad_rows;
  }

 private:
  ConvertReport counted_;
  BadRows rows_;
  DecisionReport& report_;
};

// `where: name what: 'found'; expected expected`.
inline std::string FieldMessage(const std::string& where, std::string_view name, const std::string& what,
                                std::string_view found, const std::string& expected) {
  return where + ": " + std::string(name) + " " + what + ": " + Quoted(found) + "; expected " + expected;
}

// Whether a line begins our own format; a header that broke off does, too: a later writer may have gone on behind it.
// `fields`: its names, where it is a whole object.
bool IsDecisionHeader(std::string_view line, const std::vector<std::string>& fields);

// The readers. `source` is at the beginning of the file; the log has all but `source`.
DecisionLog ReadDecisionLines(LineSource& source, const DecisionReadOptions& options, DecisionReport& report);
// The same lines as an interaction log: a row for each slot, whose value is the reward and whose position is that of
// the decision or else the slot's, from 1. Who was shown it is the user, or else the session; decisions with neither
// are malformed, and so is what a dead writer left. Decisions of which a reward never came give no rows. Error(Data):
// no header, compressed data that breaks off.
void ReadDecisionRows(LineSource& source, RowSink& sink);
DecisionLog ReadDsjson(LineSource& source, const DecisionReadOptions& options, DecisionReport& report);
// `item_context`: the file of item features that may lie beside the log, or nothing.
DecisionLog ReadOpenBandit(LineSource& source, LineSource* item_context, const DecisionReadOptions& options,
                           DecisionReport& report);
// `where` stands for the path in messages.
DecisionLog ReadObpNpz(std::span<const std::byte> bytes, const std::string& where, DecisionReport& report);

}  // namespace recforce::data
