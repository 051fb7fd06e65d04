// SPDX-License-Identifier: Apache-2.0
// The page and its building blocks.
#include "report/html.h"

#include <algorithm>

#include "report/html_parts.h"
#include "report/markup.h"
#include "report/svg.h"

namespace recforce::report {

std::string Tag(std::string_view name, std::string_view inner, std::string_view attributes) {
  const std::string tag(name);
  return "<" + tag + std::string(attributes) + ">" + std::string(inner) + "</" + tag + ">";
}

std::string Text(std::string_view name, std::string_view text, std::string_view attributes) {
  return Tag(name, Escape(text), attributes);
}

std::string Paragraph(std::string_view text, std::string_view css_class) {
  return Text("p", text, css_class.empty() ? "" : " class=\"" + std::string(css_class) + "\"") + "\n";
}

std::string Command(std::string_view line) { return Tag("pre", Text("code", line)) + "\n"; }

std::string Table(const std::string& name, const std::string& head, const std::string& body) {
  return Tag("div", "\n" + Tag("table", "\n" + Tag("thead", Tag("tr", head)) + "\n" + Tag("tbody", "\n" + body)) + "\n",
             " class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" + Escape(name) + "\"") +
         "\n";
}

std::string Section(const std::string& id, const std::string& title, const std::string& inner) {
  return Tag("section", "\n" + Text("h2", title) + "\n" + inner, " id=\"" + id + "\"") + "\n";
}

std::string RunName(const ReportData& report, std::size_t run) {
  constexpr std::size_t kLong = 20;
  // A long name may be broken where its words end.
  std::string name;
  for (const char c : Escape(report.runs[run].label)) {
    name += c;
    name += c == '_' || c == '-' || c == '/' ? "<wbr>" : "";
  }
  return Tag("span", "", " class=\"key k" + std::to_string(run % kColours) + (run < kColours ? "\"" : " pale\"")) +
         Tag("span", name, report.runs[run].label.size() > kLong ? " class=\"long\"" : "");
}

std::string FigureBlock(const std::vector<NamedFigure>& figures, const std::string& name, const std::string& caption) {
  const auto found =
      std::find_if(figures.begin(), figures.end(), [&](const NamedFigure& figure) { return figure.name == name; });
  if (found == figures.end()) {
    return "";
  }
  return Tag("figure", "\n" + Tag("div", InlineSvg(found->draw(kFileWidth), name + "-wide"), " class=\"wide\"") + "\n" +
                           Tag("div", InlineSvg(found->draw(kNarrowWidth), name + "-narrow"), " class=\"narrow\"") +
                           "\n" + Text("figcaption", caption) + "\n") +
         "\n";
}

std::string RenderHtml(const ReportData& report) {
  const std::vector<NamedFigure> figures = AllFigures(report);
  const std::string body = HeadSection(report) + DataSection(report) + MetricsSection(report, figures) +
                           ChoicesSection(report) + CurvesSection(report, figures) + GroupsSection(report, figures) +
                           DifferencesSection(report, figures) + ExamplesSection(report) + SettingsSection(report) +
                           CommandsSection(report);
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n" +
         Text("title", report.title) + "\n<style>\n" + StyleSheet() + "</style>\n</head>\n<body>\n<main>\n" + body +
         "</main>\n" + Tag("footer", Escape("Written by recforce " RECFORCE_VERSION ".")) + "\n</body>\n</html>\n";
}

}  // namespace recforce::report
