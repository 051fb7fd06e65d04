// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a tensor file: every tensor that the parser lets through can be read to its last byte, and as
// a table of strings.
#include <cstring>
#include <vector>

#include "fuzz_log.h"
#include "recforce/base/tensor_file.h"
#include "recforce/data/dataset.h"

namespace {

void ReadEverything(const recforce::base::TensorSet& set) {
  volatile unsigned sum = 0;
  for (const auto& [name, tensor] : set.tensors()) {
    for (std::int64_t i = 0; i < tensor.NumBytes(); ++i) {
      sum = sum + std::to_integer<unsigned>(tensor.data[i]);
    }
  }
  const auto table = recforce::data::GetStrings(set, "ids", true);
  for (std::int64_t i = 0; i < table.size(); ++i) {
    recforce::test::Require(table.Find(table[i]) == static_cast<std::int32_t>(i));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::vector<std::uint64_t> aligned(size / sizeof(std::uint64_t) + 1);
  std::memcpy(aligned.data(), bytes, size);
  recforce::test::ExpectNoBug(
      [&] { ReadEverything(recforce::base::ParseTensorFile(std::as_bytes(std::span(aligned)).first(size), "input")); });
  return 0;
}
