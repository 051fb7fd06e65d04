// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a matrix of ratings, and with the bytes behind the first line of "=" as its propensities.
#include "data/read_matrix.h"
#include "fuzz_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  test::FuzzLog(text, data::LogKind::kMatrix);
  constexpr std::string_view kBetween = "\n=\n";
  const std::size_t cut = text.find(kBetween);
  if (cut == std::string_view::npos) {
    return 0;
  }
  test::ExpectNoBug([&] {
    data::LineSource ratings = data::LineSource::FromMemory(text.substr(0, cut + 1), "ratings");
    data::LineSource beside = data::LineSource::FromMemory(text.substr(cut + kBetween.size()), "propensities");
    test::CheckingSink sink;
    const data::MatrixShape shape = data::ReadMatrix(ratings, &beside, sink);
    test::Require(static_cast<std::int64_t>(sink.rows) <= shape.users * shape.items);
  });
  return 0;
}
