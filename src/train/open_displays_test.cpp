// SPDX-License-Identifier: Apache-2.0
// The displays of a dataset as an environment numbers its items.
#include "train/open_displays.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "recforce/base/file_system.h"
#include "recforce/data/dataset.h"
#include "recforce/model/bundle.h"
#include "support/error_of.h"
#include "support/temp_dir.h"
#include "support/toy_environment.h"

namespace recforce::train {
namespace {

using Items = std::vector<std::int32_t>;

// Two users: the first is shown 0 and 1, then 1 and 2, and clicks 1; the second is shown 0 and 2 and clicks nothing.
void WriteLog(const test::TempDir& dir, const std::vector<std::string>& item_ids) {
  data::Columns columns;
  columns.user_ids = {"ann", "bob"};
  columns.item_ids = item_ids;
  columns.user = {0, 0};
  columns.item = {1, 1};
  columns.time = {1, 2};
  columns.displays.user = {0, 0, 1};
  columns.displays.time = {1, 2, 1};
  columns.displays.item = {0, 1, 1, 2, 0, 2};
  columns.displays.clicked = {0, 1, 1, 0, 0, 0};
  columns.displays.offsets = {0, 2, 4, 6};
  data::WriteDataset(base::RealFileSystem(), dir.path(), std::move(columns), {.duplicates = "keep"});
}

OpenedEnvironment Users(const std::vector<std::string>& item_ids) {
  OpenedEnvironment opened;
  opened.item_ids = item_ids;
  opened.name = "users";
  opened.environment = std::make_shared<test::ToyEnvironment>(
      test::RandomToy(static_cast<std::int64_t>(item_ids.size()), 1, {core::ChoiceLaw::kSoftmax, 0.0F}));
  return opened;
}

class OpenDisplaysTest : public ::testing::Test {
 protected:
  LoggedDisplays Open(const OpenedEnvironment& environment) {
    return OpenDisplays(registry_, environment, dir_.path(), dir_.path().string());
  }
  test::TempDir dir_;
  core::Registry registry_;
};

Items Sorted(std::span<const std::int32_t> items) {
  Items sorted(items.begin(), items.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

TEST_F(OpenDisplaysTest, ItemsAreFoundByTheirIds) {
  WriteLog(dir_, {"a", "b", "c"});
  const LoggedDisplays logged = Open(Users({"c", "x", "a", "b"}));
  EXPECT_FALSE(logged.test_part);
  EXPECT_EQ(logged.left_out, 0);
  const data::DisplaySet& displays = logged.displays;
  EXPECT_EQ(displays.users, (Items{0, 1}));
  ASSERT_EQ(displays.size(), 3);
  EXPECT_EQ(Sorted(displays.shown(0)), (Items{2, 3}));
  EXPECT_EQ(Sorted(displays.shown(1)), (Items{0, 3}));
  EXPECT_EQ(Sorted(displays.shown(2)), (Items{0, 2}));
  EXPECT_EQ(displays.chosen(0), 3);
  EXPECT_EQ(displays.chosen(1), 3);
  EXPECT_EQ(displays.chosen(2), -1);
}

TEST_F(OpenDisplaysTest, DisplaysOfUnknownItemsAreLeftOutWhole) {
  WriteLog(dir_, {"a", "b", "c"});
  const LoggedDisplays logged = Open(Users({"a", "b"}));
  EXPECT_EQ(logged.left_out, 2);
  EXPECT_EQ(logged.displays.users, Items{0});  // nothing is left of bob's
  ASSERT_EQ(logged.displays.size(), 1);
  EXPECT_EQ(Sorted(logged.displays.shown(0)), (Items{0, 1}));
  EXPECT_EQ(logged.displays.chosen(0), 1);
  EXPECT_EQ(test::ErrorOf([&] {
              (void)Open(Users({"x", "y"}));
            }),
            "Usage: " + dir_.path().string() +
                ": none of its displays shows only items that 'users' has: '3' are left out; expected a log of the "
                "same items");
}

// Who of its dataset a model learnt from stands in the run, and not in the bundle.
TEST_F(OpenDisplaysTest, ABundleIsNotComparedWithItsOwnLog) {
  WriteLog(dir_, {"a", "b", "c"});
  OpenedEnvironment own = Users({"a", "b", "c"});
  own.dataset_fingerprint = data::Dataset::Open(dir_.path()).fingerprint();
  EXPECT_EQ(test::ErrorOf([&] { (void)Open(own); }),
            "Usage: users: learnt from this dataset, and a bundle does not say from which of its users: '" +
                dir_.path().string() + "'; expected the run folder, or another dataset");
}

}  // namespace
}  // namespace recforce::train
