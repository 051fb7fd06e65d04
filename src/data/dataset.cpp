// SPDX-License-Identifier: Apache-2.0
// Opening DIR/dataset.safetensors (docs/formats/dataset.md). Open() proves everything that readers of the mapped
// memory rely on: sizes agree, offsets rise, indices are in range, rows and displays are in time order.
#include "recforce/data/dataset.h"

#include <algorithm>
#include <array>

#include "data/dataset_checks.h"
#include "data/dataset_file.h"

namespace recforce::data {
namespace {

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw base::Error(base::ErrorKind::kData, where + ": " + what);
}

void CheckHeader(const base::TensorSet& file) {
  const std::string& where = file.where();
  if (!file.metadata().count("format") || file.Meta("format") != kDatasetFormat) {
    Fail(where, "file is not a dataset; expected metadata 'format' to be '" + std::string(kDatasetFormat) + "'");
  }
  if (const std::string& version = file.Meta("version"); version != std::to_string(kDatasetVersion)) {
    Fail(where, "dataset has version '" + version + "'; this program reads version " + std::to_string(kDatasetVersion) +
                    "; convert the log again");
  }
}

void CheckSize(const base::TensorSet& file, const std::string& name, std::size_t found, std::int64_t expected) {
  if (static_cast<std::int64_t>(found) != expected) {
    Fail(file.where(),
         "'" + name + "' has " + std::to_string(found) + " elements; expected " + std::to_string(expected));
  }
}

template <class T>
std::span<const T> GetColumn(const base::TensorSet& file, const std::string& name) {
  const base::TensorView& tensor = file.Get(name);
  if (tensor.dtype != base::DTypeOf<T>()) {
    Fail(file.where(), "tensor '" + name + "' holds " + std::string(base::NameOf(tensor.dtype)) + "; expected " +
                           std::string(base::NameOf(base::DTypeOf<T>())));
  }
  return tensor.As<T>();
}

// A column of `size` elements, or nothing where the file does not have it.
template <class T>
std::span<const T> GetOptional(const base::TensorSet& file, const std::string& name, std::int64_t size) {
  if (!file.Has(name)) {
    return {};
  }
  const std::span<const T> column = GetColumn<T>(file, name);
  CheckSize(file, name, column.size(), size);
  return column;
}

// Offsets of `rows` rows into `size` of `what`.
std::span<const std::int64_t> GetOffsets(const base::TensorSet& file, const std::string& name, std::int64_t rows,
                                         std::int64_t size, const std::string& what) {
  const auto offsets = GetColumn<std::int64_t>(file, name);
  CheckSize(file, name, offsets.size(), rows + 1);
  if (!std::is_sorted(offsets.begin(), offsets.end()) || offsets.front() != 0 || offsets.back() != size) {
    Fail(file.where(),
         "tensor '" + name + "' does not rise from 0 to the number of " + what + ", " + std::to_string(size));
  }
  return offsets;
}

std::span<const std::int32_t> GetItems(const base::TensorSet& file, const std::string& name, std::int64_t num_items) {
  const auto items = GetColumn<std::int32_t>(file, name);
  if (!InRange(items, num_items)) {
    Fail(file.where(), "tensor '" + name + "' has an index outside the " + std::to_string(num_items) + " items");
  }
  return items;
}

std::span<const std::uint8_t> GetParts(const base::TensorSet& file, const std::string& name, std::int64_t size) {
  const auto parts = GetOptional<std::uint8_t>(file, name, size);
  if (!ArePart(parts)) {
    Fail(file.where(), "tensor '" + name + "' has a part that there is not; expected 0 to 3");
  }
  return parts;
}

void CheckTimeOrder(const Dataset& dataset, const std::string& where, const std::string& what,
                    std::span<const std::int64_t> offsets, std::span<const std::int64_t> times) {
  for (std::size_t user = 0; !times.empty() && user + 1 < offsets.size(); ++user) {
    if (!std::is_sorted(times.begin() + offsets[user], times.begin() + offsets[user + 1])) {
      Fail(where, what + " of user '" + std::string(dataset.user_ids()[static_cast<std::int64_t>(user)]) +
                      "' are not in order");
    }
  }
}

bool HasDisplays(const base::TensorSet& file) {
  constexpr std::array kNames = {"display_user_offsets", "display_times", "display_parts",
                                 "display_offsets",      "display_items", "display_clicked"};
  return std::any_of(kNames.begin(), kNames.end(), [&](const char* name) { return file.Has(name); });
}

Displays GetDisplays(const base::TensorSet& file, std::int64_t users, std::int64_t items) {
  Displays displays;
  displays.items = GetItems(file, "display_items", items);
  displays.clicked = GetColumn<std::uint8_t>(file, "display_clicked");
  const auto shown = static_cast<std::int64_t>(displays.items.size());
  CheckSize(file, "display_clicked", displays.clicked.size(), shown);
  if (!AreClicks(displays.clicked)) {
    Fail(file.where(), "tensor 'display_clicked' has a click that is neither 0 nor 1");
  }
  const auto size = static_cast<std::int64_t>(GetColumn<std::int64_t>(file, "display_offsets").size()) - 1;
  displays.offsets = GetOffsets(file, "display_offsets", std::max<std::int64_t>(size, 0), shown, "displayed items");
  displays.user_offsets = GetOffsets(file, "display_user_offsets", users, size, "displays");
  displays.times = GetOptional<std::int64_t>(file, "display_times", size);
  displays.parts = GetParts(file, "display_parts", size);
  return displays;
}

}  // namespace

Dataset Dataset::Open(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kDatasetFile;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    throw base::Error(base::ErrorKind::kNotFound, directory.string() + ": no dataset here: '" +
                                                      std::string(kDatasetFile) +
                                                      "' is missing; make one with `recforce data convert`");
  }
  Dataset dataset;
  dataset.directory_ = directory;
  dataset.file_ = base::ReadTensorFile(path);
  const base::TensorSet& file = dataset.file_;
  const std::string& where = file.where();
  CheckHeader(file);
  dataset.preprocessing_ = PreprocessingFromJson(file.Meta("preprocessing"), where);
  dataset.user_ids_ = GetStrings(file, "user_ids", true);
  dataset.item_ids_ = GetStrings(file, "item_ids", true);
  const std::int64_t users = dataset.num_users();
  const std::int64_t items = dataset.num_items();
  if (file.Has("item_titles.offsets")) {
    dataset.item_titles_ = GetStrings(file, "item_titles", false);
    CheckSize(file, "item_titles", static_cast<std::size_t>(dataset.item_titles_.size()), items);
  }
  const std::span<const std::int32_t> all_items = GetColumn<std::int32_t>(file, "items");
  const auto rows = static_cast<std::int64_t>(all_items.size());
  dataset.user_offsets_ = GetOffsets(file, "user_offsets", users, rows, "items");
  dataset.item_ = GetItems(file, "items", items);
  const auto repeat = dataset.repeats() ? std::nullopt : FindRepeat(dataset.interactions(), items);
  if (repeat) {
    Fail(where, "user '" + std::string(dataset.user_ids_[repeat->first]) + "' has item '" +
                    std::string(dataset.item_ids_[repeat->second]) + "' twice");
  }
  dataset.time_ = GetOptional<std::int64_t>(file, "times", rows);
  CheckTimeOrder(dataset, where, "times", dataset.user_offsets_, dataset.time_);
  dataset.value_ = GetOptional<float>(file, "values", rows);
  dataset.propensity_ = GetOptional<float>(file, "propensities", rows);
  if (!ArePropensities(dataset.propensity_)) {
    Fail(where, "tensor 'propensities' has a value outside (0, 1]");
  }
  dataset.position_ = GetOptional<std::int32_t>(file, "positions", rows);
  dataset.part_ = GetParts(file, "parts", rows);
  if (file.Has("contexts") || file.Has("context_names.offsets")) {
    dataset.context_names_ = GetStrings(file, "context_names", true);
    dataset.context_ = GetColumn<std::int32_t>(file, "contexts");
    CheckSize(file, "contexts", dataset.context_.size(), rows);
    if (!AreContexts(dataset.context_, dataset.context_names_.size())) {
      Fail(where,
           "tensor 'contexts' has an index outside the " + std::to_string(dataset.context_names_.size()) + " contexts");
    }
  }
  if (HasDisplays(file)) {
    dataset.displays_ = GetDisplays(file, users, items);
    CheckTimeOrder(dataset, where, "times of displays", dataset.displays_.user_offsets, dataset.displays_.times);
    if (dataset.preprocessing_.displays.empty()) {
      dataset.preprocessing_.displays = kLoggedDisplays;  // only displays that were made are sure to say so
    }
  }
  if (file.Has("candidate_offsets") || file.Has("candidate_items")) {
    dataset.candidate_items_ = GetItems(file, "candidate_items", items);
    dataset.candidate_offsets_ = GetOffsets(file, "candidate_offsets", users,
                                            static_cast<std::int64_t>(dataset.candidate_items_.size()), "candidates");
  }
  dataset.fingerprint_ = file.Meta("fingerprint");
  if (const std::string found = DatasetFingerprint(file); found != dataset.fingerprint_) {
    Fail(where, "fingerprint '" + dataset.fingerprint_ + "' is not that of the content, '" + found + "'");
  }
  return dataset;
}

}  // namespace recforce::data
