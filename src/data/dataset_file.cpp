// SPDX-License-Identifier: Apache-2.0
// Metadata of datasets, and their last step to the disk.
#include "data/dataset_file.h"

#include <nlohmann/json.hpp>

#include "recforce/base/text.h"

namespace recforce::data {

std::string DatasetFingerprint(const base::TensorSet& set, const base::StreamedTensors& streamed) {
  base::Hasher hasher;
  const auto add_header = [&](const std::string& name, base::DType dtype, std::int64_t elements) {
    hasher.Add(name + ' ' + std::string(base::NameOf(dtype)) + ' ' + std::to_string(elements) + '\n');
  };
  auto next = streamed.begin();
  const auto add_streamed_before = [&](const std::string* name) {
    for (; next != streamed.end() && (name == nullptr || next->first < *name); ++next) {
      const base::StreamedTensor& tensor = next->second;
      add_header(next->first, tensor.dtype, base::TensorView{tensor.dtype, tensor.shape, nullptr}.NumElements());
      tensor.give([&](std::span<const std::byte> bytes) { hasher.Add(bytes); });
    }
  };
  for (const auto& [name, tensor] : set.tensors()) {
    add_streamed_before(&name);
    add_header(name, tensor.dtype, tensor.NumElements());
    hasher.Add(std::span(tensor.data, static_cast<std::size_t>(tensor.NumBytes())));
  }
  add_streamed_before(nullptr);
  return hasher.Hex();
}

std::string PreprocessingToJson(const Preprocessing& p) {
  nlohmann::json json = {{"source", p.source},
                         {"format", p.format},
                         {"min_user_interactions", p.min_user_interactions},
                         {"min_item_interactions", p.min_item_interactions},
                         {"duplicates", p.duplicates},
                         {"rows_read", p.rows_read},
                         {"rows_below_rating", p.rows_below_rating},
                         {"duplicates_removed", p.duplicates_removed},
                         {"rows_of_rare_items", p.rows_of_rare_items},
                         {"rows_of_rare_users", p.rows_of_rare_users},
                         {"displays_of_absent_users", p.displays_of_absent_users},
                         {"candidates_of_absent_users", p.candidates_of_absent_users}};
  if (p.min_rating) {
    json["min_rating"] = *p.min_rating;
  } else {
    json["min_rating"] = nullptr;
  }
  if (!p.displays.empty()) {
    json["displays"] = p.displays;
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
    json.at("displays_of_absent_users").get_to(p.displays_of_absent_users);
    json.at("candidates_of_absent_users").get_to(p.candidates_of_absent_users);
    if (!json.at("min_rating").is_null()) {
      p.min_rating = json.at("min_rating").get<double>();
    }
    p.displays = json.value("displays", "");
  } catch (const nlohmann::json::exception& error) {
    throw base::Error(base::ErrorKind::kData, where + ": metadata 'preprocessing' cannot be read: " + error.what());
  }
  return p;
}

void WriteDatasetFile(base::FileSystem& files, const std::filesystem::path& directory, base::TensorSet set,
                      const base::StreamedTensors& streamed, const Preprocessing& preprocessing) {
  set.SetMeta("format", std::string(kDatasetFormat));
  set.SetMeta("version", std::to_string(kDatasetVersion));
  set.SetMeta("fingerprint", DatasetFingerprint(set, streamed));
  set.SetMeta("preprocessing", PreprocessingToJson(preprocessing));
  files.MakeDirectories(directory);
  base::WriteTensorFile(files, directory / kDatasetFile, set, streamed);
}

}  // namespace recforce::data
