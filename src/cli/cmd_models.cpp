// SPDX-License-Identifier: Apache-2.0
// `recforce models`: what can be trained.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/commands.h"

namespace recforce::cli {
namespace {

nlohmann::ordered_json ToJson(const std::optional<config::SearchSpace>& space) {
  if (!space) {
    return nullptr;
  }
  if (!space->is_range()) {
    return {{"choices", space->choices}};
  }
  return {
      {"low", space->low}, {"high", space->high}, {"scale", space->scale == config::Scale::kLog ? "log" : "linear"}};
}

nlohmann::ordered_json ToJson(const core::AlgorithmSpec& spec) {
  nlohmann::ordered_json settings = nlohmann::ordered_json::array();
  const config::Section section = spec.make_config();
  for (const config::Field& field : section.fields()) {
    settings.push_back({{"key", field.key},
                        {"type", field.type},
                        {"default", field.default_text},
                        {"allowed", field.allowed},
                        {"doc", field.doc},
                        {"aliases", field.aliases},
                        {"search", ToJson(field.search)}});
  }
  return {{"name", spec.name},
          {"summary", spec.summary},
          {"paper", spec.paper},
          {"learns_by_epoch", spec.learns_by_epoch},
          {"settings", std::move(settings)}};
}

}  // namespace

void RunModels(const ModelsArgs& args, const Session& session) {
  if (args.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const core::AlgorithmSpec& spec : session.registry.all()) {
      list.push_back(ToJson(spec));
    }
    fmt::print("{}\n", list.dump(2));
    return;
  }
  std::size_t width = 0;
  for (const core::AlgorithmSpec& spec : session.registry.all()) {
    width = std::max(width, spec.name.size());
  }
  for (const core::AlgorithmSpec& spec : session.registry.all()) {
    fmt::print("{:<{}}  {}\n{:<{}}  {}\n", spec.name, width, spec.summary, "", width, spec.paper);
  }
}

}  // namespace recforce::cli
