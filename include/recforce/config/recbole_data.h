// SPDX-License-Identifier: Apache-2.0
// What a RecBole configuration file says about reading a log, for `recforce data convert --config`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recforce/config/settings.h"

namespace recforce::config {

struct RecboleData {
  std::optional<std::string> user_column;
  std::optional<std::string> item_column;
  std::optional<std::string> time_column;
  std::optional<std::string> value_column;
  std::optional<double> min_rating;
  std::optional<std::int64_t> min_user_interactions;
  std::optional<std::int64_t> min_item_interactions;
  std::optional<std::string> duplicates;  // last, first or keep
  std::vector<Notice> notices;
};

// Keys of training are passed over. Error(Usage) with file:line:column: not YAML, or a filter that recforce does not
// have. What the file says replaces what `before` says; notices are added.
RecboleData ReadRecboleData(const std::string& path, RecboleData before = {});

}  // namespace recforce::config
