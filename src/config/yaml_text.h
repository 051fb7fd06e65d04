// SPDX-License-Identifier: Apache-2.0
// Text as a YAML scalar. Lists in their text form use the same quotes.
#pragma once

#include <string>
#include <string_view>

namespace recforce::config {

// `text` as it is when YAML reads it back as the same text, else in double quotes.
// REQUIRES: no control characters.
std::string QuoteYaml(std::string_view text);

}  // namespace recforce::config
