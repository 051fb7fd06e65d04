// SPDX-License-Identifier: Apache-2.0
// Finding columns by name, with messages that list the names there are.
#include "data/log_header.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "data/parse_fields.h"
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

const Role& PropensityRole() {
  static const Role role{"propensity", "--propensity-col", {}};
  return role;
}
const Role& PositionRole() {
  static const Role role{"position", "--position-col", {}};
  return role;
}
const Role& PartRole() {
  static const Role role{"part", "--part-col", {}};
  return role;
}

const Role& ContextRole() {
  static const Role role{"context", "--context-col", {}};
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

std::string Trimmed(const std::string& name) {
  const std::size_t begin = name.find_first_not_of(" \t");
  return begin == std::string::npos ? "" : name.substr(begin, name.find_last_not_of(" \t") - begin + 1);
}

bool HasAll(const std::vector<std::string>& header, std::initializer_list<const char*> names) {
  return std::all_of(names.begin(), names.end(), [&](const char* name) { return Position(header, name).has_value(); });
}

// A needed name stands twice: the address is that of the second one.
[[noreturn]] void FailTwice(const HeaderPlace& place, const std::vector<std::string>& header, std::size_t first) {
  const auto second = std::find(header.begin() + static_cast<std::ptrdiff_t>(first) + 1, header.end(), header[first]);
  throw Error(ErrorKind::kData, place(static_cast<std::size_t>(second - header.begin())) +
                                    ": column stands twice in the header: " + Quoted(header[first]) +
                                    "; expected distinct names");
}

// The separator that a header of one column seems to have; empty when it looks like a name.
std::string OtherSeparator(const std::vector<std::string>& header) {
  const std::size_t found = header.size() == 1 ? header.front().find_first_of("|: ") : std::string::npos;
  return found == std::string::npos ? "" : header.front().substr(found, 1);
}

bool LooksLikeData(const std::vector<std::string>& header) {
  double ignored = 0.0;
  return std::any_of(header.begin(), header.end(),
                     [&](const std::string& name) { return ParseDecimal(name, ignored) == FieldFault::kNone; });
}

// The column for a role, nothing when no name is given and no usual one is there.
std::optional<std::size_t> FindColumn(const HeaderPlace& place, const std::vector<std::string>& header,
                                      const Role& role, const std::string& given) {
  std::optional<std::size_t> found;
  if (!given.empty()) {
    found = Position(header, given);
    found = found ? found : Position(header, Trimmed(given));
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
    FailTwice(place, header, *found);
  }
  return found;
}

std::size_t NeedColumn(const HeaderPlace& place, const std::vector<std::string>& header, const Role& role,
                       const std::string& given, HeaderForm form = HeaderForm::kLine) {
  if (const auto found = FindColumn(place, header, role, given)) {
    return *found;
  }
  std::string hint = "name it with " + std::string(role.flag);
  if (form == HeaderForm::kLine && !OtherSeparator(header).empty()) {
    hint = "they seem to be separated by " + Quoted(OtherSeparator(header)) + ": separate them by ',', ';' or tabs";
  } else if (form == HeaderForm::kLine && LooksLikeData(header)) {
    hint = "the first line looks like data: put a header line above it, or else " + hint;
  }
  throw Error(ErrorKind::kUsage, place(0) + ": no " + std::string(role.what) + " column: none of " +
                                     ListNames(role.usual) + "; the columns are " + ListNames(header) + "; " + hint);
}

void CheckDistinct(const HeaderPlace& place, const LogColumns& columns) {
  std::vector<std::size_t> used = {columns.user, columns.item};
  for (const auto& column :
       {columns.time, columns.value, columns.propensity, columns.position, columns.part, columns.context}) {
    if (column) {
      used.push_back(*column);
    }
  }
  std::sort(used.begin(), used.end());
  if (const auto twice = std::adjacent_find(used.begin(), used.end()); twice != used.end()) {
    throw Error(ErrorKind::kUsage,
                place(*twice) + ": column is asked for twice: " + Quoted(columns.names[*twice]) +
                    "; expected different columns for user, item, time, value, propensity, position, part and context");
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

LogColumns CsvColumns(const HeaderPlace& place, const std::vector<std::string>& header, const ColumnNames& names,
                      HeaderForm form) {
  const std::vector<std::string> there = form == HeaderForm::kLine ? TrimmedNames(header) : header;
  LogColumns columns;
  columns.names = there;
  columns.user = NeedColumn(place, there, UserRole(), names.user, form);
  columns.item = NeedColumn(place, there, ItemRole(), names.item, form);
  columns.time = FindColumn(place, there, TimeRole(), names.time);
  columns.value = FindColumn(place, there, ValueRole(), names.value);
  columns.propensity = FindColumn(place, there, PropensityRole(), names.propensity);
  columns.position = FindColumn(place, there, PositionRole(), names.position);
  columns.part = FindColumn(place, there, PartRole(), names.part);
  columns.context = FindColumn(place, there, ContextRole(), names.context);
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
  for (const auto& column : {columns.time, columns.value, columns.propensity, columns.position}) {
    if (column) {
      CheckType(records, header, *column, {"float", "token"}, "float");
    }
  }
  for (const auto& column : {columns.part, columns.context}) {
    if (column) {
      CheckType(records, header, *column, {"token"}, "token");
    }
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
  const std::vector<std::string> there = TrimmedNames(header);
  LogColumns columns;
  columns.names = there;
  columns.item =
      names.item.empty() ? FixedColumn(place, there, "item_id") : NeedColumn(place, there, ItemRole(), names.item);
  columns.time =
      names.time.empty() ? FixedColumn(place, there, "timestamp") : NeedColumn(place, there, TimeRole(), names.time);
  columns.value =
      names.value.empty() ? FixedColumn(place, there, "click") : NeedColumn(place, there, ValueRole(), names.value);
  columns.position = names.position.empty() ? FixedColumn(place, there, "position")
                                            : NeedColumn(place, there, PositionRole(), names.position);
  const bool is_bandit_pipeline = !Position(there, "propensity_score") && Position(there, "action_prob");
  columns.propensity = names.propensity.empty()
                           ? FixedColumn(place, there, is_bandit_pipeline ? "action_prob" : "propensity_score")
                           : NeedColumn(place, there, PropensityRole(), names.propensity);
  columns.part = FindColumn(place, there, PartRole(), names.part);
  columns.context = FindColumn(place, there, ContextRole(), names.context);
  columns.user = columns.item;
  if (!names.user.empty()) {
    columns.user = NeedColumn(place, there, UserRole(), names.user);
    CheckDistinct(place, columns);
    return columns;
  }
  for (std::size_t i = 0; i < there.size(); ++i) {
    if (there[i].starts_with("user_feature_")) {
      columns.user_features.push_back(i);
    }
  }
  if (columns.user_features.empty()) {
    throw Error(ErrorKind::kUsage, place(0) +
                                       ": no user column: none of 'user_feature_0', 'user_feature_1', ...; the "
                                       "columns are " +
                                       ListNames(there) + "; name it with --user-col");
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
    FailTwice(place, header, *found);
  }
  return *found;
}

void RefuseColumnNames(const std::string& file, const ColumnNames& names, const std::string& columns) {
  for (const std::string* name : {&names.user, &names.item, &names.time, &names.value, &names.propensity,
                                  &names.position, &names.part, &names.context}) {
    if (!name->empty()) {
      throw Error(ErrorKind::kUsage,
                  file + ": this format has no column names: " + Quoted(*name) + "; its columns are " + columns);
    }
  }
}

std::vector<std::string> TrimmedNames(const std::vector<std::string>& header) {
  std::vector<std::string> names;
  names.reserve(header.size());
  std::transform(header.begin(), header.end(), std::back_inserter(names), Trimmed);
  return names;
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
                         : Position(header, Trimmed(given)).has_value();
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
