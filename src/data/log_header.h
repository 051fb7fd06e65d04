// SPDX-License-Identifier: Apache-2.0
// Which column of a log or a file of titles is which: typed RecBole headers, named CSV headers, fixed MovieLens
// layouts.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "data/readers.h"
#include "data/record_reader.h"

namespace recforce::data {

// Indices of the fields that a log gives.
struct LogColumns {
  std::vector<std::string> names;  // of all columns, for messages and for the width of a row
  std::size_t user = 0;
  std::size_t item = 0;
  std::optional<std::size_t> time;
  std::optional<std::size_t> value;
};

struct TitleColumns {
  std::size_t id = 0;
  std::size_t title = 0;
  std::size_t count = 0;  // of all columns; 0: at least as many as needed
};

// The fields of the first row. Error(Data) when there is none or it is not text.
std::vector<std::string> ReadHeader(RecordReader& records);

// Error(Usage): a named column that is not there, no column with a usual name, one column twice.
// Error(Data): a header that is not made of name:type (InterColumns), a needed name that stands twice.
LogColumns CsvColumns(const RecordReader& records, const std::vector<std::string>& header, const ColumnNames& names);
LogColumns InterColumns(const RecordReader& records, const std::vector<std::string>& header, const ColumnNames& names);
// user, item, rating, timestamp. Error(Usage) when `names` names anything.
LogColumns MovielensColumns(const std::string& file, const ColumnNames& names);

// Nothing when the file has no titles or no ids. `typed`: the names carry RecBole types.
std::optional<TitleColumns> FindTitleColumns(const std::vector<std::string>& header, bool typed);

// "user_id:token" and the like.
bool IsTypedName(const std::string& name);
// A CSV header in which users and items can be found.
bool HasUserAndItem(const std::vector<std::string>& header, const ColumnNames& names);

}  // namespace recforce::data
