// SPDX-License-Identifier: Apache-2.0
// What a log holds and what is wrong with it, without writing anything.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "recforce/data/convert.h"

namespace recforce::data {

struct ValidateReport {
  std::string format;
  std::vector<std::string> files;  // paths as they were opened, titles last
  // user and item, then those of time, value, propensity, position, part and context that rows have
  std::vector<std::string> fields;
  std::int64_t rows = 0;  // good ones
  std::int64_t bad_rows = 0;
  std::vector<std::string> first_bad_rows;  // at most as many as were asked for
  std::int64_t users = 0;
  std::int64_t items = 0;
  std::optional<std::int64_t> first_time;
  std::optional<std::int64_t> last_time;
  std::optional<double> least_value;
  std::optional<double> greatest_value;
  std::array<std::int64_t, 4> rows_of_part{};  // by Part; all in training for a log without parts
  std::int64_t pairs_in_two_parts = 0;         // of a format whose repeats Convert() does not keep: it refuses these
  std::int64_t displays = 0;
  std::int64_t candidate_lists = 0;
  std::int64_t candidates = 0;
  std::optional<std::int64_t> titled_items;  // items with a title; nothing without a file of titles
  std::vector<std::string> warnings;         // of what is allowed but seldom meant
};

// Reads everything that Convert() with these options would read and goes on past malformed rows; filters and
// `duplicates` are not applied. Memory: the ids, and 8 bytes a row. Errors as of Convert(), but for malformed rows and
// for what filters leave; Error(Interrupted) soon after options.stop is set.
ValidateReport Validate(const std::filesystem::path& input, const ConvertOptions& options,
                        std::int64_t shown_bad_rows = 100);

}  // namespace recforce::data
