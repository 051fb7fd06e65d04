// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes, also gzipped, as CSV and TSV, and the guess of a format from the first line.
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text = recforce::test::AsText(bytes, size);
  recforce::test::FuzzLog(text, recforce::data::LogKind::kCsv);
  recforce::test::FuzzTitles(text, recforce::data::TitleKind::kMoviesCsv);
  (void)recforce::data::GuessLogKind(text.substr(0, text.find('\n')), {});
  return 0;
}
