// SPDX-License-Identifier: Apache-2.0
#include "recforce/base/folder_lock.h"

#include <gtest/gtest.h>

#include <optional>

#include "recforce/base/error.h"
#include "support/temp_dir.h"

namespace recforce::base {
namespace {

TEST(FolderLock, OneHolderAtATime) {
  const test::TempDir dir;
  std::optional<FolderLock> first;
  first.emplace(dir / ".");
  try {
    const FolderLock second(dir / ".");
    FAIL() << "two holders";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUnavailable);
  }
  first.reset();
  EXPECT_NO_THROW(FolderLock(dir / "."));
  EXPECT_TRUE(std::filesystem::is_empty(dir / "."));
}

TEST(FolderLock, AFolderThatCannotBeLockedIsNotHeld) { EXPECT_NO_THROW(FolderLock("/nonexistent/folder")); }

}  // namespace
}  // namespace recforce::base
