// SPDX-License-Identifier: Apache-2.0
// `recforce recommend`: the best items for one user or many, from the bundle alone.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cli/commands.h"
#include "recforce/base/error.h"
#include "recforce/base/file_system.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "train/run_folder.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kUsersAtOnce = 256;

[[noreturn]] void NotFound(const std::string& where, const std::string& what, const std::string& id,
                           const std::vector<std::string>& known, const std::string& where_from) {
  throw base::Error(base::ErrorKind::kNotFound, where + ": unknown " + what + ": '" + id + "'; expected one of the " +
                                                    base::FormatCount(static_cast<std::int64_t>(known.size())) + " " +
                                                    where_from + base::DidYouMean(id, known));
}

train::Asker FindUser(const train::LoadedModel& model, const std::string& run, const std::string& user) {
  if (model.user_ids.size() == 0) {
    throw base::Error(base::ErrorKind::kNotFound,
                      run + ": the model holds no histories: 'train.store_histories' was off; give --history instead");
  }
  const std::optional<std::int32_t> row = model.user_ids.Find(user);
  if (!row) {
    NotFound(run, "user", user, model.user_ids.ToVector(), "users of the log");
  }
  return {model.histories.row(*row), model.train_rows[static_cast<std::size_t>(*row)]};
}

std::int32_t FindContext(const train::LoadedModel& model, const std::string& run, const std::string& context) {
  if (model.context_names.size() == 0) {
    throw base::Error(base::ErrorKind::kUsage, run + ": --context: the log of the model has no contexts: '" + context +
                                                   "'; expected a model of a log that was converted with "
                                                   "--context-col");
  }
  const std::optional<std::int32_t> found = model.context_names.Find(context);
  if (!found) {
    NotFound(run, "context", context, model.context_names.ToVector(), "contexts of the log");
  }
  return *found;
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

// The ids of --users: all of the log, or the lines of a file.
std::vector<std::string> UsersOf(const train::LoadedModel& model, const std::string& users) {
  if (users == "all") {
    return model.user_ids.ToVector();
  }
  const std::string text = base::ReadTextFile(users);
  std::vector<std::string> ids;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string id = text.substr(begin, end - begin);
    if (!id.empty() && id.back() == '\r') {
      id.pop_back();
    }
    if (!id.empty()) {
      ids.push_back(std::move(id));
    }
    begin = end + 1;
  }
  return ids;
}

// A line for each user: {"user": ..., "items": [...], "scores": [...]}.
void WriteLists(const RecommendArgs& args, const train::LoadedModel& model, std::optional<bool> mask_seen,
                const base::StopFlag* stop) {
  const std::vector<std::string> users = UsersOf(model, *args.users);
  const std::int32_t context = args.context ? FindContext(model, args.run, *args.context) : -1;
  std::vector<train::Asker> askers;
  for (const std::string& user : users) {
    askers.push_back(FindUser(model, args.run, user));
    askers.back().context = context;
  }
  base::WriteAtomically(base::RealFileSystem(), *args.out, [&](base::WritableFile& file) {
    for (std::size_t first = 0; first < users.size(); first += kUsersAtOnce) {
      if (stop != nullptr) {
        stop->ThrowIfSet();
      }
      const std::size_t count = std::min(kUsersAtOnce, users.size() - first);
      const auto lists = train::RecommendBatch(model, std::span(askers).subspan(first, count), args.count, mask_seen);
      std::string lines;
      for (std::size_t at = 0; at < count; ++at) {
        Json line = {{"user", users[first + at]}, {"items", Json::array()}, {"scores", Json::array()}};
        for (const train::Recommendation& recommendation : lists[at]) {
          line["items"].push_back(recommendation.item);
          line["scores"].push_back(recommendation.score);
        }
        lines += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
      }
      file.Append(lines);
    }
  });
  base::LogInfo(*args.out + ": lists of " + base::FormatCount(static_cast<std::int64_t>(users.size())) + " users");
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
  if (static_cast<int>(args.user.has_value()) + static_cast<int>(args.history.has_value()) +
          static_cast<int>(args.users.has_value()) !=
      1) {
    throw base::Error(base::ErrorKind::kUsage,
                      "recforce recommend: whose recommendations is unclear; expected one of --user ID, --history "
                      "ID,ID,... and --users FILE");
  }
  if (args.users.has_value() != args.out.has_value()) {
    throw base::Error(base::ErrorKind::kUsage, "recforce recommend: --users and --out go together");
  }
  const train::LoadedModel model = train::LoadModel(session.registry, args.run, args.device);
  const std::optional<bool> mask_seen = args.seen == "auto" ? std::nullopt : std::optional(args.seen == "skip");
  if (args.users) {
    WriteLists(args, model, mask_seen, session.stop);
    return;
  }
  const std::vector<std::int32_t> own =
      args.history ? HistoryOfIds(model, args.run, *args.history) : std::vector<std::int32_t>();
  train::Asker asker = args.user ? FindUser(model, args.run, *args.user) : train::Asker{.history = own};
  asker.context = args.context ? FindContext(model, args.run, *args.context) : -1;
  const std::vector<train::Recommendation> recommendations =
      train::RecommendBatch(model, std::span(&asker, 1), args.count, mask_seen).front();
  if (args.json) {
    PrintJson(args, model, asker.history.size(), recommendations);
  } else {
    PrintTable(recommendations);
  }
}

}  // namespace recforce::cli
