// SPDX-License-Identifier: Apache-2.0
// Decision logs out of the files that people have: our own, Open Bandit CSV, npz of the Open Bandit Pipeline, dsjson of
// Vowpal Wabbit. docs/formats/decision_log.md says what each of them becomes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "recforce/data/decision_log.h"

namespace recforce::data {

struct DecisionReadOptions {
  std::string format = "auto";    // one of DecisionFormatNames()
  std::int64_t max_bad_rows = 0;  // more malformed rows than this end the reading
  // Open Bandit: whether the columns user-item_affinity_* are context too.
  bool affinity = false;
  // dsjson: columns of context at most; the most frequent features are kept.
  std::int64_t max_context_columns = 256;
};

struct DecisionReport {
  std::string format;  // what was recognised
  std::int64_t rows_read = 0;
  std::int64_t bad_rows = 0;
  std::vector<std::string> first_bad_rows;  // at most ten messages, `file:line:column: what; what was expected`
  std::int64_t without_reward = 0;          // decisions that were left out because a reward of theirs never came
  std::int64_t without_candidates = 0;      // kept decisions whose candidates are named by a hash alone: see below
  std::int64_t foreign_history = 0;         // items of histories that the catalogue does not have: left out
  std::int64_t dangling_rewards = 0;        // dsjson: rewards of decisions that are not in the file
  std::int64_t context_left_out = 0;        // dsjson: features beyond max_context_columns
  std::vector<std::string> lost;            // what a writer that died left unfinished, `file:line:column: what`
};

struct ReadDecisions {
  DecisionLog log;
  DecisionReport report;
};

// The formats that there are: decisions, open_bandit, obp, dsjson, and "auto" at the end.
const std::vector<std::string>& DecisionFormatNames();

// Reads a whole log. Where candidates of some decisions are known by a hash alone, the candidates of these are all
// items, which may be too many: the report counts them. Text may be gzipped or zstd-compressed. "auto" goes by the name
// (.npz) and by the first line; of a pipe the format must be said.
// Error(Usage): no such file, a folder, an unknown format or one that cannot be told. Error(Data): malformed rows
// beyond max_bad_rows, a file that is not what it should be, no decision that can be used. Error(Io): the disk.
ReadDecisions ReadDecisionLog(const std::filesystem::path& input, const DecisionReadOptions& options = {});

}  // namespace recforce::data
