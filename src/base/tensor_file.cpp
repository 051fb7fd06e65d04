// SPDX-License-Identifier: Apache-2.0
// Writer and parser of the safetensors format. The parser meets bytes from outside: whatever they are, it returns
// views that lie inside them or throws Error(Data).
#include "recforce/base/tensor_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "recforce/base/text.h"

namespace recforce::base {

static_assert(std::endian::native == std::endian::little, "tensor files are little-endian");

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLongestHeader = 100'000'000;  // the limit that the format sets itself
constexpr std::size_t kPrefix = sizeof(std::uint64_t);
constexpr const char* kMetadata = "__metadata__";
constexpr const char* kChecksum = "checksum";
constexpr std::array kDTypes = {DType::kU8, DType::kI32, DType::kI64, DType::kF32, DType::kF64};

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kData, where + ": " + what);
}

std::string Bytes(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " byte" : " bytes"); }

// ---------------------------------------------------------------- writing

using Named = std::pair<std::string, StreamedTensor>;

std::int64_t BytesOf(const StreamedTensor& tensor) {
  return TensorView{tensor.dtype, tensor.shape, nullptr}.NumBytes();
}

// Largest elements first: each tensor then begins at a multiple of its element size, without holes between.
std::vector<Named> FileOrder(const TensorSet& set, const StreamedTensors& streamed) {
  StreamedTensors all = streamed;
  for (const auto& [name, view] : set.tensors()) {
    const std::span<const std::byte> bytes(view.data, static_cast<std::size_t>(view.NumBytes()));
    StreamedTensor tensor{view.dtype, view.shape, [bytes](const TakeBytes& take) { take(bytes); }};
    const bool added = all.try_emplace(name, std::move(tensor)).second;
    RECFORCE_CHECK(added, "two tensors are called " + name);
  }
  std::vector<Named> order(all.begin(), all.end());
  std::stable_sort(order.begin(), order.end(), [](const Named& left, const Named& right) {
    return SizeOf(left.second.dtype) > SizeOf(right.second.dtype);
  });
  return order;
}

// Passes the tensor's bytes on, all of them and no more.
void Give(const Named& tensor, const TakeBytes& take) {
  std::int64_t given = 0;
  tensor.second.give([&](std::span<const std::byte> bytes) {
    given += static_cast<std::int64_t>(bytes.size());
    take(bytes);
  });
  RECFORCE_CHECK(given == BytesOf(tensor.second), "tensor " + tensor.first + " gives as many bytes as its shape says");
}

std::string MakeHeader(const std::vector<Named>& order, const TensorSet& set, const std::string& where) {
  Json header = Json::object();
  header[kMetadata] = set.metadata();
  Hasher hasher;
  std::int64_t offset = 0;
  for (const Named& named : order) {
    const auto& [name, tensor] = named;
    RECFORCE_CHECK(name != kMetadata, "a tensor cannot be called __metadata__");
    const std::int64_t end = offset + BytesOf(tensor);
    header[name] = {{"dtype", NameOf(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
    Give(named, [&](std::span<const std::byte> bytes) { hasher.Add(bytes); });
  }
  header[kMetadata][kChecksum] = hasher.Hex();
  try {
    std::string text = header.dump();
    text.resize((text.size() + kPrefix - 1) / kPrefix * kPrefix, ' ');
    return text;
  } catch (const Json::exception&) {
    Fail(where, "a tensor name or a metadata value is not valid UTF-8");
  }
}

// ---------------------------------------------------------------- parsing

// Refuses what the JSON library would take silently: repeated keys and deep nesting.
class HeaderGuard {
 public:
  explicit HeaderGuard(const std::string& where) : where_(where) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    const bool opens = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (opens && depth >= kDepths) {
      Fail(where_, "header is nested too deeply");
    }
    if (opens) {
      keys_[static_cast<std::size_t>(depth)].clear();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_[static_cast<std::size_t>(depth - 1)].insert(key).second) {
        Fail(where_, "header has a key twice: '" + key + "'");
      }
    }
    return true;
  }

 private:
  static constexpr int kDepths = 3;  // header, tensor, shape
  const std::string& where_;
  std::array<std::set<std::string>, kDepths> keys_;
};

struct Entry {
  std::string name;
  TensorView view;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

const Json& Member(const Json& tensor, const char* key, const std::string& where) {
  const auto found = tensor.find(key);
  if (found == tensor.end()) {
    Fail(where, "has no " + std::string(key));
  }
  return *found;
}

DType ParseDType(const Json& value, const std::string& where) {
  const std::string name = value.is_string() ? value.get<std::string>() : value.dump();
  for (const DType dtype : kDTypes) {
    if (name == NameOf(dtype)) {
      return dtype;
    }
  }
  Fail(where, "unsupported dtype: '" + name + "'; expected U8, I32, I64, F32 or F64");
}

// Non-negative integers that fit into 63 bits.
std::vector<std::int64_t> ParseSizes(const Json& value, const char* key, const std::string& where) {
  std::vector<std::int64_t> sizes;
  bool good = value.is_array();
  for (const Json& size : good ? value : Json::array()) {
    good = good && size.is_number_unsigned() && std::in_range<std::int64_t>(size.get<std::uint64_t>());
    sizes.push_back(good ? size.get<std::int64_t>() : 0);
  }
  if (!good) {
    Fail(where, std::string(key) + " is not a list of sizes: " + value.dump());
  }
  return sizes;
}

std::optional<std::uint64_t> CheckedBytes(const TensorView& view) {
  std::int64_t bytes = SizeOf(view.dtype);
  for (const std::int64_t size : view.shape) {
    if (__builtin_mul_overflow(bytes, size, &bytes)) {
      return std::nullopt;
    }
  }
  return static_cast<std::uint64_t>(bytes);
}

Entry ParseEntry(const std::string& name, const Json& value, const std::string& file) {
  const std::string where = file + ": tensor '" + name + "'";
  if (!value.is_object()) {
    Fail(where, "not an object in the header");
  }
  Entry entry;
  entry.name = name;
  entry.view.dtype = ParseDType(Member(value, "dtype", where), where);
  entry.view.shape = ParseSizes(Member(value, "shape", where), "shape", where);
  const std::vector<std::int64_t> offsets = ParseSizes(Member(value, "data_offsets", where), "data_offsets", where);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    Fail(where, "data_offsets are not a begin and an end: " + value["data_offsets"].dump());
  }
  entry.begin = static_cast<std::uint64_t>(offsets[0]);
  entry.end = static_cast<std::uint64_t>(offsets[1]);
  const std::optional<std::uint64_t> bytes = CheckedBytes(entry.view);
  if (!bytes) {
    Fail(where, "shape is too large: " + value["shape"].dump());
  }
  if (*bytes != entry.end - entry.begin) {
    Fail(where, "shape and data_offsets disagree: " + Bytes(*bytes) + " by shape, " + Bytes(entry.end - entry.begin) +
                    " by offsets");
  }
  return entry;
}

Json ParseHeader(std::string_view text, const std::string& where) {
  try {
    Json header = Json::parse(text, HeaderGuard(where));
    if (!header.is_object()) {
      Fail(where, "header is not a JSON object");
    }
    return header;
  } catch (const Json::parse_error& error) {
    Fail(where, "header is not JSON: error at byte " + std::to_string(kPrefix + error.byte));
  } catch (const Json::exception&) {  // a number out of range, for one
    Fail(where, "header is not JSON that can be read");
  }
}

std::string_view HeaderText(std::span<const std::byte> bytes, const std::string& where) {
  if (bytes.size() < kPrefix) {
    Fail(where, "not a tensor file: " + Bytes(bytes.size()) + "; expected at least 8");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kPrefix);
  if (length > kLongestHeader) {
    Fail(where,
         "not a tensor file: header of " + Bytes(length) + "; expected at most " + std::to_string(kLongestHeader));
  }
  const std::uint64_t present = bytes.size() - kPrefix;
  if (length > present) {
    Fail(where, "truncated: " + Bytes(length - present) + " of the header missing");
  }
  return {reinterpret_cast<const char*>(bytes.data()) + kPrefix, static_cast<std::size_t>(length)};
}

// The tensors must tile [0, size) without overlap.
void CheckTiling(std::vector<Entry>& entries, std::uint64_t size, const std::string& where) {
  std::sort(entries.begin(), entries.end(), [](const Entry& left, const Entry& right) {
    return std::tie(left.begin, left.end, left.name) < std::tie(right.begin, right.end, right.name);
  });
  std::uint64_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != expected) {
      Fail(where, "tensor '" + entry.name + "': begins at offset " + std::to_string(entry.begin) + "; expected " +
                      std::to_string(expected) + ", where the one before it ends");
    }
    expected = entry.end;
  }
  if (expected > size) {
    Fail(where, "truncated: " + Bytes(expected - size) + " of tensor data missing");
  }
  if (expected < size) {
    Fail(where, Bytes(size - expected) + " after the last tensor; expected none");
  }
}

void ReadMetadata(const Json& value, TensorSet& set) {
  if (!value.is_object()) {
    Fail(set.where(), "__metadata__ is not an object in the header");
  }
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) {
      Fail(set.where(), "metadata '" + key + "' is not text: " + text.dump());
    }
    set.SetMeta(key, text.get<std::string>());
  }
}

void CheckChecksum(const TensorSet& set, std::span<const std::byte> data) {
  const auto stored = set.metadata().find(kChecksum);
  if (stored == set.metadata().end()) {
    return;
  }
  Hasher hasher;
  hasher.Add(data);
  if (hasher.Hex() != stored->second) {
    Fail(set.where(), "damaged: checksum of the data is '" + hasher.Hex() + "'; expected '" + stored->second + "'");
  }
}

// Adds the tensor at `data`. Other writers may place it where its elements are not aligned: it is copied then.
void AddTensor(Entry entry, const std::byte* data, TensorSet& set) {
  const auto element = static_cast<std::uintptr_t>(SizeOf(entry.view.dtype));
  entry.view.data = data;
  if (reinterpret_cast<std::uintptr_t>(data) % element != 0) {
    const auto size = static_cast<std::size_t>(entry.view.NumBytes());
    auto copy = std::make_shared<std::vector<std::uint64_t>>(size / sizeof(std::uint64_t) + 1);
    if (size > 0) {
      std::memcpy(copy->data(), data, size);
    }
    entry.view.data = reinterpret_cast<const std::byte*>(copy->data());
    set.Hold(std::move(copy));
  }
  set.Add(std::move(entry.name), std::move(entry.view));
}

}  // namespace

std::int64_t SizeOf(DType dtype) {
  switch (dtype) {
    case DType::kU8:
      return 1;
    case DType::kI32:
    case DType::kF32:
      return 4;
    case DType::kI64:
    case DType::kF64:
      return 8;
  }
  RECFORCE_CHECK(false, "unknown dtype");
}

std::string_view NameOf(DType dtype) {
  constexpr std::array<std::string_view, 5> kNames = {"U8", "I32", "I64", "F32", "F64"};
  return kNames.at(static_cast<std::size_t>(dtype));
}

std::int64_t TensorView::NumElements() const {
  std::int64_t elements = 1;
  for (const std::int64_t size : shape) {
    elements *= size;
  }
  return elements;
}

void TensorSet::Add(std::string name, TensorView view) { tensors_.insert_or_assign(std::move(name), std::move(view)); }

const TensorView& TensorSet::Get(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    Fail(where_, "has no tensor '" + name + "'");
  }
  return found->second;
}

const std::string& TensorSet::Meta(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    Fail(where_, "has no metadata '" + key + "'");
  }
  return found->second;
}

void WriteTensorFile(FileSystem& files, const std::filesystem::path& path, const TensorSet& set,
                     const StreamedTensors& streamed) {
  const std::vector<Named> order = FileOrder(set, streamed);
  const std::string header = MakeHeader(order, set, path.string());
  const std::uint64_t length = header.size();
  WriteAtomically(files, path, [&](WritableFile& file) {
    file.Append(std::as_bytes(std::span(&length, 1)));
    file.Append(header);
    for (const Named& tensor : order) {
      Give(tensor, [&](std::span<const std::byte> bytes) { file.Append(bytes); });
    }
  });
}

TensorSet ParseTensorFile(std::span<const std::byte> bytes, const std::string& where) {
  const std::string_view text = HeaderText(bytes, where);
  const std::span<const std::byte> data = bytes.subspan(kPrefix + text.size());
  const Json header = ParseHeader(text, where);
  TensorSet set;
  set.SetWhere(where);
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadata) {
      ReadMetadata(value, set);
    } else {
      entries.push_back(ParseEntry(name, value, where));
    }
  }
  CheckTiling(entries, data.size(), where);
  CheckChecksum(set, data);
  for (Entry& entry : entries) {
    const std::byte* begin = data.data() + entry.begin;
    AddTensor(std::move(entry), begin, set);
  }
  return set;
}

TensorSet ReadTensorFile(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  TensorSet set = ParseTensorFile(file->bytes(), path.string());
  set.Hold(file);
  return set;
}

}  // namespace recforce::base
