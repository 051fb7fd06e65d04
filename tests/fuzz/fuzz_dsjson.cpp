// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as dsjson.
#include "fuzz_decisions.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  test::FuzzDecisions([&](data::DecisionReport& report) {
    data::LineSource source = data::LineSource::FromMemory(text, "input");
    return data::ReadDsjson(source, {.max_bad_rows = test::kAnyBadRows, .max_context_columns = 8}, report);
  });
  return 0;
}
