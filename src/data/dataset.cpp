// SPDX-License-Identifier: Apache-2.0
// Writing and opening DIR/dataset.safetensors (docs/formats/dataset.md). Open() proves everything that readers
// of the mapped memory rely on: sizes agree, offsets rise, indices are in range, rows are in time order.
#include "recforce/data/dataset.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "recforce/base/text.h"

namespace recforce::data {
namespace {

constexpr std::string_view kFormatName = "recforce.dataset";

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw base::Error(base::ErrorKind::kData, where + ": " + what);
}

std::string Fingerprint(const base::TensorSet& set) {
  base::Hasher hasher;
  for (const auto& [name, tensor] : set.tensors()) {
    hasher.Add(name + ' ' + std::string(base::NameOf(tensor.dtype)) + ' ' + std::to_string(tensor.NumElements()) +
               '\n');
    hasher.Add(std::span(tensor.data, static_cast<std::size_t>(tensor.NumBytes())));
  }
  return hasher.Hex();
}

std::string ToJson(const Preprocessing& p) {
  nlohmann::json json = {{"source", p.source},
                         {"format", p.format},
                         {"min_user_interactions", p.min_user_interactions},
                         {"min_item_interactions", p.min_item_interactions},
                         {"duplicates", p.duplicates},
                         {"rows_read", p.rows_read},
                         {"rows_below_rating", p.rows_below_rating},
                         {"duplicates_removed", p.duplicates_removed},
                         {"rows_of_rare_items", p.rows_of_rare_items},
                         {"rows_of_rare_users", p.rows_of_rare_users}};
  if (p.min_rating) {
    json["min_rating"] = *p.min_rating;
  } else {
    json["min_rating"] = nullptr;
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Preprocessing PreprocessingFromJson(const std::string& text, const std::string& where) {
  Preprocessing p;
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    json.at("source").get_to(p.source);
    json.at("format").get_to(p.format);
    json.at("min_user_interactions").get_to(p.min_user_interactions);
    json.at("min_item_interactions").get_to(p.min_item_interactions);
    json.at("duplicates").get_to(p.duplicates);
    json.at("rows_read").get_to(p.rows_read);
    json.at("rows_below_rating").get_to(p.rows_below_rating);
    json.at("duplicates_removed").get_to(p.duplicates_removed);
    json.at("rows_of_rare_items").get_to(p.rows_of_rare_items);
    json.at("rows_of_rare_users").get_to(p.rows_of_rare_users);
    if (!json.at("min_rating").is_null()) {
      p.min_rating = json.at("min_rating").get<double>();
    }
  } catch (const nlohmann::json::exception& error) {
    Fail(where, std::string("metadata 'preprocessing' cannot be read: ") + error.what());
  }
  return p;
}

// Order of rows by user, then time; equal keys keep their order.
std::vector<std::int64_t> UserTimeOrder(const Columns& columns, const std::vector<std::int64_t>& offsets) {
  std::vector<std::int64_t> order(columns.user.size());
  std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
  for (std::size_t row = 0; row < columns.user.size(); ++row) {
    order[static_cast<std::size_t>(next[static_cast<std::size_t>(columns.user[row])]++)] =
        static_cast<std::int64_t>(row);
  }
  if (!columns.time.empty()) {
    const auto earlier = [&](std::int64_t a, std::int64_t b) {
      return columns.time[static_cast<std::size_t>(a)] < columns.time[static_cast<std::size_t>(b)];
    };
    for (std::size_t user = 0; user + 1 < offsets.size(); ++user) {
      const auto begin = order.begin() + offsets[user];
      const auto end = order.begin() + offsets[user + 1];
      if (!std::is_sorted(begin, end, earlier)) {
        std::stable_sort(begin, end, earlier);
      }
    }
  }
  return order;
}

template <class T>
std::vector<T> Gather(const std::vector<T>& values, const std::vector<std::int64_t>& order) {
  std::vector<T> gathered;
  gathered.reserve(values.size());
  if (!values.empty()) {
    for (const std::int64_t row : order) {
      gathered.push_back(values[static_cast<std::size_t>(row)]);
    }
  }
  return gathered;
}

// An item that stands twice in a row of `rows`, or nothing.
std::optional<std::pair<std::int64_t, std::int32_t>> FindRepeat(CsrView rows, std::int64_t num_items) {
  std::vector<std::int64_t> last_user(static_cast<std::size_t>(num_items), -1);
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    for (const std::int32_t item : rows.row(user)) {
      std::int64_t& last = last_user[static_cast<std::size_t>(item)];
      if (last == user) {
        return std::pair(user, item);
      }
      last = user;
    }
  }
  return std::nullopt;
}

bool InRange(std::span<const std::int32_t> indices, std::int64_t size) {
  return std::all_of(indices.begin(), indices.end(), [&](std::int32_t index) { return index >= 0 && index < size; });
}

bool StrictlySorted(const std::vector<std::string>& ids) {
  return std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()) == ids.end();
}

void CheckColumns(const Columns& columns) {
  const std::size_t rows = columns.user.size();
  RECFORCE_CHECK(columns.item.size() == rows, "one item a row");
  RECFORCE_CHECK(columns.time.empty() || columns.time.size() == rows, "one time a row");
  RECFORCE_CHECK(columns.value.empty() || columns.value.size() == rows, "one value a row");
  RECFORCE_CHECK(columns.item_titles.empty() || columns.item_titles.size() == columns.item_ids.size(),
                 "one title an item");
  RECFORCE_CHECK(StrictlySorted(columns.user_ids) && StrictlySorted(columns.item_ids), "ids sorted and distinct");
  RECFORCE_CHECK(InRange(columns.user, static_cast<std::int64_t>(columns.user_ids.size())), "users in range");
  RECFORCE_CHECK(InRange(columns.item, static_cast<std::int64_t>(columns.item_ids.size())), "items in range");
}

std::vector<std::int64_t> UserOffsets(const Columns& columns) {
  std::vector<std::int64_t> offsets(columns.user_ids.size() + 1, 0);
  for (const std::int32_t user : columns.user) {
    ++offsets[static_cast<std::size_t>(user) + 1];
  }
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  return offsets;
}

void CheckHeader(const base::TensorSet& file) {
  const std::string& where = file.where();
  if (!file.metadata().count("format") || file.Meta("format") != kFormatName) {
    Fail(where, "file is not a dataset; expected metadata 'format' to be '" + std::string(kFormatName) + "'");
  }
  if (const std::string& version = file.Meta("version"); version != std::to_string(kDatasetVersion)) {
    Fail(where, "dataset has version '" + version + "'; this program reads version " + std::to_string(kDatasetVersion) +
                    "; convert the log again");
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

void CheckSize(const base::TensorSet& file, const std::string& name, std::size_t found, std::int64_t expected) {
  if (static_cast<std::int64_t>(found) != expected) {
    Fail(file.where(),
         "'" + name + "' has " + std::to_string(found) + " elements; expected " + std::to_string(expected));
  }
}

void CheckOffsets(const std::string& where, std::span<const std::int64_t> offsets, std::int64_t interactions) {
  const bool rising = std::is_sorted(offsets.begin(), offsets.end());
  if (!rising || offsets.front() != 0 || offsets.back() != interactions) {
    Fail(where, "tensor 'user_offsets' does not rise from 0 to the number of items, " + std::to_string(interactions));
  }
}

void CheckTimeOrder(const std::string& where, const Dataset& dataset) {
  const auto offsets = dataset.interactions().offsets;
  for (std::size_t user = 0; user + 1 < offsets.size(); ++user) {
    const auto times = dataset.times().subspan(static_cast<std::size_t>(offsets[user]),
                                               static_cast<std::size_t>(offsets[user + 1] - offsets[user]));
    if (!std::is_sorted(times.begin(), times.end())) {
      Fail(where,
           "times of user '" + std::string(dataset.user_ids()[static_cast<std::int64_t>(user)]) + "' are not in order");
    }
  }
}

}  // namespace

void WriteDataset(base::FileSystem& files, const std::filesystem::path& directory, Columns columns,
                  const Preprocessing& preprocessing) {
  CheckColumns(columns);
  std::vector<std::int64_t> offsets = UserOffsets(columns);
  const std::vector<std::int64_t> order = UserTimeOrder(columns, offsets);
  std::vector<std::int32_t> items = Gather(columns.item, order);
  RECFORCE_CHECK(!FindRepeat({offsets, items}, static_cast<std::int64_t>(columns.item_ids.size())),
                 "(user, item) pairs distinct");

  base::TensorSet set;
  AddStrings(set, "user_ids", columns.user_ids);
  AddStrings(set, "item_ids", columns.item_ids);
  if (!columns.item_titles.empty()) {
    AddStrings(set, "item_titles", columns.item_titles);
  }
  set.AddOwned("user_offsets", std::move(offsets));
  set.AddOwned("items", std::move(items));
  if (!columns.time.empty()) {
    set.AddOwned("times", Gather(columns.time, order));
  }
  if (!columns.value.empty()) {
    set.AddOwned("values", Gather(columns.value, order));
  }
  set.SetMeta("format", std::string(kFormatName));
  set.SetMeta("version", std::to_string(kDatasetVersion));
  set.SetMeta("fingerprint", Fingerprint(set));
  set.SetMeta("preprocessing", ToJson(preprocessing));
  files.MakeDirectories(directory);
  base::WriteTensorFile(files, directory / kDatasetFile, set);
}

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
  dataset.user_ids_ = GetStrings(file, "user_ids", true);
  dataset.item_ids_ = GetStrings(file, "item_ids", true);
  if (file.Has("item_titles.offsets")) {
    dataset.item_titles_ = GetStrings(file, "item_titles", false);
    CheckSize(file, "item_titles", static_cast<std::size_t>(dataset.item_titles_.size()), dataset.num_items());
  }
  dataset.user_offsets_ = GetColumn<std::int64_t>(file, "user_offsets");
  dataset.item_ = GetColumn<std::int32_t>(file, "items");
  CheckSize(file, "user_offsets", dataset.user_offsets_.size(), dataset.num_users() + 1);
  CheckOffsets(where, dataset.user_offsets_, dataset.num_interactions());
  if (!InRange(dataset.item_, dataset.num_items())) {
    Fail(where, "tensor 'items' has an index outside the " + std::to_string(dataset.num_items()) + " items");
  }
  if (const auto repeat = FindRepeat(dataset.interactions(), dataset.num_items())) {
    Fail(where, "user '" + std::string(dataset.user_ids_[repeat->first]) + "' has item '" +
                    std::string(dataset.item_ids_[repeat->second]) + "' twice");
  }
  if (file.Has("times")) {
    dataset.time_ = GetColumn<std::int64_t>(file, "times");
    CheckSize(file, "times", dataset.time_.size(), dataset.num_interactions());
    CheckTimeOrder(where, dataset);
  }
  if (file.Has("values")) {
    dataset.value_ = GetColumn<float>(file, "values");
    CheckSize(file, "values", dataset.value_.size(), dataset.num_interactions());
  }
  dataset.fingerprint_ = file.Meta("fingerprint");
  if (const std::string found = Fingerprint(file); found != dataset.fingerprint_) {
    Fail(where, "fingerprint '" + dataset.fingerprint_ + "' is not that of the content, '" + found + "'");
  }
  dataset.preprocessing_ = PreprocessingFromJson(file.Meta("preprocessing"), where);
  return dataset;
}

}  // namespace recforce::data
