// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as an archive of arrays, and as the dictionary of the Open Bandit Pipeline.
#include "data/zip_archive.h"
#include "fuzz_decisions.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const auto data = std::as_bytes(std::span(bytes, size));
  test::ExpectNoBug([&] {
    const data::ZipArchive archive(data, "input");
    for (const auto& entry : archive.entries()) {
      test::ExpectNoBug([&] { test::Require(archive.Read(entry).size() == entry.bytes); });
    }
  });
  test::FuzzDecisions([&](data::DecisionReport& report) { return data::ReadObpNpz(data, "input", report); });
  return 0;
}
