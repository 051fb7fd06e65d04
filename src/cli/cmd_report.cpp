// SPDX-License-Identifier: Apache-2.0
// `recforce report`: one HTML file, and the plots as files of their own.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "recforce/base/text.h"
#include "report/collect.h"
#include "report/figures.h"
#include "report/html.h"
#include "report/json.h"
#include "report/png.h"
#include "report/svg.h"
#include "report/words.h"

namespace recforce::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) {
      words.push_back(text.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  return words;
}

report::CollectOptions MakeOptions(const ReportArgs& args, const Session& session) {
  report::CollectOptions options;
  options.runs = args.runs;
  options.data = args.data;
  options.title = args.title;
  options.metric = args.metric;
  options.reference = args.reference;
  options.users = SplitAtCommas(args.users.value_or(""));
  options.out = args.out;
  options.plots = args.plots;
  options.evaluate = !args.no_evaluate;
  options.stop = session.stop;
  if (!session.common.quiet) {
    options.notice = [](const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); };
  }
  return options;
}

void WriteFile(const fs::path& path, const std::string& bytes) {
  base::FileSystem& files = base::RealFileSystem();
  if (path.has_parent_path()) {
    files.MakeDirectories(path.parent_path());
  }
  base::WriteAtomically(files, path, [&](base::WritableFile& file) { file.Append(bytes); });
}

std::vector<fs::path> WritePlots(const report::ReportData& data, const fs::path& folder) {
  std::vector<fs::path> written;
  for (const report::NamedFigure& figure : report::AllFigures(data)) {
    const report::Figure drawn = figure.draw(report::kFileWidth);
    written.push_back(folder / (figure.name + ".svg"));
    WriteFile(written.back(), report::SvgFile(drawn));
    written.push_back(folder / (figure.name + ".png"));
    WriteFile(written.back(), report::PngFile(drawn));
  }
  return written;
}

void PrintSummary(const report::ReportData& data, const std::vector<fs::path>& written) {
  if (data.reference) {
    fmt::print("{} over {} test {}\n", data.metric.empty() ? "metrics of all lists together" : data.metric,
               base::FormatCount(data.runs[*data.reference].evaluation->result.users), data.unit);
  }
  const std::optional<std::size_t> column = data.table.Column(data.metric);
  for (std::size_t run = 0; run < data.runs.size(); ++run) {
    const report::RunPart& part = data.runs[run];
    const bool measured = part.evaluation && column && data.table.cells[run][*column];
    fmt::print("  {:<16} {}\n",
               measured           ? report::MeanText(*data.table.cells[run][*column])
               : !part.evaluation ? part.missing
               : column           ? "not measured"
                                  : "evaluated",
               part.path);
  }
  for (const fs::path& path : written) {
    fmt::print("{}\n", path.string());
  }
}

}  // namespace

void RunReport(const ReportArgs& args, const Session& session) {
  const report::ReportData data = report::Collect(base::RealFileSystem(), session.registry, MakeOptions(args, session));
  std::vector<fs::path> written = {args.out};
  WriteFile(args.out, report::RenderHtml(data));
  if (args.plots) {
    const std::vector<fs::path> plots = WritePlots(data, *args.plots);
    written.insert(written.end(), plots.begin(), plots.end());
  }
  if (args.json) {
    fmt::print("{}\n", report::RenderJson(data));
  } else {
    PrintSummary(data, written);
  }
}

}  // namespace recforce::cli
