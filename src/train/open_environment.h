// SPDX-License-Identifier: Apache-2.0
// The users to try a policy on, and the policy, from what a command line or a configuration calls them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "recforce/core/algorithm.h"
#include "recforce/core/environment.h"
#include "recforce/core/served_slate.h"
#include "recforce/core/slate_policy.h"
#include "sim/environment_config.h"

namespace recforce::train {

struct OpenedEnvironment {
  std::shared_ptr<const core::Environment> environment;
  std::vector<std::string> item_ids;     // by index; of a world numbers from 0, all with as many digits
  std::vector<std::string> item_titles;  // by index, or empty
  std::string name;                      // "world:NAME", or the folder and its model: "runs/users (gan)"
  std::string dataset_fingerprint;       // of what its model learnt from; "" for a world
};

// The environment's index of each item, by its id. Views into item_ids.
std::unordered_map<std::string_view, std::int32_t> IndexOfItems(const OpenedEnvironment& environment);

// Whether a source is "world:NAME" and no folder.
bool IsWorld(std::string_view source);
// "world:tabular, world:linear": every world there is.
std::string WorldSources();

// config.source: "world:NAME" (sim::MakeWorld), or a run or bundle folder whose model stands for users. Its rewards
// take config.pessimism where the model has a setting of that name. Error(Usage): no source, another model, or
// pessimism for one that has none; else as OpenBundle.
OpenedEnvironment OpenEnvironment(const core::Registry& registry, const sim::EnvironmentConfig& config,
                                  const std::string& device);

struct OpenedPolicy {
  std::shared_ptr<const core::SlatePolicy> policy;
  std::vector<std::string> item_ids;  // by the policy's index
  std::string name;                   // the folder and its model
  // Environment::identity() of where it learnt or of what it believes, and whether that was learnt itself; "" for
  // models of a log.
  std::string trained_in;
  bool trained_in_learnt = false;
};

// A run or bundle folder: AlgorithmSpec::load_policy of its model, else the k best of its scores
// (sim::MakeRecommenderPolicy). Errors as OpenBundle.
OpenedPolicy OpenPolicy(const core::Registry& registry, const std::filesystem::path& run, const std::string& device);

// A run or bundle folder: slates that are drawn by the scores of its model, whatever it would serve itself
// (sim::MakeDrawingPolicy). Errors as OpenBundle.
OpenedPolicy OpenDrawn(const core::Registry& registry, const std::filesystem::path& run, const core::ServingRule& rule,
                       const std::string& device);

// The slates that are best at once by what the model of a run or bundle folder believes of users with the same clicks:
// sim::MakeBelievingPolicy of sim::MakeImmediatePolicy. `how` is one of sim::ImmediatePolicyNames(). An ensemble's mean
// is believed, without pessimism. Errors as OpenEnvironment; Error(Usage): a model of users whom clicks do not explain.
OpenedPolicy OpenBelief(const core::Registry& registry, std::string_view how, const std::filesystem::path& run,
                        const std::string& device);

// Whether the policy comes from this very environment, which was learnt itself: it has the errors of those users.
bool LearntItsErrors(const OpenedPolicy& policy, const OpenedEnvironment& environment);

// The policy as one over the environment's items, found by their ids; it shows those that it knows. Error(Usage): it
// knows an item that the environment has not, LearntItsErrors and `allow_training_environment` is off, or it knows
// fewer than `slate` items.
std::shared_ptr<const core::SlatePolicy> FitPolicy(const OpenedPolicy& policy, const OpenedEnvironment& environment,
                                                   std::int64_t slate, bool allow_training_environment);

}  // namespace recforce::train
