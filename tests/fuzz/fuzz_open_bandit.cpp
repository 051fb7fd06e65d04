// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as CSV of the Open Bandit Dataset.
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  test::FuzzLog(text, data::LogKind::kOpenBandit);
  return 0;
}
