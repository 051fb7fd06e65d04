// SPDX-License-Identifier: Apache-2.0
// Interaction logs and item titles out of the formats that people have. A reader knows one file and its rows; which
// files make a log is the business of input_files.h, filters and ids that of convert.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/line_source.h"
#include "recforce/data/dataset.h"

namespace recforce::data {

enum class LogKind {
  kInter,       // RecBole: tab, header of name:type
  kUData,       // MovieLens-100k: tab, no header, user item rating timestamp
  kRatingsDat,  // MovieLens-1M, -10M: "::", no header, the same four columns
  kCsv,  // comma, tab or semicolon (whichever the header has first), header of names, RFC 4180 quotes; also ratings.csv
  kDecisions,   // our own decision log: a row for each slot
  kOpenBandit,  // CSV of the Open Bandit Dataset: position, click, propensity, features of the user
  kJsonl,       // an object a line
  kGorse,       // feedback dump of gorse: an object a line
  kAdjacency,   // user item item ...
  kSessions,    // item item ...: a session a line
  kTestCases,   // item item ... target: a test session a line
  kPairs,       // user item
  kNegatives,   // (user,item) item ...: candidates of the "Neural Collaborative Filtering" files, no rows
  kDisplays,    // tab, header: rows of what was shown, one session and time a display, with clicks
  kMatrix,      // dense matrix of Coat: a user a line, 0 where not rated
};

// Columns by name; an empty one means the first of its usual names that the file has.
struct ColumnNames {
  std::string user;
  std::string item;
  std::string time;
  std::string value;
  std::vector<std::string> feedback_types = {};  // gorse: only these; empty: all
  // Without usual names: a user's column `part` may mean anything.
  std::string part = {};
  std::string propensity = {};
  std::string position = {};
  std::string context = {};
};

// One interaction. Views are valid until the sink returns. Ids are not empty; time and value are 0 where the log
// has none; value fits a float.
struct LogRow {
  std::string_view user;
  std::string_view item;
  std::int64_t time = 0;  // whole seconds since 1970, fractions cut towards the past
  double value = 0.0;
  std::int64_t line = 0;
  float propensity = 0.0F;    // in (0, 1]
  std::int32_t position = 0;  // as in the log
  Part part = Part::kTrain;
  std::string_view context = {};  // empty: not known
};

// Items shown together. Its clicks come as rows of their own, right after it.
struct LogDisplay {
  std::string_view user;
  std::int64_t time = 0;
  std::span<const std::string_view> items;  // in the order shown
  std::span<const std::uint8_t> clicked;    // parallel to items, 1: chosen
  std::int64_t line = 0;
  Part part = Part::kTrain;
};

// Which members of its rows a log fills.
struct LogContent {
  bool time = false;
  bool value = false;
  bool propensity = false;
  bool position = false;
  bool part = false;
  bool context = false;
};

// Rows of a log without propensities, positions, parts and contexts, member by member. Spans are parallel, those of
// members that the log does not have are empty; row i stands in line `first_line + line[i]`. Else as LogRow.
struct LogRows {
  std::span<const std::string_view> user;
  std::span<const std::string_view> item;
  std::span<const std::int64_t> time;
  std::span<const double> value;
  std::span<const std::uint32_t> line;
  std::int64_t first_line = 0;

  [[nodiscard]] std::size_t size() const { return user.size(); }
  [[nodiscard]] LogRow row(std::size_t i) const {
    LogRow one;
    one.user = user[i];
    one.item = item[i];
    one.time = time.empty() ? 0 : time[i];
    one.value = value.empty() ? 0.0 : value[i];
    one.line = first_line + line[i];
    return one;
  }
};

// Takes what a reader finds. Begin() once, then rows in the order of the log.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void Begin(const LogContent& content) = 0;
  virtual void Add(const LogRow& row) = 0;
  // Many rows at once; the same as adding one after the other.
  virtual void AddRows(const LogRows& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Add(rows.row(i));
    }
  }
  virtual void AddDisplay(const LogDisplay& display) = 0;
  // Items that a published protocol ranks against the user's test targets; once a user at most.
  virtual void AddCandidates(std::string_view user, std::span<const std::string_view> items) = 0;
  // `file:line:column: what: 'found'; what was expected`. May throw to end the reading.
  virtual void AddBad(std::string message) = 0;
};

// Error(Data): empty file, bad header, and what the sources of lines and records throw. Error(Usage): a column that the
// file does not have, column names for a kind that has none.
void ReadLog(LineSource& source, LogKind kind, const ColumnNames& names, RowSink& sink);

// The kind that the first line looks like, or nothing. `names` as for ReadLog().
std::optional<LogKind> GuessLogKind(std::string_view first_line, const ColumnNames& names);

enum class TitleKind {
  kItem,       // RecBole .item: the title is the column "name" or the first whose name contains "title"
  kMoviesDat,  // id::title::genres, UTF-8 or latin-1
  kMoviesCsv,  // movieId,title,genres
  kUItem,      // id|title|..., UTF-8 or latin-1
  kGorse,      // an object a line with ItemId and Comment
};

// Calls `add` for each row with an id and its title; nothing for a file without a column of titles.
// Malformed rows go to `add_bad`; bad headers are Error(Data).
void ReadTitles(LineSource& source, TitleKind kind, const std::function<void(std::string_view, std::string_view)>& add,
                const std::function<void(std::string)>& add_bad);

}  // namespace recforce::data
