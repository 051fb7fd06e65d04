// SPDX-License-Identifier: Apache-2.0
// `recforce recommend`: the best items for one user, from the bundle alone.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cli/commands.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "train/run_folder.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void NotFound(const std::string& where, const std::string& what, const std::string& id,
                           const std::vector<std::string>& known, const std::string& where_from) {
  throw base::Error(base::ErrorKind::kNotFound, where + ": unknown " + what + ": '" + id + "'; expected one of the " +
                                                    base::FormatCount(static_cast<std::int64_t>(known.size())) + " " +
                                                    where_from + base::DidYouMean(id, known));
}

std::vector<std::int32_t> HistoryOfUser(const train::LoadedModel& model, const std::string& run,
                                        const std::string& user) {
  if (model.user_ids.size() == 0) {
    throw base::Error(base::ErrorKind::kNotFound,
                      run + ": the model holds no histories: 'train.store_histories' was off; give --history instead");
  }
  const std::optional<std::int32_t> row = model.user_ids.Find(user);
  if (!row) {
    NotFound(run, "user", user, model.user_ids.ToVector(), "users of the log");
  }
  const std::span<const std::int32_t> history = model.histories.row(*row);
  return {history.begin(), history.end()};
}

// Items named twice count once, where they first stand, unless the model knows repeats.
std::vector<std::int32_t> HistoryOfIds(const train::LoadedModel& model, const std::string& run,
                                       const std::string& ids) {
  const std::vector<std::string> known = model.item_ids.ToVector();
  std::unordered_map<std::string, std::int32_t> index;
  for (std::size_t item = 0; item < known.size(); ++item) {
    index.emplace(known[item], static_cast<std::int32_t>(item));
  }
  std::vector<std::int32_t> history;
  for (std::size_t begin = 0; begin <= ids.size() && !ids.empty();) {
    const std::size_t end = std::min(ids.find(',', begin), ids.size());
    const std::string id = ids.substr(begin, end - begin);
    const auto found = index.find(id);
    if (found == index.end()) {
      NotFound(run, "item", id, known, "items of the catalogue");
    }
    if (model.repeats || std::find(history.begin(), history.end(), found->second) == history.end()) {
      history.push_back(found->second);
    }
    begin = end + 1;
  }
  return history;
}

void PrintJson(const RecommendArgs& args, const train::LoadedModel& model, std::size_t history_length,
               const std::vector<train::Recommendation>& recommendations) {
  Json items = Json::array();
  for (const train::Recommendation& recommendation : recommendations) {
    Json item = {{"item", recommendation.item}, {"score", recommendation.score}};
    if (!recommendation.title.empty()) {
      item["title"] = recommendation.title;
    }
    items.push_back(std::move(item));
  }
  const Json object = {{"model", model.bundle.manifest.algorithm},
                       {"user", args.user ? Json(*args.user) : Json(nullptr)},
                       {"history_length", history_length},
                       {"items", std::move(items)}};
  fmt::print("{}\n", object.dump(2, ' ', false, Json::error_handler_t::replace));
}

void PrintTable(const std::vector<train::Recommendation>& recommendations) {
  std::size_t width = 4;
  for (const train::Recommendation& recommendation : recommendations) {
    width = std::max(width, recommendation.item.size());
  }
  fmt::print("rank  {:<{}}  {:>10}  title\n", "item", width, "score");
  std::size_t rank = 0;
  for (const train::Recommendation& recommendation : recommendations) {
    fmt::print("{:>4}  {:<{}}  {:>10.4f}  {}\n", ++rank, recommendation.item, width, recommendation.score,
               recommendation.title.empty() ? "-" : recommendation.title);
  }
}

}  // namespace

void RunRecommend(const RecommendArgs& args, const Session& session) {
  if (args.user.has_value() == args.history.has_value()) {
    throw base::Error(base::ErrorKind::kUsage,
                      "recforce recommend: whose recommendations is unclear; expected either --user ID or --history "
                      "ID,ID,...");
  }
  const train::LoadedModel model = train::LoadModel(session.registry, args.run, args.device);
  const std::vector<std::int32_t> history =
      args.user ? HistoryOfUser(model, args.run, *args.user) : HistoryOfIds(model, args.run, *args.history);
  const std::int32_t train_row =
      args.user ? model.train_rows[static_cast<std::size_t>(*model.user_ids.Find(*args.user))] : -1;
  const std::optional<bool> mask_seen = args.seen == "auto" ? std::nullopt : std::optional(args.seen == "skip");
  const std::vector<train::Recommendation> recommendations =
      train::Recommend(model, history, args.count, train_row, mask_seen);
  if (args.json) {
    PrintJson(args, model, history.size(), recommendations);
  } else {
    PrintTable(recommendations);
  }
}

}  // namespace recforce::cli
