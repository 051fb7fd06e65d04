// SPDX-License-Identifier: Apache-2.0
#include "cli/print_floors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <vector>

#include "recforce/base/text.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Text(const eval::Summary& summary) {
  return fmt::format("{:.4f} +- {:.4f}", summary.mean, summary.half_width95);
}

// Values of a row by the names of what was measured.
template <class Measures>
Json ToJson(const Measures& measures, const std::vector<eval::Summary>& summaries, double eval::Summary::*member) {
  Json object = Json::object();
  for (std::size_t index = 0; index < measures.size(); ++index) {
    object[measures[index].name] = summaries[index].*member;
  }
  return object;
}

void PrintRatedPart(const train::RatedTable& table, std::vector<eval::Summary> train::RatedRow::*part) {
  std::string head = fmt::format("  {:<16}", "");
  for (std::size_t index = 0; index < table.measures.size(); ++index) {
    head += fmt::format("  {:<16}", table.measures[index].name);
  }
  fmt::print("{}\n", head.substr(0, head.find_last_not_of(' ') + 1));
  for (const train::RatedRow& row : table.rows) {
    std::string line = fmt::format("  {:<16}", row.name);
    for (const eval::Summary& summary : row.*part) {
      line += fmt::format("  {:<16}", summary.users > 0 ? Text(summary) : "-");
    }
    fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

}  // namespace

void PrintFloors(const eval::FloorTable& table) {
  fmt::print("beside it, the same targets among the same candidates\n");
  for (std::size_t metric = 0; metric < table.metrics.size(); ++metric) {
    fmt::print("  {}\n", table.metrics[metric].name);
    for (const eval::FloorRow& row : table.rows) {
      const std::string difference = row.difference.empty()
                                         ? ""
                                         : fmt::format("  model less it {:+.4f} +- {:.4f}", row.difference[metric].mean,
                                                       row.difference[metric].half_width95);
      fmt::print("    {:<16} {}{}\n", row.name, Text(row.own[metric]), difference);
    }
  }
}

std::string FloorsToJson(const eval::FloorTable& table) {
  Json rows = Json::array();
  for (const eval::FloorRow& row : table.rows) {
    Json object = {{"name", row.name},
                   {"metrics", ToJson(table.metrics, row.own, &eval::Summary::mean)},
                   {"half_width95", ToJson(table.metrics, row.own, &eval::Summary::half_width95)}};
    if (!row.difference.empty()) {
      object["difference"] = ToJson(table.metrics, row.difference, &eval::Summary::mean);
      object["difference_half_width95"] = ToJson(table.metrics, row.difference, &eval::Summary::half_width95);
    }
    rows.push_back(std::move(object));
  }
  return Json({{"rows", std::move(rows)}, {"personal", !table.impersonal.has_value()}}).dump();
}

std::string ImpersonalWarning(const eval::FloorTable& table) {
  if (!table.impersonal) {
    return "";
  }
  const auto metric = std::find_if(table.metrics.begin(), table.metrics.end(), [&table](const eval::Metric& known) {
    return known.name == table.impersonal->name;
  });
  const eval::Summary& gap = table.rows.back().difference[static_cast<std::size_t>(metric - table.metrics.begin())];
  return fmt::format(
      "the ranking is not personal: scored as another user, users get as much {}: the difference is "
      "{:+.4f} +- {:.4f}; expected one above its interval",
      table.impersonal->name, gap.mean, gap.half_width95);
}

void PrintRated(const train::RatedTable& table, const train::RatedOptions& options) {
  fmt::print("{} takes {} of what {} test users rated: {} items, {:.1f} % of them liked (above {})\n",
             table.rows.front().name, base::FormatCount(options.steps), base::FormatCount(table.users),
             base::FormatCount(table.items),
             100.0 * static_cast<double>(table.liked) / static_cast<double>(table.items),
             base::FormatReal(options.liked_above));
  PrintRatedPart(table, &train::RatedRow::all);
  std::string users;
  for (std::size_t index = 0; index < table.measures.size() / 2; ++index) {
    users += fmt::format("{}{} with {}", index == 0 ? "" : ", ",
                         base::FormatCount(table.rows.front().full[index].users), table.measures[index].k);
  }
  fmt::print("users with at least as many test items as are taken: {}\n", users);
  PrintRatedPart(table, &train::RatedRow::full);
  fmt::print("+- is half the 95 % interval over users\n");
}

std::string RatedToJson(const train::RatedTable& table, const train::RatedOptions& options) {
  Json rows = Json::array();
  for (const train::RatedRow& row : table.rows) {
    Json object = {{"name", row.name}};
    for (const auto& [key, part] : {std::pair{"all", &row.all}, std::pair{"full_lists", &row.full}}) {
      object[key] = {{"metrics", ToJson(table.measures, *part, &eval::Summary::mean)},
                     {"half_width95", ToJson(table.measures, *part, &eval::Summary::half_width95)},
                     {"users", Json::object()}};
      for (std::size_t index = 0; index < table.measures.size(); ++index) {
        object[key]["users"][table.measures[index].name] = (*part)[index].users;
      }
    }
    rows.push_back(std::move(object));
  }
  return Json({{"model", table.rows.front().name},
               {"steps", options.steps},
               {"liked_above", options.liked_above},
               {"users", table.users},
               {"items", table.items},
               {"liked", table.liked},
               {"rows", std::move(rows)}})
      .dump(2);
}

}  // namespace recforce::cli
