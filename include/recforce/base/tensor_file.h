// SPDX-License-Identifier: Apache-2.0
// Named tensors in one file, in the safetensors format (u64 little-endian header length, JSON header, raw
// little-endian row-major data; https://github.com/huggingface/safetensors). Datasets, checkpoints and model
// bundles are all written this way, so one parser meets outside bytes. See docs/formats/tensor_file.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/file_system.h"

namespace recforce::base {

enum class DType { kU8, kI32, kI64, kF32, kF64 };
std::int64_t SizeOf(DType dtype);
std::string_view NameOf(DType dtype);  // "U8", "I32", "I64", "F32", "F64"

template <class T>
constexpr DType DTypeOf() {
  if constexpr (std::is_same_v<T, std::int32_t>) {
    return DType::kI32;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return DType::kI64;
  } else if constexpr (std::is_same_v<T, float>) {
    return DType::kF32;
  } else if constexpr (std::is_same_v<T, double>) {
    return DType::kF64;
  } else {
    static_assert(sizeof(T) == 1, "no dtype for this type");
    return DType::kU8;
  }
}

// Bytes that somebody else owns, with their shape. Copyable, cheap.
struct TensorView {
  DType dtype = DType::kU8;
  std::vector<std::int64_t> shape;
  const std::byte* data = nullptr;

  [[nodiscard]] std::int64_t NumElements() const;
  [[nodiscard]] std::int64_t NumBytes() const { return NumElements() * SizeOf(dtype); }
  // REQUIRES: T matches dtype, else Error(Data).
  template <class T>
  [[nodiscard]] std::span<const T> As() const {
    if (DTypeOf<T>() != dtype) {
      throw Error(ErrorKind::kData,
                  "tensor holds " + std::string(NameOf(dtype)) + "; expected " + std::string(NameOf(DTypeOf<T>())));
    }
    return {reinterpret_cast<const T*>(data), static_cast<std::size_t>(NumElements())};
  }
};

template <class T>
TensorView View(std::span<const T> values) {
  return {DTypeOf<T>(), {static_cast<std::int64_t>(values.size())}, reinterpret_cast<const std::byte*>(values.data())};
}
template <class T>
TensorView View(const std::vector<T>& values) {
  return View(std::span<const T>(values));
}

// Tensors and string metadata gathered for writing. Owns the bytes given to AddOwned, not those given to Add.
class TensorSet {
 public:
  // Names are unique; a second tensor of the same name replaces the first.
  void Add(std::string name, TensorView view);
  template <class T>
  void AddOwned(std::string name, std::vector<T> values, std::vector<std::int64_t> shape = {}) {
    auto held = std::make_shared<std::vector<T>>(std::move(values));
    TensorView view = View(*held);
    if (!shape.empty()) {
      view.shape = std::move(shape);
    }
    Add(std::move(name), std::move(view));
    owned_.push_back(std::move(held));
  }
  void SetMeta(std::string key, std::string value) { metadata_[std::move(key)] = std::move(value); }
  // Keeps `owner` alive as long as this set lives.
  void Hold(std::shared_ptr<const void> owner) { owned_.push_back(std::move(owner)); }

  // Error(Data) naming `where_` and the tensor when it is missing.
  [[nodiscard]] const TensorView& Get(const std::string& name) const;
  [[nodiscard]] bool Has(const std::string& name) const { return tensors_.count(name) != 0; }
  // Error(Data) when missing.
  [[nodiscard]] const std::string& Meta(const std::string& key) const;
  [[nodiscard]] const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // Prefix of error messages; ReadTensorFile sets it to the path.
  void SetWhere(std::string where) { where_ = std::move(where); }
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::shared_ptr<const void>> owned_;
  std::string where_ = "tensors";
};

// A tensor for writing whose bytes need not lie in memory together. `give` passes them to its argument in order, in
// pieces of any size; it is called several times and gives the same bytes each time.
using TakeBytes = std::function<void(std::span<const std::byte>)>;
struct StreamedTensor {
  DType dtype = DType::kU8;
  std::vector<std::int64_t> shape;
  std::function<void(const TakeBytes&)> give;
};
using StreamedTensors = std::map<std::string, StreamedTensor>;

// Writes `set` and `streamed` (other names) to `path` atomically (temporary file, fsync, rename). Tensors lie by
// element size, largest first, then by name: each is aligned to its elements without holes between, and equal sets give
// equal bytes, streamed or not. The metadata gains `checksum`, XXH3-128 over all tensor bytes in file order.
void WriteTensorFile(FileSystem& files, const std::filesystem::path& path, const TensorSet& set,
                     const StreamedTensors& streamed = {});

// Maps the file; views point into the mapping, which lives as long as a copy of the returned set. Checks the
// header, every offset and the checksum (when present): Error(Data) says what is wrong; Error(NotFound) when
// there is no such file.
TensorSet ReadTensorFile(const std::filesystem::path& path);

// The same over bytes in memory; `where` prefixes messages. The bytes must outlive the result. A tensor that another
// writer left unaligned is copied.
TensorSet ParseTensorFile(std::span<const std::byte> bytes, const std::string& where);

}  // namespace recforce::base
