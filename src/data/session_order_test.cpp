// SPDX-License-Identifier: Apache-2.0
#include "recforce/data/session_order.h"

#include <gtest/gtest.h>

#include <string>

namespace recforce::data {
namespace {

using Order = std::vector<std::int32_t>;

// Rows of one event each.
Csr Rows(std::size_t count) {
  Csr rows;
  for (std::size_t row = 0; row < count; ++row) {
    rows.AddRow(std::vector<std::int32_t>{0});
  }
  return rows;
}

Order ByIds(const std::vector<std::string>& ids) {
  return SessionOrder(Rows(ids.size()).view(), {},
                      [&](std::int64_t row) { return std::string_view(ids[static_cast<std::size_t>(row)]); });
}

TEST(SessionOrderTest, TimesDecideAndEqualOnesStay) {
  const auto same_id = [](std::int64_t) { return std::string_view("7"); };
  const std::vector<std::int64_t> starts = {30, 10, 30, 20};
  EXPECT_EQ(SessionOrder(Rows(4).view(), starts, same_id), (Order{1, 3, 0, 2}));
  Csr rows;  // the first event of a row counts, and nothing begins at 0
  rows.AddRow(std::vector<std::int32_t>{0, 1});
  rows.AddRow({});
  rows.AddRow(std::vector<std::int32_t>{2});
  EXPECT_EQ(SessionOrder(rows.view(), std::vector<std::int64_t>{20, 90, 10}, same_id), (Order{1, 2, 0}));
}

TEST(SessionOrderTest, NumbersOfIdsWhereAllHaveOne) {
  EXPECT_EQ(ByIds({"s1", "s10", "s100", "s11", "s2"}), (Order{0, 4, 1, 3, 2}));
  EXPECT_EQ(ByIds({"-3", "10", "9"}), (Order{0, 2, 1}));
  EXPECT_EQ(ByIds({"s2", "t1", "s1"}), (Order{2, 0, 1})) << "letters first";
}

TEST(SessionOrderTest, ElseAsTheyAre) {
  EXPECT_EQ(ByIds({"b", "10", "9"}), (Order{0, 1, 2}));
  EXPECT_EQ(ByIds({"s2", "1", "s1"}), (Order{0, 1, 2})) << "with and without letters";
  EXPECT_EQ(ByIds({"s-2", "s-1"}), (Order{0, 1}));
  EXPECT_EQ(SessionOrder(Rows(3).view(), {}, {}), (Order{0, 1, 2}));
  EXPECT_EQ(ByIds({}), Order{});
}

}  // namespace
}  // namespace recforce::data
