// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as adjacency lists. As pairs, the lines of two words give the same rows.
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  const auto lists = test::FuzzLog(text, data::LogKind::kAdjacency);
  const auto pairs = test::FuzzLog(text, data::LogKind::kPairs);
  test::Require(lists.has_value() == pairs.has_value());
  // A line is a bad pair or one row, and a bad list or a row for each word but the first.
  test::Require(!lists || pairs->bad > 0 || lists->bad > 0 || lists->rows == pairs->rows);
  return 0;
}
