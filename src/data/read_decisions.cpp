// SPDX-License-Identifier: Apache-2.0
// Which format a decision log has, and what all of its readers do in the same way.
#include "recforce/data/read_decisions.h"

#include <algorithm>

#include "data/decision_log_format.h"
#include "data/decision_sink.h"
#include "data/input_paths.h"
#include "data/json_reader.h"
#include "data/log_header.h"
#include "data/record_reader.h"
#include "recforce/base/error.h"
#include "recforce/base/file_system.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorKind;

constexpr const char* kItemContext = "item_context.csv";

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The format that the first line looks like, "" where it looks like none.
std::string GuessByLine(std::string_view line) {
  try {
    if (line.starts_with('{')) {
      if (IsDecisionHeader(line, {})) {
        return "decisions";  // before its names are asked for: it may have broken off
      }
      const std::vector<std::string> names = JsonNames(line, "");
      if (IsDecisionHeader(line, names)) {
        return "decisions";
      }
      const bool is_dsjson = Has(names, "c") && (Has(names, "a") || Has(names, "_label_cost") ||
                                                 Has(names, "_outcomes") || Has(names, "EventId"));
      return is_dsjson ? "dsjson" : "";
    }
    LineSource source = LineSource::FromMemory(line, "");
    RecordReader records(source, {",", true});
    std::vector<std::string> header;
    if (records.Next() == RecordReader::Status::kRow) {
      for (std::size_t i = 0; i < records.size(); ++i) {
        header.emplace_back(records.field(i));
      }
    }
    return IsOpenBanditHeader(TrimmedNames(header)) ? "open_bandit" : "";
  } catch (const Error&) {
    return "";
  }
}

std::string Detect(const fs::path& input) {
  std::vector<std::string> formats = DecisionFormatNames();
  formats.pop_back();  // auto
  const std::string hint = "; say which with --format: " + base::Join(formats, ", ");
  if (KindOfPath(input) == PathKind::kStream) {
    throw Error(ErrorKind::kUsage,
                input.string() + ": a pipe can be read only once, so that its format cannot be told" + hint);
  }
  if (input.extension() == ".npz") {
    return "obp";
  }
  LineSource source = LineSource::Open(input);
  const std::optional<std::string_view> line = source.Peek();
  if (!line) {
    throw Error(ErrorKind::kData, input.string() + ": file is empty; expected a decision log");
  }
  std::string format = GuessByLine(*line);
  if (format.empty()) {
    throw Error(ErrorKind::kUsage, input.string() + ":" + std::to_string(source.line_number()) +
                                       ":1: is no known decision log: " + Quoted(*line) + hint);
  }
  return format;
}

DecisionLog ReadAs(const std::string& format, const fs::path& input, const DecisionReadOptions& options,
                   DecisionReport& report) {
  if (format == "obp") {
    if (KindOfPath(input) != PathKind::kFile) {
      throw Error(ErrorKind::kUsage, input.string() + ": is no file; expected an .npz file");
    }
    const base::MappedFile file(input);
    return ReadObpNpz(file.bytes(), input.string(), report);
  }
  LineSource source = LineSource::Open(input);
  if (format == "dsjson") {
    return ReadDsjson(source, options, report);
  }
  if (format == "open_bandit") {
    const std::optional<fs::path> items = Existing(input.parent_path() / kItemContext);
    std::optional<LineSource> item_source;
    if (items) {
      item_source.emplace(LineSource::Open(*items));
    }
    return ReadOpenBandit(source, item_source ? &*item_source : nullptr, options, report);
  }
  return ReadDecisionLines(source, options, report);
}

}  // namespace

const std::vector<std::string>& DecisionFormatNames() {
  static const std::vector<std::string> names = {"decisions", "open_bandit", "obp", "dsjson", "auto"};
  return names;
}

bool IsDecisionHeader(std::string_view line, const std::vector<std::string>& fields) {
  return line.starts_with("{\"format\":\"" + std::string(decision_format::kFormatName) + "\"") ||
         (Has(fields, decision_format::kFormat) && Has(fields, decision_format::kVersionField));
}

ReadDecisions ReadDecisionLog(const fs::path& input, const DecisionReadOptions& options) {
  const std::vector<std::string>& formats = DecisionFormatNames();
  if (!Has(formats, options.format)) {
    throw Error(ErrorKind::kUsage, "--format: unknown choice " + Quoted(options.format) + "; expected " +
                                       base::Join(formats, ", ") + base::DidYouMean(options.format, formats));
  }
  if (KindOfPath(input) == PathKind::kFolder) {
    throw Error(ErrorKind::kUsage, input.string() + ": is a folder; expected a file");
  }
  ReadDecisions found;
  found.report.format = options.format == "auto" ? Detect(input) : options.format;
  found.log = ReadAs(found.report.format, input, options, found.report);
  found.log.source = LastName(input);
  found.log.format = found.report.format;
  if (found.log.size() == 0) {
    const DecisionReport& report = found.report;
    throw Error(ErrorKind::kData,
                input.string() + ": no decision to evaluate on: " + base::FormatCount(report.rows_read) + " read, " +
                    base::FormatCount(report.bad_rows) + " malformed, " + base::FormatCount(report.without_reward) +
                    " without reward; expected at least one");
  }
  Check(found.log);
  return found;
}

}  // namespace recforce::data
