// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as pairs. As sessions, each pair is two rows.
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  const auto pairs = test::FuzzLog(text, data::LogKind::kPairs);
  const auto sessions = test::FuzzLog(text, data::LogKind::kSessions);
  test::Require(pairs.has_value() == sessions.has_value());
  test::Require(!pairs || pairs->bad > 0 || sessions->rows == 2 * pairs->rows);
  return 0;
}
