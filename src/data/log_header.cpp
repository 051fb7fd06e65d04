// SPDX-License-Identifier: Apache-2.0
// Finding columns by name, with messages that list the names there are.
#include "data/log_header.h"

#include <algorithm>
#include <array>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

// One thing that a column can be, with the names that are looked for when the user gives none.
struct Role {
  std::string_view what;
  std::string_view flag;
  std::vector<std::string> usual;
};

const Role& UserRole() {
  static const Role role{"user", "--user-col", {"user_id", "userId", "user", "uid"}};
  return role;
}
const Role& ItemRole() {
  static const Role role{"item", "--item-col", {"item_id", "itemId", "movieId", "item", "iid"}};
  return role;
}
const Role& TimeRole() {
  static const Role role{"time", "--time-col", {"timestamp", "time", "ts"}};
  return role;
}
const Role& ValueRole() {
  static const Role role{"value", "--value-col", {"rating", "value", "score"}};
  return role;
}

constexpr std::array<std::string_view, 4> kTypes = {"token", "token_seq", "float", "float_seq"};

std::string TypeOf(const std::string& name) {
  const std::size_t colon = name.rfind(':');
  return colon == std::string::npos ? "" : name.substr(colon + 1);
}
std::string WithoutType(const std::string& name) { return name.substr(0, name.rfind(':')); }

std::optional<std::size_t> Position(const std::vector<std::string>& header, const std::string& name) {
  const auto found = std::find(header.begin(), header.end(), name);
  return found == header.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - header.begin()));
}

bool HasAll(const std::vector<std::string>& header, std::initializer_list<const char*> names) {
  return std::all_of(names.begin(), names.end(), [&](const char* name) { return Position(header, name).has_value(); });
}

// The column for a role, nothing when no name is given and no usual one is there.
std::optional<std::size_t> FindColumn(const HeaderPlace& place, const std::vector<std::string>& header,
                                      const Role& role, const std::string& given) {
  std::optional<std::size_t> found;
  if (!given.empty()) {
    found = Position(header, given);
    if (!found) {
      throw Error(ErrorKind::kUsage, place(0) + ": no " + std::string(role.what) + " column " + Quoted(given) +
                                         "; the columns are " + ListNames(header) + base::DidYouMean(given, header));
    }
  } else {
    for (const std::string& name : role.usual) {
      if (!found) {
        found = Position(header, name);
      }
    }
  }
  if (found && std::count(header.begin(), header.end(), header[*found]) > 1) {
    throw Error(ErrorKind::kData, place(0) + ": column stands twice in the header: " + Quoted(header[*found]) +
                                      "; expected distinct names");
  }
  return found;
}

std::size_t NeedColumn(const HeaderPlace& place, const std::vector<std::string>& header, const Role& role,
                       const std::string& given) {
  if (const auto found = FindColumn(place, header, role, given)) {
    return *found;
  }
  throw Error(ErrorKind::kUsage, place(0) + ": no " + std::string(role.what) + " column: none of " +
                                     ListNames(role.usual) + "; the columns are " + ListNames(header) +
                                     "; name it with " + std::string(role.flag));
}

void CheckDistinct(const HeaderPlace& place, const LogColumns& columns) {
  std::vector<std::size_t> used = {columns.user, columns.item};
  if (columns.time) {
    used.push_back(*columns.time);
  }
  if (columns.value) {
    used.push_back(*columns.value);
  }
  std::sort(used.begin(), used.end());
  if (const auto twice = std::adjacent_find(used.begin(), used.end()); twice != used.end()) {
    throw Error(ErrorKind::kUsage, place(*twice) + ": column is asked for twice: " + Quoted(columns.names[*twice]) +
                                       "; expected different columns for user, item, time and value");
  }
}

void CheckType(const RecordReader& records, const std::vector<std::string>& header, std::size_t column,
               std::initializer_list<std::string_view> allowed, const std::string& expected) {
  if (std::find(allowed.begin(), allowed.end(), TypeOf(header[column])) == allowed.end()) {
    throw Error(ErrorKind::kData, records.Where(column) + ": column has a wrong type: " + Quoted(header[column]) +
                                      "; expected " + expected);
  }
}

}  // namespace

std::vector<std::string> ReadHeader(RecordReader& records) {
  switch (records.Next()) {
    case RecordReader::Status::kEnd:
      throw Error(ErrorKind::kData, records.name() + ": file is empty; expected a header that names its columns");
    case RecordReader::Status::kBad:
      throw Error(ErrorKind::kData, records.fault());
    case RecordReader::Status::kRow:
      break;
  }
  std::vector<std::string> header;
  for (std::size_t i = 0; i < records.size(); ++i) {
    header.emplace_back(records.field(i));
  }
  return header;
}

LogColumns CsvColumns(const HeaderPlace& place, const std::vector<std::string>& header, const ColumnNames& names) {
  LogColumns columns;
  columns.names = header;
  columns.user = NeedColumn(place, header, UserRole(), names.user);
  columns.item = NeedColumn(place, header, ItemRole(), names.item);
  columns.time = FindColumn(place, header, TimeRole(), names.time);
  columns.value = FindColumn(place, header, ValueRole(), names.value);
  CheckDistinct(place, columns);
  return columns;
}

LogColumns InterColumns(const RecordReader& records, const std::vector<std::string>& header, const ColumnNames& names) {
  std::vector<std::string> plain;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (!IsTypedName(header[i])) {
      throw Error(ErrorKind::kData, records.Where(i) + ": column has no type: " + Quoted(header[i]) +
                                        "; expected name:type with type token, token_seq, float or float_seq");
    }
    plain.push_back(WithoutType(header[i]));
  }
  LogColumns columns = CsvColumns([&](std::size_t i) { return records.Where(i); }, plain, names);
  CheckType(records, header, columns.user, {"token"}, "token");
  CheckType(records, header, columns.item, {"token"}, "token");
  if (columns.time) {
    CheckType(records, header, *columns.time, {"float", "token"}, "float");
  }
  if (columns.value) {
    CheckType(records, header, *columns.value, {"float", "token"}, "float");
  }
  return columns;
}

LogColumns MovielensColumns(const std::string& file, const ColumnNames& names) {
  RefuseColumnNames(file, names, "user, item, rating, timestamp");
  LogColumns columns;
  columns.names = {"user", "item", "rating", "timestamp"};
  columns.item = 1;
  columns.value = 2;
  columns.time = 3;
  return columns;
}

LogColumns OpenBanditColumns(const HeaderPlace& place, const std::vector<std::string>& header,
                             const ColumnNames& names) {
  LogColumns columns;
  columns.names = header;
  columns.item =
      names.item.empty() ? FixedColumn(place, header, "item_id") : NeedColumn(place, header, ItemRole(), names.item);
  columns.time =
      names.time.empty() ? FixedColumn(place, header, "timestamp") : NeedColumn(place, header, TimeRole(), names.time);
  columns.value =
      names.value.empty() ? FixedColumn(place, header, "click") : NeedColumn(place, header, ValueRole(), names.value);
  columns.position = FixedColumn(place, header, "position");
  const bool is_bandit_pipeline = !Position(header, "propensity_score") && Position(header, "action_prob");
  columns.propensity = FixedColumn(place, header, is_bandit_pipeline ? "action_prob" : "propensity_score");
  columns.user = columns.item;
  if (!names.user.empty()) {
    columns.user = NeedColumn(place, header, UserRole(), names.user);
    CheckDistinct(place, columns);
    return columns;
  }
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header[i].starts_with("user_feature_")) {
      columns.user_features.push_back(i);
    }
  }
  if (columns.user_features.empty()) {
    throw Error(ErrorKind::kUsage, place(0) +
                                       ": no user column: none of 'user_feature_0', 'user_feature_1', ...; the "
                                       "columns are " +
                                       ListNames(header) + "; name it with --user-col");
  }
  return columns;
}

std::size_t FixedColumn(const HeaderPlace& place, const std::vector<std::string>& header, const std::string& name) {
  const std::optional<std::size_t> found = Position(header, name);
  if (!found) {
    throw Error(ErrorKind::kData, place(0) + ": no column " + Quoted(name) +
                                      ", which this format has; the columns are " + ListNames(header) +
                                      base::DidYouMean(name, header));
  }
  if (std::count(header.begin(), header.end(), name) > 1) {
    throw Error(ErrorKind::kData,
                place(*found) + ": column stands twice in the header: " + Quoted(name) + "; expected distinct names");
  }
  return *found;
}

void RefuseColumnNames(const std::string& file, const ColumnNames& names, const std::string& columns) {
  for (const std::string* name : {&names.user, &names.item, &names.time, &names.value}) {
    if (!name->empty()) {
      throw Error(ErrorKind::kUsage,
                  file + ": this format has no column names: " + Quoted(*name) + "; its columns are " + columns);
    }
  }
}

const std::vector<std::string>& UsualTimeNames() { return TimeRole().usual; }
const std::vector<std::string>& UsualValueNames() { return ValueRole().usual; }

std::string ListNames(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 30;
  std::vector<std::string> quoted;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    quoted.push_back(Quoted(names[i]));
  }
  return base::Join(quoted, ", ") + (names.size() > kShown ? ", ..." : "");
}

std::optional<TitleColumns> FindTitleColumns(const std::vector<std::string>& header, bool typed) {
  TitleColumns columns;
  columns.count = header.size();
  std::optional<std::size_t> id;
  std::optional<std::size_t> title;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string name = typed ? WithoutType(header[i]) : header[i];
    const auto& ids = ItemRole().usual;
    if (!id && std::find(ids.begin(), ids.end(), name) != ids.end()) {
      id = i;
    } else if (!title && (name == "name" || name.find("title") != std::string::npos)) {
      title = i;
    }
  }
  if (!id || !title) {
    return std::nullopt;
  }
  columns.id = *id;
  columns.title = *title;
  return columns;
}

bool IsTypedName(const std::string& name) {
  const std::string type = TypeOf(name);
  return !WithoutType(name).empty() && std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

bool HasUserAndItem(const std::vector<std::string>& header, const ColumnNames& names) {
  const auto has = [&](const Role& role, const std::string& given) {
    return given.empty() ? std::any_of(role.usual.begin(), role.usual.end(),
                                       [&](const std::string& name) { return Position(header, name).has_value(); })
                         : Position(header, given).has_value();
  };
  return has(UserRole(), names.user) && has(ItemRole(), names.item);
}

bool IsOpenBanditHeader(const std::vector<std::string>& header) {
  return HasAll(header, {"timestamp", "item_id", "position", "click"}) &&
         (HasAll(header, {"propensity_score"}) || HasAll(header, {"action_prob"}));
}

bool IsDisplayHeader(const std::vector<std::string>& header) {
  return HasAll(header, {"SessionId", "Time", "ItemId", "is_click"});
}

}  // namespace recforce::data
