// SPDX-License-Identifier: Apache-2.0
#include "support/source_dir.h"

namespace recforce::test {

std::filesystem::path SourceDir() { return RECFORCE_SOURCE_DIR; }

}  // namespace recforce::test
