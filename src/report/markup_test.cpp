// SPDX-License-Identifier: Apache-2.0
// What must never get out of a text into the page around it.
#include "report/markup.h"

#include <gtest/gtest.h>

namespace recforce::report {
namespace {

TEST(Escape, TagsQuotesAndEntitiesBecomeText) {
  EXPECT_EQ(Escape("<script>alert('x')</script> & \"quoted\""),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quoted&quot;");
  EXPECT_EQ(Escape("&lt;"), "&amp;lt;");
  EXPECT_EQ(Escape("]]><!--"), "]]&gt;&lt;!--");
}

TEST(CleanText, KeepsTextOfAllLanguages) {
  const std::string text = "Am\xC3\xA9lie \xE4\xB8\x83\xE4\xBA\xBA \xF0\x9F\x8E\xAC";
  EXPECT_EQ(CleanText(text), text);
}

TEST(CleanText, ReplacesWhatIsNoText) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(CleanText("a\xE9z"), "a" + mark + "z");                                // Latin-1
  EXPECT_EQ(CleanText("\xC3"), mark);                                              // cut off
  EXPECT_EQ(CleanText("\xC0\x80\xED\xA0\x80"), mark + mark + mark + mark + mark);  // overlong, surrogate
  EXPECT_EQ(CleanText(std::string_view("a\0b\x01\x7F", 5)), "a" + mark + "b" + mark + mark);
  EXPECT_EQ(CleanText("\xC2\x85"), mark);  // a control character of two bytes
  EXPECT_EQ(CleanText("\xEF\xBF\xBE"), mark);
  EXPECT_EQ(CleanText("a\tb\r\nc"), "a b  c");
}

TEST(ShellQuote, OneWordWhateverItHolds) {
  EXPECT_EQ(ShellQuote("runs/ease-1.0"), "runs/ease-1.0");
  EXPECT_EQ(ShellQuote("my runs/a"), "'my runs/a'");
  EXPECT_EQ(ShellQuote("it's; rm -rf $HOME"), "'it'\\''s; rm -rf $HOME'");
  EXPECT_EQ(ShellQuote(""), "''");
}

}  // namespace
}  // namespace recforce::report
