// SPDX-License-Identifier: Apache-2.0
// Field tables as documentation: Markdown for docs/parameters.md, lines for --help.
#include <string>

#include "recforce/base/text.h"
#include "recforce/config/settings.h"

namespace recforce::config {

namespace {

std::string FullName(const std::string& section, const Field& field) {
  return section.empty() ? field.key : section + "." + field.key;
}

// A bar would end the cell of a Markdown table.
std::string Cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    cell += c == '|' ? "\\|" : std::string(1, c);
  }
  return cell;
}

}  // namespace

std::string RenderMarkdown(const std::string& section, const FieldTable& fields) {
  std::string text = "| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
  for (const Field& field : fields) {
    const std::string aliases = field.aliases.empty() ? "" : " Also: `" + base::Join(field.aliases, "`, `") + "`.";
    const std::string search = field.search ? " Search: `" + Cell(SearchText(*field.search)) + "`." : "";
    text += "| `" + FullName(section, field) + "` | " + field.type + " | `" + Cell(field.default_text) + "` | " +
            Cell(field.allowed) + " | " + Cell(field.doc) + aliases + search + " |\n";
  }
  return text;
}

std::string RenderHelp(const std::string& section, const FieldTable& fields) {
  std::string text;
  for (const Field& field : fields) {
    text += "  " + FullName(section, field) + "=" + field.default_text + "\n      " + field.doc + " (" + field.type +
            (field.allowed.empty() ? "" : " " + field.allowed) +
            (field.aliases.empty() ? "" : "; also " + base::Join(field.aliases, ", ")) +
            (field.search ? "; search " + SearchText(*field.search) : "") + ")\n";
  }
  return text;
}

}  // namespace recforce::config
