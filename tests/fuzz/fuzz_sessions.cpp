// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as sessions and as test cases, which are the same but for lines of one word.
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  const auto sessions = test::FuzzLog(text, data::LogKind::kSessions);
  const auto cases = test::FuzzLog(text, data::LogKind::kTestCases);
  test::Require(sessions.has_value() == cases.has_value());
  test::Require(!sessions || sessions->rows + sessions->bad == cases->rows + cases->bad);
  return 0;
}
