// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as displays: every click is a row.
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  const auto displays = test::FuzzLog(text, data::LogKind::kDisplays);
  test::Require(!displays || displays->rows == displays->clicks);
  return 0;
}
