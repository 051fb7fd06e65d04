// SPDX-License-Identifier: Apache-2.0
// A figure as SVG. Text stays text; numbers have at most one decimal, so equal figures are equal bytes everywhere.
#pragma once

#include <string>

#include "report/figure.h"

namespace recforce::report {

// A file of its own, light colours on white, UTF-8, with a line end at its end.
std::string SvgFile(const Figure& figure);

// An element inside an HTML page: colours come from the page as the classes that PaintClasses names; `id` (letters,
// digits, '-') tells this figure's title and description from those of others in the page.
std::string InlineSvg(const Figure& figure, const std::string& id);

// The CSS rules behind InlineSvg, over the custom properties --text, --muted, --grid, --background, --s0 ... --s5.
std::string SvgRules();

}  // namespace recforce::report
