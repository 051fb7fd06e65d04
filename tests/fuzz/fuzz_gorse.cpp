// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as the dumps of gorse: feedback, of all types and of one, and items with their titles.
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  const auto all = test::FuzzLog(text, data::LogKind::kGorse);
  test::FuzzTitles(text, data::TitleKind::kGorse);
  test::ExpectNoBug([&] {
    data::LineSource source = data::LineSource::FromMemory(text, "input");
    test::CheckingSink some;
    data::ReadLog(source, data::LogKind::kGorse, {"", "", "", "", {"read"}}, some);
    test::Require(all && some.rows >= 1 && some.rows <= all->rows && some.bad == all->bad);
  });
  return 0;
}
