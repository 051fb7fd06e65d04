// SPDX-License-Identifier: Apache-2.0
// `recforce data validate` and `recforce data export`: between datasets and the files of other tools.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "cli/commands.h"
#include "recforce/base/error.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "recforce/data/export.h"
#include "recforce/data/validate.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;
using base::FormatCount;

constexpr std::array<const char*, 4> kParts = {"train", "validation", "test", "input"};

bool HasField(const data::ValidateReport& report, const std::string& name) {
  return std::find(report.fields.begin(), report.fields.end(), name) != report.fields.end();
}

Json ToJson(const data::ValidateReport& report) {
  Json parts = nullptr;
  if (HasField(report, "part")) {
    parts = Json::object();
    for (std::size_t i = 0; i < kParts.size(); ++i) {
      parts[kParts.at(i)] = report.rows_of_part.at(i);
    }
  }
  return {
      {"format", report.format},
      {"files", report.files},
      {"fields", report.fields},
      {"rows", report.rows},
      {"bad_rows", report.bad_rows},
      {"first_bad_rows", report.first_bad_rows},
      {"users", report.users},
      {"items", report.items},
      {"time", report.first_time ? Json{{"first", *report.first_time}, {"last", *report.last_time}} : Json(nullptr)},
      {"value",
       report.least_value ? Json{{"min", *report.least_value}, {"max", *report.greatest_value}} : Json(nullptr)},
      {"parts", std::move(parts)},
      {"pairs_in_two_parts", report.pairs_in_two_parts},
      {"displays", report.displays},
      {"candidate_lists", report.candidate_lists},
      {"candidates", report.candidates},
      {"titled_items", report.titled_items ? Json(*report.titled_items) : Json(nullptr)},
      {"warnings", report.warnings}};
}

void PrintLine(const std::string& name, const std::string& text) { fmt::print("{:<13}{}\n", name, text); }

// Lines of one kind, the name before the first.
void PrintList(const std::string& name, const std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    PrintLine(i == 0 ? name : "", lines[i]);
  }
}

void PrintParts(const data::ValidateReport& report) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < kParts.size(); ++i) {
    if (report.rows_of_part.at(i) > 0) {
      parts.push_back(fmt::format("{} {}", kParts.at(i), FormatCount(report.rows_of_part.at(i))));
    }
  }
  PrintLine("parts", base::Join(parts, ", "));
}

void PrintReport(const data::ValidateReport& report) {
  PrintLine("format", report.format);
  PrintList("files", report.files);
  PrintLine("fields", base::Join(report.fields, ", "));
  PrintLine("rows", fmt::format("{} good, {} malformed", FormatCount(report.rows), FormatCount(report.bad_rows)));
  PrintLine("users", FormatCount(report.users));
  PrintLine("items", FormatCount(report.items));
  if (report.first_time) {
    PrintLine("times", fmt::format("{} to {} (UTC)", TimeText(*report.first_time), TimeText(*report.last_time)));
  }
  if (report.least_value) {
    PrintLine("values", base::FormatReal(*report.least_value) + " to " + base::FormatReal(*report.greatest_value));
  }
  if (HasField(report, "part")) {
    PrintParts(report);
  }
  if (report.displays > 0) {
    PrintLine("displays", FormatCount(report.displays));
  }
  if (report.candidate_lists > 0) {
    PrintLine("candidates", fmt::format("{} items for {} users", FormatCount(report.candidates),
                                        FormatCount(report.candidate_lists)));
  }
  if (report.titled_items) {
    PrintLine("titles", fmt::format("of {} items", FormatCount(*report.titled_items)));
  }
  PrintList("malformed", report.first_bad_rows);
  if (report.bad_rows > static_cast<std::int64_t>(report.first_bad_rows.size())) {
    PrintLine("", "... (--max-bad-rows shows more)");
  }
  PrintList("warnings", report.warnings.empty() ? std::vector<std::string>{"none"} : report.warnings);
}

}  // namespace

void RunValidate(const ValidateArgs& args, const Session& session) {
  data::ConvertOptions options = args.options;
  options.stop = session.stop;
  const data::ValidateReport report = data::Validate(args.input, options, args.shown_bad_rows);
  if (args.json) {
    fmt::print("{}\n", ToJson(report).dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    PrintReport(report);
  }
  std::fflush(stdout);  // before an error on stderr
  if (report.bad_rows > 0) {
    throw base::Error(base::ErrorKind::kData, args.input + ": malformed rows: " + FormatCount(report.bad_rows) +
                                                  " of " + FormatCount(report.rows + report.bad_rows) +
                                                  "; convert leaves them out with --max-bad-rows " +
                                                  std::to_string(report.bad_rows));
  }
  if (report.pairs_in_two_parts > 0) {
    throw base::Error(base::ErrorKind::kData, args.input + ": leak: pairs of user and item in two parts: " +
                                                  FormatCount(report.pairs_in_two_parts) +
                                                  "; expected each pair in one part (convert --duplicates keep keeps "
                                                  "both)");
  }
}

void RunExport(const ExportArgs& args, const Session& session) {
  const data::Dataset dataset = data::Dataset::Open(args.directory);
  const data::ExportReport report = data::Export(base::RealFileSystem(), dataset, args.format, args.out, session.stop);
  for (const std::string& what : report.left_out) {
    base::LogWarn(args.format + " cannot hold " + what + ": left out");
  }
  const std::string how =
      report.read_back.empty() ? "" : "convert reads this back with " + base::Join(report.read_back, " ");
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(report.files.front(), ignored)) {
    if (!how.empty()) {
      base::LogInfo(how);  // stdout may be where the log went
    }
    return;
  }
  for (const std::filesystem::path& file : report.files) {
    fmt::print("{}\n", file.string());
  }
  if (!how.empty()) {
    fmt::print("{}\n", how);
  }
}

}  // namespace recforce::cli
