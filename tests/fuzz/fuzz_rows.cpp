// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as rows of tables, read in small blocks and record by record: both give the same, but for the rows of
// the window in which compressed data turns out to be damaged.
#include "data/read_rows.h"
#include "fuzz_log.h"

namespace recforce::test {
namespace {

// All that a sink hears, in order.
class Heard final : public data::RowSink {
 public:
  void Begin(const data::LogContent&) override {}
  void Add(const data::LogRow& row) override {
    text.append(row.user).append("\n").append(row.item).append("\n").append(std::to_string(row.time)).append("\n");
    text.append(std::to_string(row.value)).append("\n").append(std::to_string(row.line)).append("\n");
  }
  void AddDisplay(const data::LogDisplay&) override { Require(false); }
  void AddCandidates(std::string_view, std::span<const std::string_view>) override { Require(false); }
  void AddBad(std::string message) override { text.append(message).append("\n"); }
  std::string text;
};

struct Outcome {
  std::string rows;
  std::string error;  // "" where the end was reached
};

Outcome Hear(std::string_view bytes, const data::RecordStyle& style, const data::BlockSizes& sizes) {
  Heard heard;
  std::string error;
  try {
    data::LineSource source = data::LineSource::FromMemory(bytes, "input");
    data::RecordReader records(source, style);
    data::LogColumns columns;
    columns.names = {"user", "item", "ts", "rating"};
    columns.item = 1;
    columns.time = 2;
    columns.value = 3;
    data::ReadRows(source, records, columns, heard, sizes);
  } catch (const base::Error& caught) {
    Require(caught.kind() != base::ErrorKind::kInternal);
    error = caught.what();
  }
  return {heard.text, error};
}

void RequireSame(const Outcome& blocks, const Outcome& exact) {
  Require(blocks.error == exact.error);
  Require(exact.error.empty() ? blocks.rows == exact.rows : exact.rows.starts_with(blocks.rows));
}

}  // namespace
}  // namespace recforce::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce::test;
  const std::string_view text = AsText(bytes, size);
  for (const recforce::data::RecordStyle& style :
       {recforce::data::RecordStyle{",", true}, recforce::data::RecordStyle{"\t"}, recforce::data::RecordStyle{"::"}}) {
    const Outcome exact = Hear(text, style, {0, 1});
    RequireSame(Hear(text, style, {64, 16}), exact);
    RequireSame(Hear(text, style, {4096, 256}), exact);
  }
  return 0;
}
