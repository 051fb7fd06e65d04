// SPDX-License-Identifier: Apache-2.0
// Objects a line: fields by name, numbers as ids, and the place of everything that is wrong.
#include "data/read_jsonl.h"

#include <gtest/gtest.h>

#include "recforce/base/error.h"
#include "support/collecting_sink.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;
using test::CollectingSink;
using Strings = std::vector<std::string>;

CollectingSink Read(std::string_view text, LogKind kind = LogKind::kJsonl, const ColumnNames& names = {}) {
  LineSource source = LineSource::FromMemory(text, "log");
  CollectingSink sink;
  ReadLog(source, kind, names, sink);
  EXPECT_EQ(sink.begins, 1);
  return sink;
}

std::string ErrorOf(std::string_view text, LogKind kind, ErrorKind error_kind, const ColumnNames& names = {}) {
  try {
    (void)Read(text, kind, names);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), error_kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(ReadJsonl, FieldsAreFoundByName) {
  const CollectingSink found = Read(
      "\xef\xbb\xbf{\"user_id\": 7, \"item\": \"a b\", \"ts\": \"1970-01-02\", \"rating\": 4}\r\n\n"
      "{\"x\": {\"user_id\": 1, \"y\": [1, {\"item\": 2}]}, \"rating\": \"2.5\", \"ts\": 8.8e8, \"item\": "
      "\"\\u00e9\\\"\", \"user_id\": -0.5}");
  EXPECT_EQ(found.rows, (Strings{"7|a b|t86400|v4.00:1", "-0.5|\xc3\xa9\"|t880000000|v2.50:3"}));
  EXPECT_EQ(found.bad, Strings{});
}

TEST(ReadJsonl, FieldsCanBeNamed) {
  const ColumnNames names{"who", "what", "when", "how"};
  EXPECT_EQ(
      Read(R"({"who": "u", "what": 18446744073709551616, "when": 1, "how": 2, "user": 3})", LogKind::kJsonl, names)
          .rows,
      Strings{"u|18446744073709551616|t1|v2.00:1"});
}

TEST(ReadJsonl, BlanksBelongToTheNameOfAField) {
  EXPECT_EQ(ErrorOf(R"({"user": 1, "item ": 2})", LogKind::kJsonl, ErrorKind::kUsage),
            "log:1:1: no item column: none of 'item_id', 'itemId', 'movieId', 'item', 'iid'; the columns are 'user', "
            "'item '; name it with --item-col");
  EXPECT_EQ(Read(R"({"user": 1, "item ": 2})", LogKind::kJsonl, {"", "item ", "", ""}).rows, Strings{"1|2:1"});
}

TEST(ReadJsonl, NumbersAreIdsAsTheyAreWritten) {
  EXPECT_EQ(Read("{\"user\": -0, \"item\": 0}\n{\"user\": -7, \"item\": 1.0}\n").rows, (Strings{"-0|0:1", "-7|1.0:2"}));
}

TEST(ReadJsonl, OfAFieldThatStandsTwiceTheLastCounts) {
  EXPECT_EQ(Read(R"({"user": 1, "item": 2, "user": 3})").rows, Strings{"3|2:1"});
}

TEST(ReadJsonl, BadRowsHaveAnAddress) {
  const auto bad = [](std::string_view row) {
    const CollectingSink found =
        Read("{\"user\":1,\"item\":2,\"rating\":3}\n" + std::string(row) + "\n{\"user\":1,\"item\":2,\"rating\":3}\n");
    EXPECT_EQ(found.rows.size(), 2U) << row;
    EXPECT_EQ(found.bad.size(), 1U) << row;
    return found.bad.empty() ? "" : found.bad.front();
  };
  EXPECT_EQ(bad(R"({"user":1,"item":2,"rating":"x"})"),
            "log:2:29: rating is not a number: 'x'; expected a decimal like 4.5");
  EXPECT_EQ(bad(R"({"user":1, "item" : "", "rating":1})"), "log:2:21: item is empty: ''; expected an id");
  EXPECT_EQ(bad(R"({"user":"a\u0000","item":2,"rating":1})"),
            "log:2:9: user holds a NUL byte: 'a\\x00'; expected text");
  EXPECT_EQ(bad(R"({"user":[1],"item":2,"rating":1})"),
            "log:2:9: user is neither text nor a number: '[1],\"item\":2,\"rating\":1}'; expected an id");
  EXPECT_EQ(bad(R"({"item":2,"rating":1})"), "log:2:1: user is missing: '{\"item\":2,\"rating\":1}'; expected an id");
  EXPECT_EQ(bad(R"({"user":null,"item":2,"rating":1})"),
            "log:2:1: user is missing: '{\"user\":null,\"item\":2,\"rating\":1}'; expected an id");
  EXPECT_EQ(bad(R"({"user":1,"item":2})"),
            "log:2:1: rating is missing: '{\"user\":1,\"item\":2}'; expected a value, as in the first object");
  EXPECT_EQ(bad(R"({"user":1,"item":2,"rating":3,"time":5})"),
            "log:2:38: time is new: '5'; expected the fields of the first object");
  EXPECT_EQ(bad(R"({"user":1,"item":2,"rating":3)"),
            "log:2:30: row is not a JSON object: '{\"user\":1,\"item\":2,\"rating\":3'; expected one object a line");
  EXPECT_EQ(bad(R"({"user":1,"item":2,"rating":3}})"),
            "log:2:31: row is not a JSON object: '{\"user\":1,\"item\":2,\"rating\":3}}'; expected one object a line");
  EXPECT_EQ(bad("[1]"), "log:2:1: row is not a JSON object: '[1]'; expected one object a line");
  EXPECT_EQ(bad("7"), "log:2:1: row is not a JSON object: '7'; expected one object a line");
  EXPECT_EQ(bad("{\"user\":\"\xff\"}"),
            "log:2:10: row is not UTF-8: '{\"user\":\"\\xff\"}'; convert the file to UTF-8");
}

TEST(ReadJsonl, FieldsThatAreNamedAreNeededInEveryObject) {
  const ColumnNames names{"", "", "", "", {}, "part", "propensity", "position"};
  const CollectingSink found = Read(
      "{\"user\":1,\"item\":2,\"part\":\"train\",\"propensity\":0.5,\"position\":1}\n"
      "{\"user\":1,\"item\":3,\"propensity\":0.5,\"position\":1}\n"
      "{\"user\":1,\"item\":3,\"part\":\"dev\",\"propensity\":0.5,\"position\":1}\n"
      "{\"user\":1,\"item\":3,\"part\":\"test\",\"propensity\":2,\"position\":1}\n"
      "{\"user\":1,\"item\":3,\"part\":\"test\",\"propensity\":0.5,\"position\":1.5}\n",
      LogKind::kJsonl, names);
  EXPECT_EQ(found.rows, Strings{"1|2|p0.500|@1|#0:1"});
  EXPECT_EQ(
      found.bad,
      (Strings{"log:2:1: part is missing: '{\"user\":1,\"item\":3,\"propensity\":0.5,\"position\":1}'; expected a "
               "part",
               "log:3:27: part is no part: 'dev'; expected train, validation, test or input",
               "log:4:47: propensity is out of range: '2'; expected a probability above 0 and at most 1",
               "log:5:62: position is not a whole number: '1.5'; expected a place in the slate like 3"}));
}

TEST(ReadJsonl, TheFirstObjectNamesTheFields) {
  EXPECT_EQ(ErrorOf("", LogKind::kJsonl, ErrorKind::kData), "log: file is empty; expected one JSON object a line");
  EXPECT_EQ(ErrorOf("\n{\"user\" 1}\n", LogKind::kJsonl, ErrorKind::kData),
            "log:2:9: row is not a JSON object: '{\"user\" 1}'; expected one object a line");
  EXPECT_EQ(ErrorOf(R"({"usr":1,"item":2})", LogKind::kJsonl, ErrorKind::kUsage),
            "log:1:1: no user column: none of 'user_id', 'userId', 'user', 'uid'; the columns are 'usr', 'item'; name "
            "it with --user-col");
}

constexpr const char* kFeedback =
    "{\"FeedbackType\":\"read\",\"UserId\":\"u\",\"ItemId\":\"i\",\"Value\":1,\"Timestamp\":\"2020-01-31T00:00:00Z\"}\n"
    "{\"FeedbackType\":\"like\",\"UserId\":\"u\",\"ItemId\":\"j\",\"Value\":2,\"Timestamp\":\"2020-01-31T00:00:01Z\"}\n"
    "{\"FeedbackType\":\"like\",\"UserId\":\"v\",\"ItemId\":\"j\",\"Value\":2}\n";

TEST(ReadGorse, FeedbackIsKeptByItsType) {
  const CollectingSink all = Read(kFeedback, LogKind::kGorse);
  EXPECT_EQ(all.rows, (Strings{"u|i|t1580428800|v1.00:1", "u|j|t1580428801|v2.00:2"}));
  EXPECT_EQ(all.bad, Strings{"log:3:1: Timestamp is missing: "
                             "'{\"FeedbackType\":\"like\",\"UserId\":\"v\",\"ItemId\":\"j\",\"Value\":2}'; expected a "
                             "time, as in the first object"});
  EXPECT_EQ(Read(kFeedback, LogKind::kGorse, {"", "", "", "", {"like"}}).rows, Strings{"u|j|t1580428801|v2.00:2"});
  EXPECT_EQ(ErrorOf(kFeedback, LogKind::kGorse, ErrorKind::kUsage, {"", "", "", "", {"like", "lik"}}),
            "log: --feedback-types: no feedback of type 'lik'; the types are 'like', 'read'; did you mean 'like'?");
}

TEST(ReadGorse, CommentsAreTitles) {
  LineSource source = LineSource::FromMemory(
      "{\"ItemId\":\"i\",\"IsHidden\":false,\"Labels\":{\"a\":[1]},\"Comment\":\"Toy Story\"}\n{\"ItemId\":\"j\"}\n"
      "{\"Comment\":\"x\"}\n",
      "items");
  Strings found;
  Strings bad;
  ReadTitles(
      source, TitleKind::kGorse,
      [&](std::string_view id, std::string_view title) { found.push_back(std::string(id) + "=" + std::string(title)); },
      [&](std::string message) { bad.push_back(std::move(message)); });
  EXPECT_EQ(found, Strings{"i=Toy Story"});
  EXPECT_EQ(bad, Strings{"items:3:1: ItemId is missing: '{\"Comment\":\"x\"}'; expected an id"});
}

}  // namespace
}  // namespace recforce::data
