// SPDX-License-Identifier: Apache-2.0
#include "train/open_displays.h"

#include <string_view>
#include <unordered_map>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "train/run_folder.h"
#include "train/run_info.h"

namespace recforce::train {
namespace {

[[noreturn]] void Usage(const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); }

// The environment's index of each item of the dataset, -1 where it has none.
std::vector<std::int32_t> FindItems(const data::Dataset& dataset, const OpenedEnvironment& environment) {
  const std::unordered_map<std::string_view, std::int32_t> index = IndexOfItems(environment);
  std::vector<std::int32_t> items;
  for (std::int64_t item = 0; item < dataset.num_items(); ++item) {
    const auto found = index.find(dataset.item_ids()[item]);
    items.push_back(found == index.end() ? -1 : found->second);
  }
  return items;
}

// The choices among items that are all known, as `items` calls them.
LoggedDisplays Translate(const data::DisplaySet& logged, const std::vector<std::int32_t>& items) {
  LoggedDisplays kept;
  std::vector<std::int32_t> shown;
  for (std::size_t user = 0; user < logged.users.size(); ++user) {
    const std::int64_t before = kept.displays.size();
    for (std::int64_t display = logged.user_offsets[user]; display < logged.user_offsets[user + 1]; ++display) {
      shown.clear();
      bool known = true;
      for (const std::int32_t item : logged.shown(display)) {
        shown.push_back(items[static_cast<std::size_t>(item)]);
        known = known && shown.back() >= 0;
      }
      if (known) {
        kept.displays.AddChoice(shown, logged.choice[static_cast<std::size_t>(display)]);
      } else {
        ++kept.left_out;
      }
    }
    if (kept.displays.size() > before) {
      kept.displays.AddUser(logged.users[user]);
    }
  }
  return kept;
}

}  // namespace

LoggedDisplays OpenDisplays(const core::Registry& registry, const OpenedEnvironment& environment,
                            const std::filesystem::path& source, const std::string& data) {
  const data::Dataset dataset = data::Dataset::Open(data);
  const bool own = dataset.fingerprint() == environment.dataset_fingerprint;
  if (own && !std::filesystem::exists(source / kRunFile)) {
    Usage(environment.name + ": learnt from this dataset, and a bundle does not say from which of its users: '" + data +
          "'; expected the run folder, or another dataset");
  }
  // The catalogue of kind displays is that of the dataset, so that items of the split are those of the dataset.
  LoggedDisplays kept = Translate(own ? OpenDataOfRun(registry, source, data).split.test_displays
                                      : data::AllChoices(dataset, data::SplitConfig().seed),
                                  FindItems(dataset, environment));
  kept.test_part = own;
  if (kept.displays.size() == 0) {
    Usage(data + ": none of its displays shows only items that '" + environment.name + "' has: '" +
          base::FormatCount(kept.left_out) + "' are left out; expected a log of the same items");
  }
  return kept;
}

}  // namespace recforce::train
