// SPDX-License-Identifier: Apache-2.0
// Which column of a log or a file of titles is which: typed RecBole headers, named CSV headers, fixed MovieLens
// layouts.
#pragma once

#include <cstddef>
#include <functional>
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
  std::optional<std::size_t> propensity;
  std::optional<std::size_t> position;
  std::optional<std::size_t> part;
  std::optional<std::size_t> context;
  std::vector<std::size_t> user_features;  // where not empty, these joined by "|" are the user, and `user` is ignored
};

// `file:line:column` of a column of the header.
using HeaderPlace = std::function<std::string(std::size_t)>;

struct TitleColumns {
  std::size_t id = 0;
  std::size_t title = 0;
  std::size_t count = 0;  // of all columns; 0: at least as many as needed
};

// The fields of the first row. Error(Data) when there is none or it is not text.
std::vector<std::string> ReadHeader(RecordReader& records);

// Where the names come from: what may be wrong with a line of text cannot be wrong with an object.
enum class HeaderForm { kLine, kObject };

// Blanks around a name of a line do not count. Error(Usage): a named column that is not there, no column with a usual
// name, one column twice. Error(Data): a header that is not made of name:type (InterColumns), a needed name that stands
// twice.
LogColumns CsvColumns(const HeaderPlace& place, const std::vector<std::string>& header, const ColumnNames& names,
                      HeaderForm form = HeaderForm::kLine);
LogColumns InterColumns(const RecordReader& records, const std::vector<std::string>& header, const ColumnNames& names);
// user, item, rating, timestamp. Error(Usage) when `names` names anything.
LogColumns MovielensColumns(const std::string& file, const ColumnNames& names);
// Open Bandit: timestamp, item_id, position, click and propensity_score or action_prob; the user is all columns
// user_feature_* unless names.user names one. Errors as for CsvColumns().
LogColumns OpenBanditColumns(const HeaderPlace& place, const std::vector<std::string>& header,
                             const ColumnNames& names);
// The index of a column that a format has under one name. Error(Data) without it or with two of them.
std::size_t FixedColumn(const HeaderPlace& place, const std::vector<std::string>& header, const std::string& name);

// Error(Usage) when `names` names a column, in a file whose columns are fixed: `columns` lists them.
void RefuseColumnNames(const std::string& file, const ColumnNames& names, const std::string& columns);

// Names without the blanks around them.
std::vector<std::string> TrimmedNames(const std::vector<std::string>& header);
// The names that are looked for when none is given.
const std::vector<std::string>& UsualTimeNames();
const std::vector<std::string>& UsualValueNames();
// Names as messages list them: quoted, the first ones of many.
std::string ListNames(const std::vector<std::string>& names);

// Nothing when the file has no titles or no ids. `typed`: the names carry RecBole types.
std::optional<TitleColumns> FindTitleColumns(const std::vector<std::string>& header, bool typed);

// "user_id:token" and the like.
bool IsTypedName(const std::string& name);
// A CSV header, of trimmed names, in which users and items can be found.
bool HasUserAndItem(const std::vector<std::string>& header, const ColumnNames& names);
// The headers of Open Bandit logs and of display logs.
bool IsOpenBanditHeader(const std::vector<std::string>& header);
bool IsDisplayHeader(const std::vector<std::string>& header);

}  // namespace recforce::data
