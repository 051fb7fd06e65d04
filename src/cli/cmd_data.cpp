// SPDX-License-Identifier: Apache-2.0
// `recforce data`: convert, describe, generate; cmd_data_files.cpp has validate and export.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/run_settings.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "recforce/config/recbole_data.h"
#include "recforce/data/generate.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

// Of how many interactions each user, or each item, has. Quantiles are nearest ranks.
struct Spread {
  std::int64_t min = 0;
  std::int64_t p25 = 0;
  std::int64_t median = 0;
  std::int64_t p75 = 0;
  std::int64_t p95 = 0;
  std::int64_t max = 0;
  double mean = 0.0;
};

Spread MakeSpread(std::vector<std::int64_t> counts) {
  Spread spread;
  if (counts.empty()) {
    return spread;
  }
  std::sort(counts.begin(), counts.end());
  const auto size = static_cast<std::int64_t>(counts.size());
  // The smallest count that at least `percent` of the rows do not exceed.
  const auto quantile = [&](std::int64_t percent) {
    const std::int64_t rank = (percent * size + 99) / 100;
    return counts[static_cast<std::size_t>(std::max<std::int64_t>(rank, 1) - 1)];
  };
  std::int64_t sum = 0;
  for (const std::int64_t count : counts) {
    sum += count;
  }
  return {counts.front(),
          quantile(25),
          quantile(50),
          quantile(75),
          quantile(95),
          counts.back(),
          static_cast<double>(sum) / static_cast<double>(size)};
}

Spread PerUser(const data::Dataset& dataset) {
  std::vector<std::int64_t> counts;
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    counts.push_back(static_cast<std::int64_t>(dataset.interactions().row(user).size()));
  }
  return MakeSpread(std::move(counts));
}

Spread PerItem(const data::Dataset& dataset) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(dataset.num_items()), 0);
  for (const std::int32_t item : dataset.interactions().items) {
    ++counts[static_cast<std::size_t>(item)];
  }
  return MakeSpread(std::move(counts));
}

double Density(const data::Dataset& dataset) {
  const double cells = static_cast<double>(dataset.num_users()) * static_cast<double>(dataset.num_items());
  return cells > 0.0 ? static_cast<double>(dataset.num_interactions()) / cells : 0.0;
}

Json ToJson(const Spread& spread) {
  return {{"min", spread.min}, {"p25", spread.p25}, {"median", spread.median}, {"p75", spread.p75},
          {"p95", spread.p95}, {"max", spread.max}, {"mean", spread.mean}};
}

Json ToJson(const data::Preprocessing& preprocessing) {
  return {{"source", preprocessing.source},
          {"format", preprocessing.format},
          {"min_rating", preprocessing.min_rating ? Json(*preprocessing.min_rating) : Json(nullptr)},
          {"min_user_interactions", preprocessing.min_user_interactions},
          {"min_item_interactions", preprocessing.min_item_interactions},
          {"duplicates", preprocessing.duplicates},
          {"rows_read", preprocessing.rows_read},
          {"rows_below_rating", preprocessing.rows_below_rating},
          {"duplicates_removed", preprocessing.duplicates_removed},
          {"rows_of_rare_items", preprocessing.rows_of_rare_items},
          {"rows_of_rare_users", preprocessing.rows_of_rare_users},
          {"displays_of_absent_users", preprocessing.displays_of_absent_users},
          {"candidates_of_absent_users", preprocessing.candidates_of_absent_users},
          {"displays", preprocessing.displays}};
}

// Rows of each part, in the order of data::Part; empty when the log was not split.
std::vector<std::int64_t> RowsOfParts(const data::Dataset& dataset) {
  std::vector<std::int64_t> rows(dataset.parts().empty() ? 0 : 4, 0);
  for (const std::uint8_t part : dataset.parts()) {
    ++rows[part];
  }
  return rows;
}

// What displays hold, in numbers.
struct ShownCounts {
  std::int64_t smallest = 0;  // items of a display
  std::int64_t largest = 0;
  std::int64_t single = 0;  // displays that leave no choice
  std::int64_t clicks = 0;
  std::int64_t without_click = 0;   // displays
  std::vector<std::int64_t> parts;  // displays of each part, in the order of data::Part; empty when there are none
};

ShownCounts CountShown(const data::Displays& displays) {
  ShownCounts counts;
  counts.parts.resize(displays.parts.empty() ? 0 : 4, 0);
  for (std::int64_t display = 0; display < displays.size(); ++display) {
    const std::int64_t begin = displays.offsets[static_cast<std::size_t>(display)];
    const std::int64_t end = displays.offsets[static_cast<std::size_t>(display) + 1];
    const std::int64_t clicks =
        std::count(displays.clicked.begin() + begin, displays.clicked.begin() + end, std::uint8_t{1});
    counts.smallest = display == 0 ? end - begin : std::min(counts.smallest, end - begin);
    counts.largest = std::max(counts.largest, end - begin);
    counts.single += end - begin == 1 ? 1 : 0;
    counts.clicks += clicks;
    counts.without_click += clicks == 0 ? 1 : 0;
    if (!displays.parts.empty()) {
      ++counts.parts[displays.parts[static_cast<std::size_t>(display)]];
    }
  }
  return counts;
}

std::int64_t UsersWithCandidates(const data::Dataset& dataset) {
  std::int64_t users = 0;
  for (std::int64_t user = 0; user < dataset.candidates().rows(); ++user) {
    users += dataset.candidates().row(user).empty() ? 0 : 1;
  }
  return users;
}

// What a log may say beyond who, what, when and how much; null where it does not.
Json PartsJson(const std::vector<std::int64_t>& rows) {
  return rows.empty() ? Json(nullptr)
                      : Json{{"train", rows[0]}, {"validation", rows[1]}, {"test", rows[2]}, {"input", rows[3]}};
}
template <class T>
Json RangeJson(std::span<const T> values) {
  if (values.empty()) {
    return nullptr;
  }
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {{"min", *low}, {"max", *high}};
}
Json DisplaysJson(const data::Dataset& dataset) {
  const data::Displays& displays = dataset.displays();
  if (displays.size() == 0) {
    return nullptr;
  }
  const ShownCounts counts = CountShown(displays);
  return {{"count", displays.size()},
          {"items", displays.items.size()},
          {"smallest", counts.smallest},
          {"largest", counts.largest},
          {"single_item", counts.single},
          {"clicks", counts.clicks},
          {"without_click", counts.without_click},
          {"parts", PartsJson(counts.parts)},
          {"made", dataset.preprocessing().displays}};
}
Json CandidatesJson(const data::Dataset& dataset) {
  return dataset.candidates().rows() == 0
             ? Json(nullptr)
             : Json{{"users", UsersWithCandidates(dataset)}, {"items", dataset.candidates().nnz()}};
}

void PrintDescriptionJson(const data::Dataset& dataset) {
  Json time = nullptr;
  if (!dataset.times().empty()) {
    const auto [first, last] = std::minmax_element(dataset.times().begin(), dataset.times().end());
    time = {{"first", *first}, {"last", *last}};
  }
  const Json object = {{"users", dataset.num_users()},
                       {"items", dataset.num_items()},
                       {"interactions", dataset.num_interactions()},
                       {"density", Density(dataset)},
                       {"interactions_per_user", ToJson(PerUser(dataset))},
                       {"interactions_per_item", ToJson(PerItem(dataset))},
                       {"time", std::move(time)},
                       {"has_values", !dataset.values().empty()},
                       {"has_titles", dataset.item_titles().size() != 0},
                       {"repeats", dataset.repeats()},
                       {"parts", PartsJson(RowsOfParts(dataset))},
                       {"propensities", RangeJson(dataset.propensities())},
                       {"positions", RangeJson(dataset.positions())},
                       {"contexts", dataset.contexts().empty() ? Json(nullptr) : Json(dataset.context_names().size())},
                       {"displays", DisplaysJson(dataset)},
                       {"candidates", CandidatesJson(dataset)},
                       {"preprocessing", ToJson(dataset.preprocessing())},
                       {"fingerprint", dataset.fingerprint()}};
  fmt::print("{}\n", object.dump(2, ' ', false, Json::error_handler_t::replace));
}

void PrintSpread(const std::string& name, const Spread& spread) {
  fmt::print("{:<13}min {}, 25 % {}, median {}, 75 % {}, 95 % {}, max {}, mean {:.1f}\n", name,
             base::FormatCount(spread.min), base::FormatCount(spread.p25), base::FormatCount(spread.median),
             base::FormatCount(spread.p75), base::FormatCount(spread.p95), base::FormatCount(spread.max), spread.mean);
}

void PrintRows(const data::Preprocessing& preprocessing) {
  fmt::print("{:<13}{} rows read\n", "log", base::FormatCount(preprocessing.rows_read));
  const auto dropped = [](std::int64_t rows, const std::string& why) {
    if (rows > 0) {
      fmt::print("{:<13}- {} {}\n", "", base::FormatCount(rows), why);
    }
  };
  if (preprocessing.min_rating) {
    dropped(preprocessing.rows_below_rating, "rated below " + base::FormatReal(*preprocessing.min_rating));
  }
  dropped(preprocessing.duplicates_removed, "repeated pairs (the " + preprocessing.duplicates + " row is kept)");
  dropped(preprocessing.rows_of_rare_items,
          fmt::format("of items with fewer than {} interactions", preprocessing.min_item_interactions));
  dropped(preprocessing.rows_of_rare_users,
          fmt::format("of users with fewer than {} interactions", preprocessing.min_user_interactions));
  dropped(preprocessing.displays_of_absent_users, "displays of users without interactions");
  dropped(preprocessing.candidates_of_absent_users, "lists of candidates of users without interactions");
}

std::string PartsText(const std::vector<std::int64_t>& rows) {
  return fmt::format("train {}, validation {}, test {}, input {}", base::FormatCount(rows[0]),
                     base::FormatCount(rows[1]), base::FormatCount(rows[2]), base::FormatCount(rows[3]));
}

void PrintDisplays(const data::Dataset& dataset) {
  const data::Displays& displays = dataset.displays();
  const ShownCounts counts = CountShown(displays);
  fmt::print("{:<13}{} of {:.2f} items ({} to {}), {} clicks; {} show one item, {} have no click\n", "displays",
             base::FormatCount(displays.size()),
             static_cast<double>(displays.items.size()) / static_cast<double>(displays.size()), counts.smallest,
             counts.largest, base::FormatCount(counts.clicks), base::FormatCount(counts.single),
             base::FormatCount(counts.without_click));
  if (!counts.parts.empty()) {
    fmt::print("{:<13}{}\n", "", PartsText(counts.parts));
  }
  if (const std::string& made = dataset.preprocessing().displays; made != data::kLoggedDisplays) {
    fmt::print("{:<13}made of the interactions: {}\n", "", made);
  }
}

// Lines for what this log has of it.
void PrintShown(const data::Dataset& dataset) {
  if (const auto rows = RowsOfParts(dataset); !rows.empty()) {
    fmt::print("{:<13}{}\n", "parts", PartsText(rows));
  }
  if (const auto p = dataset.propensities(); !p.empty()) {
    const auto [low, high] = std::minmax_element(p.begin(), p.end());
    fmt::print("{:<13}{:.6g} to {:.6g}\n", "propensities", *low, *high);
  }
  if (const auto p = dataset.positions(); !p.empty()) {
    const auto [low, high] = std::minmax_element(p.begin(), p.end());
    fmt::print("{:<13}{} to {}\n", "positions", *low, *high);
  }
  if (!dataset.contexts().empty()) {
    fmt::print("{:<13}{}\n", "contexts", base::FormatCount(dataset.context_names().size()));
  }
  if (dataset.displays().size() > 0) {
    PrintDisplays(dataset);
  }
  if (dataset.candidates().rows() > 0) {
    fmt::print("{:<13}{} for {} users\n", "candidates", base::FormatCount(dataset.candidates().nnz()),
               base::FormatCount(UsersWithCandidates(dataset)));
  }
  if (dataset.repeats()) {
    fmt::print("{:<13}kept: a user may have an item several times\n", "repeats");
  }
}

void PrintDescription(const data::Dataset& dataset) {
  fmt::print("{:<13}{}\n{:<13}{}\n{:<13}{} (density {:.3f} %)\n", "users", base::FormatCount(dataset.num_users()),
             "items", base::FormatCount(dataset.num_items()), "interactions",
             base::FormatCount(dataset.num_interactions()), 100.0 * Density(dataset));
  PrintSpread("per user", PerUser(dataset));
  PrintSpread("per item", PerItem(dataset));
  if (dataset.times().empty()) {
    fmt::print("{:<13}none\n", "times");
  } else {
    const auto [first, last] = std::minmax_element(dataset.times().begin(), dataset.times().end());
    fmt::print("{:<13}{} to {} (UTC)\n", "times", TimeText(*first), TimeText(*last));
  }
  PrintShown(dataset);
  fmt::print("{:<13}{} ({})\n", "source", dataset.preprocessing().source, dataset.preprocessing().format);
  PrintRows(dataset.preprocessing());
  fmt::print("{:<13}{}\n", "fingerprint", dataset.fingerprint());
}

// The options of the flags, and of RecBole's files what flags leave open.
data::ConvertOptions ResolveOptions(const ConvertArgs& args) {
  config::RecboleData file;
  for (const std::string& path : args.config_files) {
    file = config::ReadRecboleData(path, std::move(file));
  }
  PrintNotices(file.notices);
  data::ConvertOptions options = args.options;
  const auto fill = [](std::string& option, const std::optional<std::string>& value) {
    option = option.empty() ? value.value_or("") : option;
  };
  fill(options.user_column, file.user_column);
  fill(options.item_column, file.item_column);
  fill(options.time_column, file.time_column);
  fill(options.value_column, file.value_column);
  fill(options.duplicates, file.duplicates);
  options.min_rating = options.min_rating ? options.min_rating : file.min_rating;
  if (!args.min_users_given) {
    options.min_user_interactions = file.min_user_interactions.value_or(options.min_user_interactions);
  }
  if (!args.min_items_given) {
    options.min_item_interactions = file.min_item_interactions.value_or(options.min_item_interactions);
  }
  return options;
}

}  // namespace

std::string TimeText(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts = {};
  if (gmtime_r(&time, &parts) == nullptr) {
    return std::to_string(seconds);
  }
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", parts);
}

void RunConvert(const ConvertArgs& args, const Session& session) {
  data::ConvertOptions options = ResolveOptions(args);
  options.memory_bytes = args.memory_mb << 20;
  options.stop = session.stop;
  const data::ConvertReport report = data::Convert(base::RealFileSystem(), args.input, options, args.out);
  for (const std::string& row : report.first_bad_rows) {
    base::LogWarn("skipped: " + row);
  }
  PrintRows(report.preprocessing);
  if (report.bad_rows > 0) {
    fmt::print("{:<13}{} malformed rows skipped\n", "", base::FormatCount(report.bad_rows));
  }
  fmt::print("{:<13}{}\n{:<13}{}\n{:<13}{}\n", "users", base::FormatCount(report.users), "items",
             base::FormatCount(report.items), "interactions", base::FormatCount(report.interactions));
}

void RunDescribe(const DescribeArgs& args, const Session&) {
  const data::Dataset dataset = data::Dataset::Open(args.directory);
  if (args.json) {
    PrintDescriptionJson(dataset);
  } else {
    PrintDescription(dataset);
  }
}

void RunGenerate(const GenerateArgs& args, const Session&) {
  data::GenerateDataset(base::RealFileSystem(), args.preset, static_cast<std::uint64_t>(args.seed), args.out);
  const data::Dataset dataset = data::Dataset::Open(args.out);
  fmt::print("{:<13}{}\n{:<13}{}\n{:<13}{}\n", "users", base::FormatCount(dataset.num_users()), "items",
             base::FormatCount(dataset.num_items()), "interactions", base::FormatCount(dataset.num_interactions()));
}

}  // namespace recforce::cli
