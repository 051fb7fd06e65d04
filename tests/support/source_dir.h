// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace recforce::test {

// The root of the checkout. Compiled into one file alone: its path differs from clone to clone, and with it what a
// compiler cache can share.
std::filesystem::path SourceDir();

}  // namespace recforce::test
