// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as JSON lines, beside a parser that builds trees: whatever line of text it takes for an object with a
// user and an item of plain kinds must be a row, with the same ids.
#include <nlohmann/json.hpp>

#include "fuzz_log.h"

namespace recforce::test {
namespace {

using Json = nlohmann::json;

// The id as text, "" for what is none or may be written in several ways.
std::string IdOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) {
    return "";
  }
  // The parser here does not keep the sign of -0.
  const bool plain = found->is_string() || (found->is_number_integer() && *found != 0);
  return !plain ? "" : found->is_string() ? found->get<std::string>() : found->dump();
}

std::string Line(std::string_view user, std::string_view item) { return std::string(user) + "\n" + std::string(item); }

// Keeps the ids of rows by line.
class Rows final : public data::RowSink {
 public:
  void Begin(const data::LogContent&) override {}
  void Add(const data::LogRow& row) override { lines.emplace_back(row.line, Line(row.user, row.item)); }
  void AddDisplay(const data::LogDisplay&) override { Require(false); }
  void AddCandidates(std::string_view, std::span<const std::string_view>) override { Require(false); }
  void AddBad(std::string) override {}
  std::vector<std::pair<std::int64_t, std::string>> lines;
};

void Compare(std::string_view text) {
  constexpr const char* kUser = "u";
  constexpr const char* kItem = "i";
  Rows rows;
  ExpectNoBug([&] {
    data::LineSource source = data::LineSource::FromMemory(text, "input");
    data::ReadLog(source, data::LogKind::kJsonl, {kUser, kItem, "", ""}, rows);
    data::LineSource again = data::LineSource::FromMemory(text, "input");
    auto row = rows.lines.begin();
    while (const auto line = again.Next()) {
      const bool is_row = row != rows.lines.end() && row->first == again.line_number();
      const Json object = Json::parse(line->begin(), line->end(), nullptr, false);
      Require(!is_row || (object.is_object() && object.contains(kUser) && object.contains(kItem)));
      if (is_row) {
        const std::string user = IdOf(object, kUser);
        const std::string item = IdOf(object, kItem);
        Require(user.empty() || item.empty() || row->second == Line(user, item));
        ++row;
      }
    }
    Require(row == rows.lines.end());
  });
}

}  // namespace
}  // namespace recforce::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text = recforce::test::AsText(bytes, size);
  recforce::test::FuzzLog(text, recforce::data::LogKind::kJsonl);
  recforce::test::Compare(text);
  (void)recforce::data::GuessLogKind(text.substr(0, text.find('\n')), {});
  return 0;
}
