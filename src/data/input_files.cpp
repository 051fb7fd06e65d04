// SPDX-License-Identifier: Apache-2.0
// Looking for logs and titles on disk.
#include "data/input_files.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "data/input_paths.h"
#include "data/word_reader.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorKind;

struct Known {
  LogKind kind;
  std::string format;
};

// One file of a published split, by the end of its name.
struct SplitFile {
  std::string_view suffix;
  LogKind kind;
  std::optional<Part> part;
  bool needed;
};

// A split that publishers use. With `named`, a name of the log stands before each suffix.
struct SplitRule {
  std::string_view format;
  bool named;
  std::array<SplitFile, 3> files;  // the training file first; an empty suffix: no file
};

constexpr SplitFile kNoFile{"", LogKind::kCsv, std::nullopt, false};
constexpr std::array<SplitRule, 5> kSplitRules = {{
    {"recbole",
     true,
     {{{".train.inter", LogKind::kInter, Part::kTrain, true},
       {".valid.inter", LogKind::kInter, Part::kValidation, false},
       {".test.inter", LogKind::kInter, Part::kTest, true}}}},
    {"ncf",
     true,
     {{{".train.rating", LogKind::kUData, Part::kTrain, true},
       {".test.rating", LogKind::kUData, Part::kTest, true},
       {".test.negative", LogKind::kNegatives, std::nullopt, false}}}},
    {"coat",
     false,
     {{{"train.ascii", LogKind::kMatrix, Part::kTrain, true},
       {"test.ascii", LogKind::kMatrix, Part::kTest, true},
       kNoFile}}},
    {"adjacency",
     false,
     {{{"train.txt", LogKind::kAdjacency, Part::kTrain, true},
       {"test.txt", LogKind::kAdjacency, Part::kTest, true},
       kNoFile}}},
    {"sessions",
     false,
     {{{"train_sessions.txt", LogKind::kSessions, Part::kTrain, true},
       {"test_cases.txt", LogKind::kTestCases, std::nullopt, true},
       kNoFile}}},
}};

std::string FormatsHint() {
  std::vector<std::string> names = FormatNames();
  names.pop_back();  // auto
  return "expected a log that its name or its first line tells; say which with --format: " + base::Join(names, ", ");
}

// The split of which `train` is the training file, when its other needed files lie beside it.
std::optional<LogFile> SplitOf(const fs::path& train, const std::string& format) {
  const std::string name = PlainName(train);
  for (const SplitRule& rule : kSplitRules) {
    const std::string_view suffix = rule.files.front().suffix;
    if ((format != "auto" && format != rule.format) || !name.ends_with(suffix) ||
        (name.size() > suffix.size()) != rule.named) {
      continue;
    }
    const std::string stem = name.substr(0, name.size() - suffix.size());
    LogFile log;
    log.path = stem.empty() ? train.parent_path() : train.parent_path() / stem;
    log.format = rule.format;
    bool whole = true;
    for (const SplitFile& file : rule.files) {
      if (file.suffix.empty()) {
        continue;
      }
      const fs::path plain = train.parent_path() / (stem + std::string(file.suffix));
      const std::optional<fs::path> path = log.inputs.empty() ? train : Existing(plain);
      if (path) {
        log.inputs.push_back({*path, file.kind, file.part, {}});
      }
      whole = whole && (path || !file.needed);
    }
    if (whole) {
      return log;
    }
  }
  return std::nullopt;
}

// The format that the name of a file says for certain.
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
  return std::nullopt;
}

bool IsCsvName(const fs::path& path) {
  const fs::path extension = fs::path(PlainName(path)).extension();
  return extension == ".csv" || extension == ".tsv";
}
bool IsJsonlName(const fs::path& path) {
  const fs::path extension = fs::path(PlainName(path)).extension();
  return extension == ".jsonl" || extension == ".ndjson";
}

std::string FormatOf(LogKind kind) {
  switch (kind) {
    case LogKind::kInter:
      return "recbole";
    case LogKind::kUData:
    case LogKind::kRatingsDat:
      return "movielens";
    case LogKind::kJsonl:
      return "jsonl";
    case LogKind::kGorse:
      return "gorse";
    case LogKind::kDisplays:
      return "displays";
    case LogKind::kDecisions:
      return "decisions";
    case LogKind::kOpenBandit:
      return "open_bandit";
    default:
      return "csv";
  }
}

// The format of a single file whose name alone does not say it: `format` is "auto" or "movielens", which has several.
Known KindByContent(const fs::path& path, const std::string& format, const ColumnNames& names) {
  if (KindOfPath(path) != PathKind::kFile) {  // what is looked at would be missing from what is read
    throw Error(ErrorKind::kUsage, path.string() + ": format of a pipe cannot be looked at; say it with --format" +
                                       (format == "movielens" ? ", movielens only for a regular file" : ""));
  }
  LineSource source = LineSource::Open(path);
  const std::optional<std::string_view> first = source.Peek();
  if (!first) {
    throw Error(ErrorKind::kData, path.string() + ": file is empty; expected one interaction a line");
  }
  RefuseLoneReturns(source, *first);
  const std::optional<LogKind> kind = GuessLogKind(*first, names);
  const bool movielens = kind == LogKind::kUData || kind == LogKind::kRatingsDat || kind == LogKind::kCsv;
  if (kind && (format == "auto" || (format == "movielens" && movielens))) {
    return {*kind, format == "auto" ? FormatOf(*kind) : format};
  }
  if (format == "auto" && IsCsvName(path)) {
    return {LogKind::kCsv, "csv"};  // its reader says what the header lacks
  }
  if (format == "auto" && IsJsonlName(path)) {
    return {LogKind::kJsonl, "jsonl"};
  }
  throw Error(ErrorKind::kUsage,
              path.string() + ": format is not recognised: the first line is " + Quoted(*first) + "; " + FormatsHint());
}

Known KindOfFile(const fs::path& path, const std::string& format, const ColumnNames& names) {
  static const std::vector<std::pair<std::string, LogKind>> kinds = {
      {"recbole", LogKind::kInter},       {"csv", LogKind::kCsv},
      {"jsonl", LogKind::kJsonl},         {"gorse", LogKind::kGorse},
      {"adjacency", LogKind::kAdjacency}, {"pairs", LogKind::kPairs},
      {"ncf", LogKind::kUData},           {"displays", LogKind::kDisplays},
      {"decisions", LogKind::kDecisions}, {"open_bandit", LogKind::kOpenBandit},
      {"coat", LogKind::kMatrix}};
  for (const auto& [name, kind] : kinds) {
    if (format == name) {
      return {kind, format};
    }
  }
  if (format == "sessions") {
    return {PlainName(path) == "test_cases.txt" ? LogKind::kTestCases : LogKind::kSessions, format};
  }
  const std::optional<Known> known = KindByName(path);
  if (known && (format == "auto" || known->format == format)) {
    return *known;
  }
  return KindByContent(path, format, names);
}

// In a folder a .csv, .jsonl or .txt counts only when it was asked for: it may be anything.
bool Wanted(const fs::path& path, const std::string& format, bool has_item_context) {
  std::string name = PlainName(path);
  if (const std::optional<Known> known = KindByName(path)) {
    return format == "auto" || format == known->format || (format == "csv" && known->kind == LogKind::kCsv);
  }
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name.starts_with("readme")) {
    return false;
  }
  if (format == "csv") {
    return IsCsvName(path);
  }
  if (format == "open_bandit" || (format == "auto" && has_item_context)) {
    return IsCsvName(path) && name != "item_context.csv";
  }
  if (format == "gorse" || (format == "auto" && name == "feedback.jsonl")) {
    return IsJsonlName(path) && name != "items.jsonl" && name != "users.jsonl";
  }
  if (format == "jsonl" || format == "decisions") {
    return IsJsonlName(path);
  }
  const bool of_text = format == "adjacency" || format == "sessions" || format == "pairs" || format == "displays";
  return of_text && fs::path(name).extension() == ".txt";
}

// A line of at least two whole numbers: what a folder with train.txt and test.txt must begin with to be taken for
// adjacency lists unasked.
bool IsListOfNumbers(const fs::path& path) {
  LineSource source = LineSource::Open(path);
  WordReader words(source);
  return words.Next() == WordReader::Status::kRow && words.size() >= 2 &&
         std::all_of(words.words().begin(), words.words().end(),
                     [](std::string_view word) { return base::ParseInt(word).has_value(); });
}

LogFile SingleFile(const fs::path& path, const std::string& format, const ColumnNames& names) {
  const Known known = KindOfFile(path, format, names);
  LogFile log;
  log.path = path;
  log.format = known.format;
  log.inputs.push_back({path, known.kind, {}, {}});
  return log;
}

// The format that a file's name suggests, though a folder may hold such files for other reasons; empty without one.
std::string SuggestedFormat(const fs::path& path) { return IsCsvName(path) ? "csv" : IsJsonlName(path) ? "jsonl" : ""; }

[[noreturn]] void FailWithoutLog(const fs::path& folder, const std::vector<fs::path>& files,
                                 const std::string& format) {
  constexpr std::size_t kShown = 5;
  std::vector<std::string> listed;
  std::vector<fs::path> suggested;
  for (const fs::path& file : files) {
    if (listed.size() < kShown) {
      listed.push_back(Quoted(file.filename().string()));
    }
    if (!SuggestedFormat(file).empty()) {
      suggested.push_back(file);
    }
  }
  const std::string found =
      files.empty() ? "it has no files" : base::Join(listed, ", ") + (files.size() > kShown ? ", ..." : "");
  const std::string hint =
      format == "auto" && suggested.size() == 1
          ? "give " + suggested.front().string() + " itself, or --format " + SuggestedFormat(suggested.front())
          : FormatsHint();
  throw Error(ErrorKind::kUsage, folder.string() + ": no log in this folder: " + found + "; " + hint);
}

LogFile LogInFolder(const fs::path& folder, const std::string& format, const ColumnNames& names) {
  const std::vector<fs::path> files = FilesIn(folder);
  const bool has_item_context = std::any_of(files.begin(), files.end(),
                                            [](const fs::path& file) { return PlainName(file) == "item_context.csv"; });
  std::vector<LogFile> splits;
  std::vector<fs::path> found;
  // A RecBole folder may hold NAME.train.inter beside NAME.inter; FOLDER.inter is the whole log.
  const std::string own_name = LastName(folder) + ".inter";
  for (const fs::path& file : files) {
    if (PlainName(file) == own_name && Wanted(file, format, has_item_context)) {
      return SingleFile(file, format, names);
    }
    std::optional<LogFile> split = SplitOf(file, format);
    if (split && (format != "auto" || split->format != "adjacency" || IsListOfNumbers(file))) {
      splits.push_back(std::move(*split));
    }
  }
  const auto in_split = [&](const fs::path& file) {
    return std::any_of(splits.begin(), splits.end(), [&](const LogFile& split) {
      return std::any_of(split.inputs.begin(), split.inputs.end(),
                         [&](const LogInput& input) { return input.path == file; });
    });
  };
  for (const fs::path& file : files) {
    if (Wanted(file, format, has_item_context) && !in_split(file)) {
      found.push_back(file);
    }
  }
  if (splits.size() + found.size() == 1) {
    return splits.empty() ? SingleFile(found.front(), format, names) : splits.front();
  }
  if (splits.empty() && found.empty()) {
    FailWithoutLog(folder, files, format);
  }
  std::vector<std::string> listed;
  for (const LogFile& split : splits) {
    listed.push_back(Quoted(split.inputs.front().path.filename().string()));
  }
  for (const fs::path& file : found) {
    listed.push_back(Quoted(file.filename().string()));
  }
  throw Error(ErrorKind::kUsage, folder.string() + ": more than one log in this folder: " + base::Join(listed, ", ") +
                                     "; give the file itself");
}

void FindTitles(LogFile& log) {
  const fs::path& path = log.inputs.front().path;
  std::string name;
  switch (log.inputs.front().kind) {
    case LogKind::kInter:
      name = (log.inputs.size() > 1 ? log.path.filename() : fs::path(PlainName(path)).stem()).string() + ".item";
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
    case LogKind::kGorse:
      name = "items.jsonl";
      log.title_kind = TitleKind::kGorse;
      break;
    case LogKind::kCsv:
      name = "movies.csv";
      log.title_kind = TitleKind::kMoviesCsv;
      break;
    default:
      return;
  }
  const bool has_titles = log.format == "movielens" || log.format == "recbole" || log.format == "gorse";
  if (has_titles) {
    log.titles = Existing(path.parent_path() / name);
  }
}

}  // namespace

const std::vector<std::string>& FormatNames() {
  static const std::vector<std::string> names = {"recbole",   "movielens",   "csv",   "jsonl", "gorse",
                                                 "adjacency", "sessions",    "pairs", "ncf",   "displays",
                                                 "decisions", "open_bandit", "coat",  "auto"};
  return names;
}

ColumnNames NamesOf(const ConvertOptions& options) {
  return {options.user_column,       options.item_column,     options.time_column,
          options.value_column,      options.feedback_types,  options.part_column,
          options.propensity_column, options.position_column, options.context_column};
}

LogFile FindLog(const fs::path& input, const std::string& format, const ColumnNames& names) {
  const std::vector<std::string>& formats = FormatNames();
  if (std::find(formats.begin(), formats.end(), format) == formats.end()) {
    throw Error(ErrorKind::kUsage, "--format: unknown choice " + Quoted(format) + "; expected " +
                                       base::Join(formats, ", ") + base::DidYouMean(format, formats));
  }
  const bool is_folder = KindOfPath(input) == PathKind::kFolder;
  const std::optional<LogFile> split = is_folder ? std::nullopt : SplitOf(input, format);
  LogFile log = is_folder ? LogInFolder(input, format, names) : split ? *split : SingleFile(input, format, names);
  if (!names.part.empty() && log.inputs.front().part) {
    throw Error(ErrorKind::kUsage, log.path.string() + ": --part-col: the files of this log say the parts: " +
                                       Quoted(names.part) + "; leave it out, or give one file that holds all parts");
  }
  if (!names.feedback_types.empty() && log.format != "gorse") {
    throw Error(ErrorKind::kUsage, log.path.string() + ": --feedback-types: format " + log.format +
                                       " has no types of feedback: " + Quoted(names.feedback_types.front()) +
                                       "; expected a gorse dump");
  }
  if (log.format == "coat" && PlainName(log.inputs.front().path) == "train.ascii") {
    log.inputs.front().propensities = Existing(log.inputs.front().path.parent_path() / "propensities.ascii");
  }
  // Coat has pairs that were rated twice: once chosen, for training, and once drawn at random, for testing.
  if (const std::vector<std::string> keeping = {"sessions", "displays", "decisions", "open_bandit", "coat"};
      std::find(keeping.begin(), keeping.end(), log.format) != keeping.end()) {
    log.duplicates = "keep";
  }
  FindTitles(log);
  return log;
}

}  // namespace recforce::data
