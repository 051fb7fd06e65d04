// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets of the readers of decision logs share.
#pragma once

#include "data/decision_sink.h"
#include "fuzz_log.h"

namespace recforce::test {

// Whatever a reader lets through is a log; every error is the input's.
template <class Read>
void FuzzDecisions(const Read& read) {
  ExpectNoBug([&] {
    data::DecisionReport report;
    const data::DecisionLog log = read(report);
    bool is_whole = true;
    try {
      data::Check(log);
    } catch (const base::Error&) {
      is_whole = false;
    }
    Require(is_whole && log.size() <= report.rows_read);
    Require(report.bad_rows + report.without_reward + report.dangling_rewards + log.size() >= report.rows_read);
    for (const std::string& message : report.first_bad_rows) {
      Require(!data::FindTextFault(message) && message.find("; ") != std::string::npos);
    }
  });
}

inline constexpr std::int64_t kAnyBadRows = std::int64_t{1} << 40;

}  // namespace recforce::test
