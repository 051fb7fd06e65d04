// SPDX-License-Identifier: Apache-2.0
// Text measure and dashes.
#include "report/figure.h"

#include <array>

namespace recforce::report {
namespace {

// Advance widths of DejaVu Sans for the characters 32 to 126, in thousandths of the size.
constexpr std::array<int, 95> kWidths = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};
constexpr double kOtherWidth = 1.0;
// DejaVu Sans Bold is wider by about a ninth.
constexpr double kBoldFactor = 1.12;

bool StartsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

}  // namespace

const std::vector<double>& DashLengths(Dash dash) {
  static const std::array<std::vector<double>, 4> lengths = {
      std::vector<double>{}, {6.0, 3.0}, {1.5, 2.5}, {7.0, 2.5, 1.5, 2.5}};
  return lengths[static_cast<std::size_t>(dash)];
}

double TextWidth(std::string_view text, double size, bool bold) {
  double width = 0.0;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code >= 32 && code < 127) {
      width += kWidths[code - 32U] / 1000.0;
    } else if (StartsCharacter(c)) {
      width += kOtherWidth;
    }
  }
  return width * size * (bold ? kBoldFactor : 1.0);
}

std::string Shortened(const std::string& text, double width, double size, bool bold) {
  if (TextWidth(text, size, bold) <= width) {
    return text;
  }
  std::vector<std::size_t> starts;  // of characters
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (StartsCharacter(text[at])) {
      starts.push_back(at);
    }
  }
  starts.push_back(text.size());
  const std::size_t characters = starts.size() - 1;
  std::string shortened;
  for (std::size_t kept = characters; kept-- > 1;) {
    const std::size_t head = (kept + 1) / 2;
    const std::size_t tail = kept - head;
    shortened = text.substr(0, starts[head]) + "\xE2\x80\xA6" + text.substr(starts[characters - tail]);
    if (TextWidth(shortened, size, bold) <= width) {
      break;
    }
  }
  return shortened;
}

}  // namespace recforce::report
