// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes, also gzipped, as the MovieLens files without a header.
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text = recforce::test::AsText(bytes, size);
  recforce::test::FuzzLog(text, recforce::data::LogKind::kUData);
  recforce::test::FuzzLog(text, recforce::data::LogKind::kRatingsDat);
  recforce::test::FuzzTitles(text, recforce::data::TitleKind::kMoviesDat);
  recforce::test::FuzzTitles(text, recforce::data::TitleKind::kUItem);
  return 0;
}
