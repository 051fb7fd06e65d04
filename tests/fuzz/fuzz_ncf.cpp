// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as the files of "Neural Collaborative Filtering": ratings, and pairs with candidates.
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  test::FuzzLog(text, data::LogKind::kUData);
  const auto negatives = test::FuzzLog(text, data::LogKind::kNegatives);
  test::Require(!negatives || negatives->rows == 0);
  return 0;
}
