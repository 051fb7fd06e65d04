// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a .npy file: what is let through has a value for every entry, all of them finite.
#include <cmath>

#include "base/npy_file.h"
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  recforce::test::ExpectNoBug([&] {
    const auto matrix = recforce::base::ParseNpyMatrix(std::as_bytes(std::span(bytes, size)), "input");
    recforce::test::Require(static_cast<std::int64_t>(matrix.values.size()) == matrix.rows * matrix.cols);
    for (const float value : matrix.values) {
      recforce::test::Require(std::isfinite(value));
    }
  });
  return 0;
}
