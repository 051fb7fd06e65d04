// SPDX-License-Identifier: Apache-2.0
// A figure as PNG, drawn with cairo in light colours on white, in DejaVu Sans where the machine has it.
#pragma once

#include <string>

#include "report/figure.h"

namespace recforce::report {

// The bytes of the file, at twice the figure's size. Equal figures give equal bytes on one machine: another cairo,
// zlib or font may draw a line of pixels differently. Error(Unavailable) when cairo cannot draw.
std::string PngFile(const Figure& figure);

}  // namespace recforce::report
