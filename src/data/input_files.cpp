// SPDX-License-Identifier: Apache-2.0
// Looking for logs and titles on disk.
#include "data/input_files.h"

#include <algorithm>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorKind;

constexpr std::string_view kFormatsHint =
    "expected recbole (NAME.inter with a header of name:type), movielens (u.data, ratings.dat or ratings.csv) or "
    "csv (a header of column names; .csv or .tsv), each also .gz; say which with --format";

struct Known {
  LogKind kind;
  std::string format;
};

// The file's name without .gz.
std::string PlainName(const fs::path& path) {
  return path.extension() == ".gz" ? path.stem().string() : path.filename().string();
}

std::optional<Known> KindByName(const fs::path& path) {
  const fs::path name = PlainName(path);
  if (name.extension() == ".inter") {
    return Known{LogKind::kInter, "recbole"};
  }
  if (name == "u.data") {
    return Known{LogKind::kUData, "movielens"};
  }
  if (name == "ratings.dat") {
    return Known{LogKind::kRatingsDat, "movielens"};
  }
  if (name == "ratings.csv") {
    return Known{LogKind::kCsv, "movielens"};
  }
  if (name.extension() == ".csv" || name.extension() == ".tsv") {
    return Known{LogKind::kCsv, "csv"};
  }
  return std::nullopt;
}

// The format of a single file whose name alone does not say it.
Known KindByContent(const fs::path& path, const std::string& format, const ColumnNames& names) {
  LineSource source = LineSource::Open(path);
  const std::optional<std::string_view> first = source.Peek();
  if (!first) {
    throw Error(ErrorKind::kData, path.string() + ": file is empty; expected one interaction a line");
  }
  const std::optional<LogKind> kind = GuessLogKind(*first, names);
  if (!kind || (format == "movielens" && *kind == LogKind::kInter)) {
    throw Error(ErrorKind::kUsage, path.string() + ": format is not recognised: the first line is " + Quoted(*first) +
                                       "; " + std::string(kFormatsHint));
  }
  switch (*kind) {
    case LogKind::kInter:
      return {*kind, "recbole"};
    case LogKind::kUData:
    case LogKind::kRatingsDat:
      return {*kind, "movielens"};
    case LogKind::kCsv:
      break;
  }
  return {*kind, format == "movielens" ? "movielens" : "csv"};
}

Known KindOfFile(const fs::path& path, const std::string& format, const ColumnNames& names) {
  if (format == "recbole") {
    return {LogKind::kInter, format};
  }
  if (format == "csv") {
    return {LogKind::kCsv, format};
  }
  const std::optional<Known> known = KindByName(path);
  if (known && (format == "auto" || known->format == format)) {
    return *known;
  }
  return KindByContent(path, format, names);
}

// In a folder a .csv counts only when it was asked for: it may be anything.
bool Wanted(const fs::path& path, const std::string& format) {
  const std::optional<Known> known = KindByName(path);
  if (!known) {
    return false;
  }
  return format == "csv" ? known->kind == LogKind::kCsv
                         : known->format == format || (format == "auto" && known->format != "csv");
}

fs::path LogInFolder(const fs::path& folder, const std::string& format) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && Wanted(entry.path(), format)) {
      found.push_back(entry.path());
    }
  }
  std::sort(found.begin(), found.end());
  if (found.empty()) {
    throw Error(ErrorKind::kUsage, folder.string() + ": no log in this folder; " + std::string(kFormatsHint));
  }
  if (found.size() > 1) {
    // A RecBole folder may hold NAME.train.inter beside NAME.inter.
    const std::string own_name = fs::weakly_canonical(folder).filename().string() + ".inter";
    std::vector<std::string> names;
    for (const fs::path& path : found) {
      if (path.filename() == own_name) {
        return path;
      }
      names.push_back(Quoted(path.filename().string()));
    }
    throw Error(ErrorKind::kUsage, folder.string() + ": more than one log in this folder: " + base::Join(names, ", ") +
                                       "; give the file itself");
  }
  return found.front();
}

std::optional<fs::path> Existing(const fs::path& path) {
  for (const fs::path& candidate : {path, fs::path(path.string() + ".gz")}) {
    if (fs::is_regular_file(candidate)) {
      return candidate;
    }
  }
  return std::nullopt;
}

void FindTitles(LogFile& log) {
  std::string name;
  switch (log.kind) {
    case LogKind::kInter:
      name = fs::path(PlainName(log.path)).stem().string() + ".item";
      log.title_kind = TitleKind::kItem;
      break;
    case LogKind::kUData:
      name = "u.item";
      log.title_kind = TitleKind::kUItem;
      break;
    case LogKind::kRatingsDat:
      name = "movies.dat";
      log.title_kind = TitleKind::kMoviesDat;
      break;
    case LogKind::kCsv:
      if (log.format != "movielens") {
        return;
      }
      name = "movies.csv";
      log.title_kind = TitleKind::kMoviesCsv;
      break;
  }
  log.titles = Existing(log.path.parent_path() / name);
}

}  // namespace

const std::vector<std::string>& FormatNames() {
  static const std::vector<std::string> names = {"recbole", "movielens", "csv", "auto"};
  return names;
}

LogFile FindLog(const fs::path& input, const std::string& format, const ColumnNames& names) {
  if (!fs::exists(input)) {
    throw Error(ErrorKind::kUsage, input.string() + ": no such file or folder");
  }
  LogFile log;
  log.path = fs::is_directory(input) ? LogInFolder(input, format) : input;
  const Known known = KindOfFile(log.path, format, names);
  log.kind = known.kind;
  log.format = known.format;
  FindTitles(log);
  return log;
}

}  // namespace recforce::data
