// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as an Open Bandit log of decisions, alone and beside themselves as features of items.
#include "fuzz_decisions.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  for (const bool with_items : {false, true}) {
    test::FuzzDecisions([&](data::DecisionReport& report) {
      data::LineSource source = data::LineSource::FromMemory(text, "input");
      data::LineSource items = data::LineSource::FromMemory(text, "items");
      return data::ReadOpenBandit(source, with_items ? &items : nullptr,
                                  {.max_bad_rows = test::kAnyBadRows, .affinity = true}, report);
    });
  }
  return 0;
}
