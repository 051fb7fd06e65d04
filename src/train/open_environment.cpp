// SPDX-License-Identifier: Apache-2.0
#include "train/open_environment.h"

#include <functional>
#include <numeric>
#include <string_view>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "sim/believing_policy.h"
#include "sim/drawing_policy.h"
#include "sim/policies.h"
#include "sim/translated_policy.h"
#include "sim/worlds.h"
#include "train/open_bundle.h"
#include "train/run_folder.h"

namespace recforce::train {
namespace {

constexpr std::string_view kWorld = "world:";

[[noreturn]] void Usage(const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); }

// Numbers of equal length, so that they sort as they count.
std::vector<std::string> NumberedIds(std::int64_t count) {
  const std::size_t width = std::to_string(count - 1).size();
  std::vector<std::string> ids;
  for (std::int64_t item = 0; item < count; ++item) {
    const std::string digits = std::to_string(item);
    ids.push_back(std::string(width - digits.size(), '0') + digits);
  }
  return ids;
}

std::string NameOf(const std::string& folder, const core::AlgorithmSpec& spec) {
  return folder + " (" + spec.name + ")";
}

// `otherwise`: what else than such a run would do.
void CheckStandsForUsers(const core::Registry& registry, const std::string& folder, const core::AlgorithmSpec& spec,
                         const std::string& otherwise) {
  if (spec.load_environment) {
    return;
  }
  std::vector<std::string> models;
  for (const core::AlgorithmSpec& each : registry.all()) {
    if (each.load_environment) {
      models.push_back(each.name);
    }
  }
  Usage(folder + ": the model stands for no users: '" + spec.name + "'; expected a run of " +
        base::Join(models, " or ") + otherwise);
}

void SetPessimism(OpenedBundle& opened, const std::string& folder, double pessimism) {
  const config::Field* field = opened.config.Find("pessimism");
  if (field == nullptr && pessimism != 0.0) {
    Usage(folder + ": the model has no pessimism: '" + opened.spec->name + "'; leave out environment.pessimism");
  }
  if (field != nullptr) {
    if (const std::string refused = opened.config.Set(*field, base::FormatReal(pessimism)); !refused.empty()) {
      Usage("environment.pessimism " + refused);
    }
  }
}

// What `load` makes of the bundle. It may look into the bundle's tensors, so they live as long.
template <class Pointer>
std::shared_ptr<const typename Pointer::element_type> LoadKept(
    const std::function<Pointer(const config::Section&, const base::TensorSet&, std::int64_t, const std::string&)>&
        load,
    OpenedBundle& opened, const std::string& device) {
  struct Held {
    model::Bundle bundle;
    Pointer made;
  };
  const auto held = std::make_shared<Held>();
  held->bundle = std::move(opened.bundle);
  held->made = load(opened.config, held->bundle.weights, held->bundle.manifest.num_items, device);
  return {held, held->made.get()};
}

// All but the policy.
OpenedPolicy Introduce(const std::string& folder, const OpenedBundle& bundle) {
  const model::Manifest& manifest = bundle.bundle.manifest;
  OpenedPolicy opened;
  opened.item_ids = bundle.item_ids.ToVector();
  opened.name = NameOf(folder, *bundle.spec);
  opened.trained_in = PreprocessingText(manifest, "trained_in");
  opened.trained_in_learnt = PreprocessingText(manifest, "trained_in_learnt") == "yes";
  return opened;
}

// The users that the model of a folder stands for.
OpenedEnvironment OpenUsers(const core::Registry& registry, const std::string& folder, double pessimism,
                            const std::string& device, const std::string& otherwise) {
  OpenedBundle bundle = OpenBundle(registry, folder);
  CheckStandsForUsers(registry, folder, *bundle.spec, otherwise);
  SetPessimism(bundle, folder, pessimism);
  OpenedEnvironment opened;
  opened.item_ids = bundle.item_ids.ToVector();
  opened.item_titles = bundle.item_titles.ToVector();
  opened.name = NameOf(folder, *bundle.spec);
  opened.dataset_fingerprint = bundle.bundle.manifest.dataset_fingerprint;
  opened.environment = LoadKept(bundle.spec->load_environment, bundle, device);
  return opened;
}

}  // namespace

bool IsWorld(std::string_view source) { return source.starts_with(kWorld); }

std::string WorldSources() {
  std::vector<std::string> names = sim::WorldNames();
  for (std::string& name : names) {
    name.insert(0, kWorld);
  }
  return base::Join(names, ", ");
}

OpenedEnvironment OpenEnvironment(const core::Registry& registry, const sim::EnvironmentConfig& config,
                                  const std::string& device) {
  const std::string& source = config.source;
  if (source.empty()) {
    Usage("environment.source: is missing; expected one of " + WorldSources() +
          ", or the folder of a run of a user model");
  }
  if (IsWorld(source)) {
    OpenedEnvironment opened;
    opened.environment = sim::MakeWorld(std::string_view(source).substr(kWorld.size()), config);
    opened.item_ids = NumberedIds(opened.environment->NumItems());
    opened.name = source;
    return opened;
  }
  return OpenUsers(registry, source, config.pessimism, device, ", or one of " + WorldSources());
}

OpenedPolicy OpenPolicy(const core::Registry& registry, const std::filesystem::path& run, const std::string& device) {
  OpenedBundle bundle = OpenBundle(registry, run);
  OpenedPolicy opened = Introduce(run.string(), bundle);
  if (bundle.spec->load_policy) {
    opened.policy = LoadKept(bundle.spec->load_policy, bundle, device);
  } else {
    const auto model = std::make_shared<LoadedModel>(LoadModel(std::move(bundle), device));
    opened.policy = sim::MakeRecommenderPolicy({model, model->recommender.get()}, model->repeats);
  }
  return opened;
}

OpenedPolicy OpenDrawn(const core::Registry& registry, const std::filesystem::path& run, const core::ServingRule& rule,
                       const std::string& device) {
  OpenedBundle bundle = OpenBundle(registry, run);
  OpenedPolicy opened = Introduce(run.string(), bundle);
  const auto model = std::make_shared<LoadedModel>(LoadModel(std::move(bundle), device));
  opened.policy = sim::MakeDrawingPolicy({model, model->recommender.get()}, model->repeats, rule);
  return opened;
}

OpenedPolicy OpenBelief(const core::Registry& registry, std::string_view how, const std::filesystem::path& run,
                        const std::string& device) {
  OpenedEnvironment believed = OpenUsers(registry, run.string(), 0.0, device, "");
  const core::Environment& model = *believed.environment;
  OpenedPolicy opened;
  opened.item_ids = std::move(believed.item_ids);
  opened.name = std::string(how) + ":" + believed.name;
  if (!model.observed()) {
    Usage(opened.name + ": what these users feel depends on more than their clicks: '" + model.identity() +
          "'; expected a model whose choices follow from them");
  }
  opened.trained_in = model.identity();
  opened.trained_in_learnt = model.learnt();
  opened.policy = sim::MakeBelievingPolicy(believed.environment, sim::MakeImmediatePolicy(how, model));
  return opened;
}

std::unordered_map<std::string_view, std::int32_t> IndexOfItems(const OpenedEnvironment& environment) {
  std::unordered_map<std::string_view, std::int32_t> index;
  for (const std::string& id : environment.item_ids) {
    index.emplace(id, static_cast<std::int32_t>(index.size()));
  }
  return index;
}

bool LearntItsErrors(const OpenedPolicy& policy, const OpenedEnvironment& environment) {
  return environment.environment->learnt() && policy.trained_in == environment.environment->identity();
}

std::shared_ptr<const core::SlatePolicy> FitPolicy(const OpenedPolicy& policy, const OpenedEnvironment& environment,
                                                   std::int64_t slate, bool allow_training_environment) {
  const core::Environment& world = *environment.environment;
  if (LearntItsErrors(policy, environment) && !allow_training_environment) {
    Usage(policy.name + ": comes from this very simulator, and has learnt its errors too: '" + environment.name +
          "'; expected a world, or users learnt from others. --allow-training-environment tries it all the same");
  }
  const std::unordered_map<std::string_view, std::int32_t> index = IndexOfItems(environment);
  std::vector<std::int32_t> items;
  for (const std::string& id : policy.item_ids) {
    const auto found = index.find(id);
    if (found == index.end()) {
      Usage(policy.name + ": knows an item that '" + environment.name + "' has not: '" + id +
            "'; expected a policy for its " + base::FormatCount(world.NumItems()) + " items");
    }
    items.push_back(found->second);
  }
  if (static_cast<std::int64_t>(items.size()) < slate) {
    Usage(policy.name + ": knows too few items to fill a slate: '" + std::to_string(items.size()) +
          "'; expected at least " + std::to_string(slate));
  }
  std::vector<std::int32_t> same(environment.item_ids.size());
  std::iota(same.begin(), same.end(), 0);
  return items == same ? policy.policy : sim::MakeTranslatedPolicy(policy.policy, std::move(items), world.NumItems());
}

}  // namespace recforce::train
