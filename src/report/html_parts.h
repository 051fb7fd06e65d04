// SPDX-License-Identifier: Apache-2.0
// Inside the room: the sections of the page, in its order, and what they are built from. Every function returns HTML
// whose texts are escaped.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/figures.h"
#include "report/report_data.h"

namespace recforce::report {

// <name class="...">inner</name>; `attributes` begins with a space or is empty.
std::string Tag(std::string_view name, std::string_view inner, std::string_view attributes = "");
std::string Text(std::string_view name, std::string_view text, std::string_view attributes = "");  // escapes `text`
std::string Paragraph(std::string_view text, std::string_view css_class = "");
std::string Command(std::string_view line);
// A table that scrolls inside the page where it is wider; `name` says to a screen reader what it is.
std::string Table(const std::string& name, const std::string& head, const std::string& body);
std::string Section(const std::string& id, const std::string& title, const std::string& inner);
// A run's name with the colour that it has in the plots.
std::string RunName(const ReportData& report, std::size_t run);
// The figure for wide and for narrow places, with what it shows under it. "" when the report has none of that name.
std::string FigureBlock(const std::vector<NamedFigure>& figures, const std::string& name, const std::string& caption);

std::string HeadSection(const ReportData& report);
std::string DataSection(const ReportData& report);
std::string MetricsSection(const ReportData& report, const std::vector<NamedFigure>& figures);
std::string ChoicesSection(const ReportData& report);
std::string CurvesSection(const ReportData& report, const std::vector<NamedFigure>& figures);
std::string GroupsSection(const ReportData& report, const std::vector<NamedFigure>& figures);
std::string DifferencesSection(const ReportData& report, const std::vector<NamedFigure>& figures);
std::string ExamplesSection(const ReportData& report);
std::string SettingsSection(const ReportData& report);
std::string CommandsSection(const ReportData& report);

// What the whole page looks like.
std::string StyleSheet();

}  // namespace recforce::report
