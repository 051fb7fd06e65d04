// SPDX-License-Identifier: Apache-2.0
// Numbers of ids against std::map.
#include "data/id_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>

namespace recforce::data {
namespace {

using Strings = std::vector<std::string>;

TEST(IdTable, NumbersByFirstAppearance) {
  EXPECT_TRUE(rc::check("agrees with a map", [] {
    const auto texts = *rc::gen::container<Strings>(rc::gen::container<std::string>(rc::gen::inRange<char>('a', 'd')));
    std::map<std::string, std::int32_t> expected;
    std::vector<std::int32_t> numbers;
    for (const std::string& text : texts) {
      numbers.push_back(expected.try_emplace(text, static_cast<std::int32_t>(expected.size())).first->second);
    }
    IdTable one;
    std::vector<std::int32_t> found;
    for (const std::string& text : texts) {
      found.push_back(one.Add(text));
    }
    RC_ASSERT(found == numbers);
    IdTable together;
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    std::vector<std::int32_t> batch(views.size());
    together.AddAll(views, batch);
    RC_ASSERT(batch == numbers);
    RC_ASSERT(together.size() == static_cast<std::int32_t>(expected.size()));
    std::vector<std::int32_t> in_order;
    for (const auto& [text, number] : expected) {
      RC_ASSERT(together[number] == text);
      RC_ASSERT(together.Find(text) == number);
      in_order.push_back(number);
    }
    RC_ASSERT(together.InOrder() == in_order);
    RC_ASSERT(!together.Find("z"));
  }));
}

TEST(IdTable, GrowsWhileManyAreAdded) {
  Strings texts;
  for (int i = 0; i < 20000; ++i) {
    texts.push_back("user-with-a-long-name-" + std::to_string(i * 7919 % 10007));
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  IdTable table;
  std::vector<std::int32_t> numbers(views.size());
  table.AddAll(views, numbers);
  EXPECT_EQ(table.size(), 10007);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(table[numbers[i]], texts[i]);
  }
  const std::vector<std::int32_t> order = table.InOrder();
  EXPECT_TRUE(
      std::is_sorted(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return table[a] < table[b]; }));
}

TEST(IdTable, OrdersBytesAsUnsigned) {
  IdTable table;
  for (const char* text : {"\xc3\xa9", "z", "aaaaaaaab", "aaaaaaaa", "aaaaaaaa\xff", "10", "9", "1"}) {
    table.Add(text);
  }
  Strings texts;
  for (const std::int32_t id : table.InOrder()) {
    texts.emplace_back(table[id]);
  }
  EXPECT_EQ(texts, (Strings{"1", "10", "9", "aaaaaaaa", "aaaaaaaab", "aaaaaaaa\xff", "z", "\xc3\xa9"}));
}

}  // namespace
}  // namespace recforce::data
