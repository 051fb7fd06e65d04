// SPDX-License-Identifier: Apache-2.0
#include "train/open_bundle.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "train/run_config.h"
#include "train/run_info.h"

namespace recforce::train {
namespace {

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw base::Error(base::ErrorKind::kData, where + ": " + what);
}

// Where the bundle is. A folder without one says whether its run is unfinished or is no run at all.
std::filesystem::path FindBundle(const std::filesystem::path& run) {
  if (std::filesystem::exists(run / "manifest.json")) {
    return run;
  }
  if (!std::filesystem::exists(run / kModelFolder / "manifest.json") && !ReadRunInfo(run).finished) {
    Fail(run.string(), "the run is not finished; finish it with `recforce train ... --resume`");
  }
  return run / kModelFolder;
}

config::Section ReadConfig(const core::AlgorithmSpec& spec, const model::Manifest& manifest, const std::string& where) {
  config::Section section = spec.make_config();
  for (const auto& [key, text] : manifest.config) {
    const config::Field* field = section.Find(key);
    if (field == nullptr) {
      Fail(where, "algorithm '" + spec.name + "' has no setting '" + key + "'; the bundle is of another version");
    }
    if (const std::string refused = section.Set(*field, text); !refused.empty()) {
      Fail(where, "setting '" + key + "' " + refused);
    }
  }
  return section;
}

// A text for each item; none at all where the table is not there and need not be.
data::StringTable ReadItemTexts(const model::Bundle& bundle, const std::string& name, const std::string& what) {
  data::StringTable texts = data::GetStrings(bundle.catalogue, name, false);
  if (texts.size() != bundle.manifest.num_items) {
    Fail(bundle.catalogue.where(), "the number of " + what + " is '" + std::to_string(texts.size()) + "'; expected " +
                                       std::to_string(bundle.manifest.num_items));
  }
  return texts;
}

}  // namespace

OpenedBundle OpenBundle(const core::Registry& registry, const std::filesystem::path& run) {
  const std::filesystem::path directory = FindBundle(run);
  const std::string where = (directory / "manifest.json").string();
  model::Bundle bundle = model::ReadBundle(directory);
  const std::vector<std::string> names = registry.Names();
  if (std::find(names.begin(), names.end(), bundle.manifest.algorithm) == names.end()) {
    Fail(where, "the algorithm is unknown: '" + bundle.manifest.algorithm + "'; the bundle is of another version");
  }
  const core::AlgorithmSpec& spec = registry.Get(bundle.manifest.algorithm);
  config::Section config = ReadConfig(spec, bundle.manifest, where);
  data::StringTable ids = ReadItemTexts(bundle, "item_ids", "item ids");
  data::StringTable titles;
  if (bundle.catalogue.Has("item_titles.offsets")) {
    titles = ReadItemTexts(bundle, "item_titles", "titles");
  }
  return {std::move(bundle), &spec, std::move(config), ids, titles};
}

std::string PreprocessingText(const model::Manifest& manifest, const std::string& name) {
  for (const auto& [key, text] : manifest.preprocessing) {
    if (key == name) {
      return text;
    }
  }
  return "";
}

}  // namespace recforce::train
