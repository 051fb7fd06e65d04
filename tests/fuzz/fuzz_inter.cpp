// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes, also gzipped, as RecBole atomic files: a log and a file of titles.
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text = recforce::test::AsText(bytes, size);
  recforce::test::FuzzLog(text, recforce::data::LogKind::kInter);
  recforce::test::FuzzTitles(text, recforce::data::TitleKind::kItem);
  return 0;
}
