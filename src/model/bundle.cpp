// SPDX-License-Identifier: Apache-2.0
// Writing and reading of model bundles; the format and what a crash can leave are in docs/formats/bundle.md.
#include "recforce/model/bundle.h"

#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <system_error>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::model {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr const char* kManifestFile = "manifest.json";
constexpr const char* kWeightsFile = "model.safetensors";
constexpr const char* kCatalogueFile = "catalogue.safetensors";
constexpr const char* kHistoriesFile = "histories.safetensors";
constexpr const char* kFormat = "recforce-bundle";

[[noreturn]] void FailData(const fs::path& where, const std::string& message) {
  throw base::Error(base::ErrorKind::kData, where.string() + ": " + message);
}

// Names, types, shapes, bytes and metadata of a set, in one number. Each part is preceded by its length, so
// that different sets never feed the same bytes.
std::string ContentsOf(const base::TensorSet& set) {
  base::Hasher hasher;
  const auto add = [&hasher](std::string_view text) {
    hasher.Add(std::to_string(text.size()) + ":");
    hasher.Add(text);
  };
  for (const auto& [name, view] : set.tensors()) {
    add(name);
    add(base::NameOf(view.dtype));
    std::string shape;
    for (const std::int64_t extent : view.shape) {
      shape += std::to_string(extent) + ",";
    }
    add(shape);
    hasher.Add(std::span(view.data, static_cast<std::size_t>(view.NumBytes())));
  }
  for (const auto& [key, value] : set.metadata()) {
    if (key != "checksum") {  // the writer's own, which sets in memory do not have yet
      add(key);
      add(value);
    }
  }
  return hasher.Hex();
}

// Text that is not UTF-8 (an odd file name in the preprocessing) keeps its readable part.
std::string Dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

std::string ChecksumOf(const Json& manifest_without_checksum) {
  base::Hasher hasher;
  hasher.Add(Dump(manifest_without_checksum));
  return hasher.Hex();
}

template <class Value>
Json ToObject(const std::vector<std::pair<std::string, Value>>& pairs) {
  Json object = Json::object();
  for (const auto& [key, value] : pairs) {
    object[key] = value;
  }
  return object;
}

std::string RenderManifest(const Bundle& bundle) {
  const Manifest& manifest = bundle.manifest;
  for (const auto& [name, value] : manifest.validation) {
    RECFORCE_CHECK(std::isfinite(value), "validation value '" + name + "' is not finite");
  }
  Json json;
  json["format"] = kFormat;
  json["version"] = kBundleVersion;
  json["algorithm"] = manifest.algorithm;
  json["recforce_version"] = manifest.recforce_version;
  json["num_items"] = manifest.num_items;
  json["dataset_fingerprint"] = manifest.dataset_fingerprint;
  json["split_fingerprint"] = manifest.split_fingerprint;
  json["config"] = ToObject(manifest.config);
  json["preprocessing"] = ToObject(manifest.preprocessing);
  json["validation"] = ToObject(manifest.validation);
  json["files"][kWeightsFile] = ContentsOf(bundle.weights);
  json["files"][kCatalogueFile] = ContentsOf(bundle.catalogue);
  if (!bundle.histories.tensors().empty()) {
    json["files"][kHistoriesFile] = ContentsOf(bundle.histories);
  }
  json["checksum"] = ChecksumOf(json);
  return Dump(json) + "\n";
}

// Typed access to the manifest's members; every error names the file and the key.
class ManifestReader {
 public:
  ManifestReader(const Json& json, const fs::path& path) : json_(json), path_(path) {}

  [[nodiscard]] std::string Text(const char* key) const {
    const Json& value = Get(key);
    if (!value.is_string()) {
      Fail(key, value, "a string");
    }
    return value.get<std::string>();
  }
  [[nodiscard]] std::int64_t Int(const char* key) const {
    const Json& value = Get(key);
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0) {
      Fail(key, value, "a whole number that is not negative");
    }
    return value.get<std::int64_t>();
  }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> Texts(const char* key) const {
    return Pairs<std::string>(
        key, [](const Json& value) { return value.is_string(); }, "an object of strings");
  }
  [[nodiscard]] std::vector<std::pair<std::string, double>> Reals(const char* key) const {
    return Pairs<double>(
        key, [](const Json& value) { return value.is_number(); }, "an object of numbers");
  }

 private:
  [[nodiscard]] const Json& Get(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end()) {
      FailData(path_, "'" + std::string(key) + "' is missing");
    }
    return *found;
  }
  [[noreturn]] void Fail(const char* key, const Json& value, const std::string& expected) const {
    FailData(path_, "'" + std::string(key) + "' has the wrong type: " + value.type_name() + "; expected " + expected);
  }
  template <class Value, class IsRight>
  [[nodiscard]] std::vector<std::pair<std::string, Value>> Pairs(const char* key, IsRight is_right,
                                                                 const char* expected) const {
    const Json& object = Get(key);
    if (!object.is_object()) {
      Fail(key, object, expected);
    }
    std::vector<std::pair<std::string, Value>> pairs;
    for (const auto& [name, value] : object.items()) {
      if (!is_right(value)) {
        Fail(key, value, expected);
      }
      pairs.emplace_back(name, value.template get<Value>());
    }
    return pairs;
  }

  const Json& json_;
  const fs::path& path_;
};

// Whether something may lie there; what cannot be looked at counts, so that opening it says why.
bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

// The manifest as JSON, of a version that this program reads and with the right checksum.
Json LoadManifestJson(const fs::path& path) {
  Json json = Json::parse(base::ReadTextFile(path), nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    FailData(path, "not a JSON object; the file is truncated or corrupt");
  }
  const ManifestReader reader(json, path);
  if (const std::string format = reader.Text("format"); format != kFormat) {
    FailData(path, "not a model bundle: '" + format + "'; expected '" + kFormat + "'");
  }
  if (const std::int64_t version = reader.Int("version"); version != kBundleVersion) {
    FailData(path, "unknown bundle version: " + std::to_string(version) + "; this recforce reads version " +
                       std::to_string(kBundleVersion) +
                       (version > kBundleVersion ? ". a newer recforce wrote the bundle: install that one" : ""));
  }
  const std::string stated = reader.Text("checksum");
  json.erase("checksum");
  if (const std::string found = ChecksumOf(json); found != stated) {
    FailData(path,
             "wrong checksum: '" + found + "'; expected '" + stated + "'. the file was changed after it was written");
  }
  return json;
}

Manifest ParseManifest(const Json& json, const fs::path& path) {
  const ManifestReader reader(json, path);
  Manifest manifest;
  manifest.algorithm = reader.Text("algorithm");
  manifest.recforce_version = reader.Text("recforce_version");
  manifest.num_items = reader.Int("num_items");
  manifest.dataset_fingerprint = reader.Text("dataset_fingerprint");
  manifest.split_fingerprint = reader.Text("split_fingerprint");
  manifest.config = reader.Texts("config");
  manifest.preprocessing = reader.Texts("preprocessing");
  manifest.validation = reader.Reals("validation");
  return manifest;
}

// The tensors of `name`, checked against the manifest; no tensors when it is optional and not listed.
base::TensorSet LoadTensors(const fs::path& directory, const char* name,
                            const std::vector<std::pair<std::string, std::string>>& listed, bool optional) {
  const fs::path path = directory / name;
  const std::string* expected = nullptr;
  for (const auto& [file, contents] : listed) {
    expected = file == name ? &contents : expected;
  }
  if (expected == nullptr) {
    if (!optional || Exists(path)) {
      FailData(path, std::string("not listed in ") + kManifestFile + "; the files are of different bundles");
    }
    return {};
  }
  if (!Exists(path)) {
    FailData(path, std::string("the file is missing, and ") + kManifestFile + " lists it");
  }
  base::TensorSet set = base::ReadTensorFile(path);
  if (const std::string found = ContentsOf(set); found != *expected) {
    FailData(path, "wrong contents: '" + found + "'; " + kManifestFile + " expects '" + *expected +
                       "'. the file is corrupt, or of another bundle");
  }
  return set;
}

fs::path Neighbour(const fs::path& directory, const char* suffix) {
  return directory.parent_path() / ("." + directory.filename().string() + suffix);
}

// "runs/model/" and "runs/model" are the same folder, and only the latter has a last name.
fs::path Plain(const fs::path& directory) {
  const fs::path absolute = fs::absolute(directory).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

// Removes a folder and all in it; absent is fine.
void RemoveFolder(base::FileSystem& files, const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  if (fs::is_directory(fs::symlink_status(folder, error))) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      entries.push_back(entry.path());
    }
  }
  for (const fs::path& entry : entries) {
    RemoveFolder(files, entry);
  }
  files.Remove(folder);
}

void RemoveFolderQuietly(base::FileSystem& files, const fs::path& folder) {
  try {
    RemoveFolder(files, folder);
  } catch (const std::exception&) {
    // Left for the next writer, which begins by removing it.
  }
}

void WriteFiles(base::FileSystem& files, const fs::path& folder, const Bundle& bundle) {
  const std::string manifest = RenderManifest(bundle);
  files.MakeDirectories(folder);
  base::WriteTensorFile(files, folder / kWeightsFile, bundle.weights);
  base::WriteTensorFile(files, folder / kCatalogueFile, bundle.catalogue);
  if (!bundle.histories.tensors().empty()) {
    base::WriteTensorFile(files, folder / kHistoriesFile, bundle.histories);
  }
  base::WriteAtomically(files, folder / kManifestFile, [&](base::WritableFile& file) { file.Append(manifest); });
}

}  // namespace

void WriteBundle(base::FileSystem& files, const fs::path& directory, const Bundle& bundle) {
  const fs::path target = Plain(directory);
  const fs::path temporary = Neighbour(target, ".tmp");
  const fs::path old = Neighbour(target, ".old");
  const bool replaces = Exists(target);
  if (replaces && !Exists(target / kManifestFile) && !(fs::is_directory(target) && fs::is_empty(target))) {
    throw base::Error(base::ErrorKind::kUsage, directory.string() +
                                                   ": holds something else than a model bundle, which would be "
                                                   "lost; expected a bundle, an empty folder or nothing");
  }
  try {
    RemoveFolder(files, temporary);
    WriteFiles(files, temporary, bundle);
    if (replaces) {
      RemoveFolder(files, old);
      files.Rename(target, old);
    }
    files.Rename(temporary, target);
  } catch (...) {
    if (replaces && !Exists(target)) {
      try {
        files.Rename(old, target);
      } catch (const base::Error&) {
        // ReadBundle finds the older bundle where it lies.
      }
    }
    RemoveFolderQuietly(files, temporary);
    throw;
  }
  RemoveFolderQuietly(files, old);
}

Bundle ReadBundle(const fs::path& directory) {
  fs::path source = directory;
  if (!Exists(source / kManifestFile)) {
    // A writer that died between its two renames has left the older bundle aside.
    const fs::path old = Neighbour(Plain(directory), ".old");
    if (Exists(directory) || !Exists(old / kManifestFile)) {
      throw base::Error(base::ErrorKind::kNotFound,
                        directory.string() + ": no model bundle there: " + kManifestFile + " is missing");
    }
    source = old;
  }
  const fs::path manifest_path = source / kManifestFile;
  const Json json = LoadManifestJson(manifest_path);
  Bundle bundle;
  bundle.manifest = ParseManifest(json, manifest_path);
  const auto listed = ManifestReader(json, manifest_path).Texts("files");
  bundle.weights = LoadTensors(source, kWeightsFile, listed, false);
  bundle.catalogue = LoadTensors(source, kCatalogueFile, listed, false);
  bundle.histories = LoadTensors(source, kHistoriesFile, listed, true);
  return bundle;
}

}  // namespace recforce::model
