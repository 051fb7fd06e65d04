// SPDX-License-Identifier: Apache-2.0
// Text from outside (ids, titles, paths) on its way into HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace recforce::report {

// Valid UTF-8 without characters that XML forbids: bytes that are no UTF-8, control characters and the two
// non-characters each become U+FFFD; tabs and line ends become spaces.
std::string CleanText(std::string_view text);

// CleanText with & < > " ' escaped: safe between tags and inside a quoted attribute.
std::string Escape(std::string_view text);

// `word` as one word of a POSIX shell.
std::string ShellQuote(std::string_view word);

}  // namespace recforce::report
