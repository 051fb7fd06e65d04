// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as our own decision log: what is let through is a log, and what is written of it reads back.
#include "fuzz_decisions.h"

#include "recforce/data/decision_log_writer.h"

namespace recforce::test {
namespace {

// Files in memory, one at a time.
class MemoryFiles final : public base::FileSystem {
 public:
  std::unique_ptr<base::WritableFile> Create(const std::filesystem::path&) override {
    return std::make_unique<File>(text);
  }
  std::unique_ptr<base::WritableFile> OpenAppend(const std::filesystem::path& path) override { return Create(path); }
  void Rename(const std::filesystem::path&, const std::filesystem::path&) override {}
  void Remove(const std::filesystem::path&) override {}
  void MakeDirectories(const std::filesystem::path&) override {}
  std::string text;

 private:
  class File final : public base::WritableFile {
   public:
    explicit File(std::string& text) : text_(text) {}
    using base::WritableFile::Append;
    void Append(std::span<const std::byte> bytes) override {
      text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    void Sync() override {}
    void Close() override {}

   private:
    std::string& text_;
  };
};

data::DecisionLog ReadText(std::string_view text, data::DecisionReport& report) {
  data::LineSource source = data::LineSource::FromMemory(text, "input");
  return data::ReadDecisionLines(source, {.max_bad_rows = kAnyBadRows}, report);
}

void WriteAndReadAgain(const data::DecisionLog& log) {
  MemoryFiles files;
  data::WriteDecisionLog(files, "recforce_fuzz.jsonl", log);
  data::DecisionReport report;
  const data::DecisionLog again = ReadText(files.text, report);
  Require(report.bad_rows == 0 && report.lost.empty());
  Require(again.first == log.first && again.propensity == log.propensity && again.reward == log.reward);
  Require(again.item_ids == log.item_ids && again.item == log.item && again.context == log.context);
  Require(again.history.items == log.history.items && again.candidates.items == log.candidates.items);
  Require(again.exploration == log.exploration && again.time == log.time);
}

}  // namespace
}  // namespace recforce::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace recforce;
  const std::string_view text = test::AsText(bytes, size);
  test::FuzzDecisions([&](data::DecisionReport& report) {
    data::DecisionLog log = test::ReadText(text, report);
    if (log.size() > 0) {
      test::WriteAndReadAgain(log);
    }
    return log;
  });
  return 0;
}
