// SPDX-License-Identifier: Apache-2.0
// From files as people have them to a Dataset. docs/howto/import_a_log.md has the formats and their files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/base/stop_flag.h"
#include "recforce/data/dataset.h"

namespace recforce::data {

struct ConvertOptions {
  std::string format = "auto";  // one of FormatNames()
  std::optional<double> min_rating;
  std::int64_t min_user_interactions = 0;
  std::int64_t min_item_interactions = 0;
  // Column names of CSV and TSV files (and of .inter files, without the type). Empty: the usual names are
  // looked for (user_id, userId, user, uid; item_id, itemId, movieId, item, iid; timestamp, time, ts, date-less;
  // rating, value, score). User and item are required, time and value are not.
  std::string user_column;
  std::string item_column;
  std::string time_column;
  std::string value_column;
  // The same for what `data export` writes: parts (train, validation, test, input), propensities in (0, 1],
  // positions and contexts (any text; an empty field: not known). Empty: the log has none, whatever its columns are
  // called.
  std::string part_column;
  std::string propensity_column;
  std::string position_column;
  std::string context_column;
  std::vector<std::string> feedback_types;  // of a gorse dump, those to keep; empty: all
  // Which of several rows of one (user, item) is kept: last, first, error (none may be) or keep (all are). Empty: last,
  // but keep for sessions, displays, decisions, open_bandit and coat, whose repetitions mean something.
  std::string duplicates;
  // Whether a dataset in `output` that came from another source, or by other filters, may be replaced. Models that were
  // trained on it cannot be evaluated afterwards.
  bool overwrite = false;
  std::int64_t max_bad_rows = 0;  // more malformed rows than this end the conversion
  // Rows beyond it go to a temporary file in `output` that has no name. Ids, displays and candidates come on top, and
  // about 50 MB. The result does not depend on it.
  std::int64_t memory_bytes = std::int64_t{512} << 20;
  const base::StopFlag* stop = nullptr;  // asks the conversion to end: Error(Interrupted)
};

struct ConvertReport {
  Preprocessing preprocessing;
  std::int64_t bad_rows = 0;
  std::vector<std::string> first_bad_rows;  // at most ten messages, `file:line:column: what; what was expected`
  std::int64_t users = 0;
  std::int64_t items = 0;
  std::int64_t interactions = 0;
};

// The formats that there are, "auto" at the end.
const std::vector<std::string>& FormatNames();

// Filters in this order: rating, duplicates, items, users (each once, not iterated; spec of RaCT, section 3).
// Nothing is left in `output` unless all succeeds. A user needs a row: those who keep none leave with their displays
// and candidates. Items stay that a display or a candidate list of a user names, whatever the filters.
// Error(Usage): no such input, unknown format or column, an `output` that is no folder or holds another dataset.
// Error(Data): malformed rows, nothing left after filtering, a pair in two parts of the log unless duplicates are kept.
// Error(Io): the disk is full.
ConvertReport Convert(base::FileSystem& files, const std::filesystem::path& input, const ConvertOptions& options,
                      const std::filesystem::path& output);

}  // namespace recforce::data
