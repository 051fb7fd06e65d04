// SPDX-License-Identifier: Apache-2.0
// Tests of field tables: every type's texts, refusals word for word, and their rendering.
#include "recforce/config/field_table.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "config/yaml_text.h"
#include "recforce/config/settings.h"

namespace recforce::config {
namespace {

struct Example {
  std::int64_t epochs = 10;
  double rate = 0.001;
  bool frozen = true;
  std::string note = "a: b";
  std::string kind = "fast";
  std::vector<std::int64_t> hidden = {600, 200};
  std::vector<std::string> metrics = {"ndcg@100"};
};

const FieldTable& ExampleFields() {
  static const FieldTable table = Fields<Example>()
                                      .Int("epochs", &Example::epochs, 1, 100, "Passes over the data.")
                                      .Alias("train_epochs")
                                      .Real("rate", &Example::rate, 0.0, 1.0, "Step length.")
                                      .Alias("lr")
                                      .Alias("learning_rate")
                                      .Bool("frozen", &Example::frozen, "Keeps the normaliser.")
                                      .Text("note", &Example::note, "Anything.")
                                      .Choice("kind", &Example::kind, {"fast", "exact"}, "How.")
                                      .IntList("hidden", &Example::hidden, 1, 1000, "Layer widths.")
                                      .TextList("metrics", &Example::metrics, "What to measure.")
                                      .Take();
  return table;
}

// Sets `key` and says what was refused, or how the field reads afterwards.
std::string Set(const std::string& key, std::string_view text) {
  Section section = Section::Make<Example>("example", ExampleFields());
  const Field* field = section.Find(key);
  const std::string refused = section.Set(*field, text);
  return refused.empty() ? section.Get(*field) : refused;
}

TEST(FieldTableTest, DefaultsAreTheStructsOwn) {
  Section section = Section::Make<Example>("example", ExampleFields());
  std::vector<std::string> texts;
  for (const Field& field : section.fields()) {
    texts.push_back(field.default_text);
  }
  EXPECT_EQ(texts,
            (std::vector<std::string>{"10", "0.001", "true", "\"a: b\"", "fast", "[600, 200]", "[\"ndcg@100\"]"}));
  EXPECT_EQ(section.Get(*section.Find("note")), "a: b");
}

TEST(FieldTableTest, ValuesReachTheStruct) {
  Section section = Section::Make<Example>("example", ExampleFields(), {.epochs = 3});
  EXPECT_EQ(section.As<Example>().epochs, 3);
  EXPECT_EQ(section.Set(*section.Find("lr"), "0.5"), "");
  EXPECT_EQ(section.Set(*section.Find("frozen"), "false"), "");
  EXPECT_EQ(section.Set(*section.Find("hidden"), "7, 8"), "");
  EXPECT_EQ(section.Set(*section.Find("metrics"), "a, b"), "");
  const Example& example = section.As<Example>();
  EXPECT_EQ(example.rate, 0.5);
  EXPECT_FALSE(example.frozen);
  EXPECT_EQ(example.hidden, (std::vector<std::int64_t>{7, 8}));
  EXPECT_EQ(example.metrics, (std::vector<std::string>{"a", "b"}));
  EXPECT_THROW((void)section.As<std::string>(), base::Error);
  EXPECT_EQ(section.Find("train_epochs"), section.Find("epochs"));
  EXPECT_EQ(section.Find("epoch"), nullptr);
}

TEST(FieldTableTest, Numbers) {
  EXPECT_EQ(Set("epochs", " 7 "), "7");
  EXPECT_EQ(Set("epochs", "0"), "is out of range: '0'; expected a whole number in [1, 100]");
  EXPECT_EQ(Set("epochs", "101"), "is out of range: '101'; expected a whole number in [1, 100]");
  EXPECT_EQ(Set("epochs", "1.5"), "is not a whole number: '1.5'; expected one in [1, 100]");
  EXPECT_EQ(Set("epochs", "99999999999999999999"),
            "is not a whole number: '99999999999999999999'; expected one in [1, 100]");
  EXPECT_EQ(Set("epochs", ""), "is not a whole number: ''; expected one in [1, 100]");
  EXPECT_EQ(Set("rate", "1e-3"), "0.001");
  EXPECT_EQ(Set("rate", "1"), "1");
  EXPECT_EQ(Set("rate", "1.01"), "is out of range: '1.01'; expected a decimal in [0, 1]");
  EXPECT_EQ(Set("rate", "nan"), "is not a number: 'nan'; expected a decimal in [0, 1]");
  EXPECT_EQ(Set("frozen", "False"), "false");
  EXPECT_EQ(Set("frozen", "yes"), "is not a truth value: 'yes'; expected true or false");
}

TEST(FieldTableTest, Texts) {
  EXPECT_EQ(Set("note", " spaces stay "), " spaces stay ");
  EXPECT_EQ(Set("note", ""), "");
  EXPECT_EQ(Set("note", "a\nb"), "has a control character in it");
  EXPECT_EQ(Set("note", "\xFF"), "is not valid UTF-8");
  EXPECT_EQ(Set("kind", "exact"), "exact");
  EXPECT_EQ(Set("kind", "exakt"), "is not one of its choices: 'exakt'; expected fast, exact; did you mean 'exact'?");
  EXPECT_EQ(Set("kind", "slow-motion"), "is not one of its choices: 'slow-motion'; expected fast, exact");
}

TEST(FieldTableTest, Lists) {
  EXPECT_EQ(Set("hidden", "600,300"), "[600, 300]");
  EXPECT_EQ(Set("hidden", " [ 600 , 300 ] "), "[600, 300]");
  EXPECT_EQ(Set("hidden", "[]"), "[]");
  EXPECT_EQ(Set("hidden", ""), "[]");
  EXPECT_EQ(Set("hidden", "5"), "[5]");
  EXPECT_EQ(Set("hidden", "5, x"), "has an element that is not a whole number: 'x'; expected one in [1, 1000]");
  EXPECT_EQ(Set("hidden", "5, 0"), "has an element that is out of range: '0'; expected a whole number in [1, 1000]");
  EXPECT_EQ(Set("hidden", "5,,6"), "has an empty element: '5,,6'; expected a list like [a, b]");
  EXPECT_EQ(Set("hidden", "5,"), "has an empty element: '5,'; expected a list like [a, b]");
  EXPECT_EQ(Set("hidden", "[5"), "has a bracket that is not closed: '[5'; expected a list like [a, b]");
  EXPECT_EQ(Set("hidden", "["), "has a bracket that is not closed: '['; expected a list like [a, b]");
  EXPECT_EQ(Set("metrics", R"(ndcg, "a, b", 'it''s')"),
            R"(has text after a closing quote: 'ndcg, "a, b", 'it''s''; expected a list like [a, b])");
  EXPECT_EQ(Set("metrics", R"(ndcg, "a, \"b\\")"), R"([ndcg, "a, \"b\\"])");
  EXPECT_EQ(Set("metrics", R"("open)"), R"(has a quote that is not closed: '"open'; expected a list like [a, b])");
}

TEST(FieldTableTest, ARefusedTextChangesNothing) {
  Section section = Section::Make<Example>("example", ExampleFields());
  EXPECT_NE(section.Set(*section.Find("hidden"), "1, 2, x"), "");
  EXPECT_NE(section.Set(*section.Find("epochs"), "1000"), "");
  EXPECT_EQ(section.As<Example>().hidden, (std::vector<std::int64_t>{600, 200}));
  EXPECT_EQ(section.As<Example>().epochs, 10);
}

std::string Printable() {
  const auto letter = rc::gen::elementOf(std::string("ab,[]{}'\" \\:#-01|>&*!%@`?~=\xC3\xA9"));
  std::string text = *rc::gen::container<std::string>(letter);
  // Bytes of the two-byte letter stand alone now; drop them unless paired.
  std::string whole;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      whole += text[at];
    } else if (byte == 0xC3 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) == 0xA9) {
      whole += text.substr(at++, 2);
    }
  }
  return whole;
}

TEST(FieldTableTest, GetIsReadBackBySet) {
  EXPECT_TRUE(rc::check("set(get(x)) keeps x", [] {
    Example initial;
    initial.rate = *rc::gen::map(rc::gen::inRange(0, 1 << 30), [](int part) { return part * 0x1p-30; });
    initial.hidden = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(1, 1001));
    initial.note = Printable();
    initial.metrics = {Printable(), Printable()};
    const Section from = Section::Make<Example>("example", ExampleFields(), initial);
    Section to = Section::Make<Example>("example", ExampleFields());
    for (const Field& field : from.fields()) {
      RC_ASSERT(to.Set(field, from.Get(field)) == "");
    }
    RC_ASSERT(to.As<Example>().rate == initial.rate);
    RC_ASSERT(to.As<Example>().hidden == initial.hidden);
    RC_ASSERT(to.As<Example>().note == initial.note);
    RC_ASSERT(to.As<Example>().metrics == initial.metrics);
  }));
}

struct Nothing {};
struct Lone {
  std::string text;
};
struct Wide {
  std::int64_t low = 0;
  std::int64_t any = 0;
  double positive = 1;
  double free = 0;
};

TEST(FieldTableTest, AMemberWithoutARowIsCaught) {
  EXPECT_EQ(AggregateArity<Example>(), 7);
  EXPECT_EQ(AggregateArity<Nothing>(), 0);
  EXPECT_EQ(AggregateArity<Lone>(), 1);
  EXPECT_TRUE(Fields<Nothing>().Take().empty());
  EXPECT_THROW(Fields<Example>().Int("epochs", &Example::epochs, 1, 2, "").Take(), base::Error);
}

TEST(FieldTableTest, OpenRanges) {
  using Ints = std::numeric_limits<std::int64_t>;
  using Reals = std::numeric_limits<double>;
  const FieldTable table = Fields<Wide>()
                               .Int("low", &Wide::low, 0, Ints::max(), "")
                               .Int("any", &Wide::any, Ints::min(), Ints::max(), "")
                               .Real("positive", &Wide::positive, 0.5, Reals::infinity(), "")
                               .Real("free", &Wide::free, -Reals::infinity(), Reals::infinity(), "")
                               .Take();
  EXPECT_EQ(table[0].allowed, "[0, inf)");
  EXPECT_EQ(table[1].allowed, "");
  EXPECT_EQ(table[2].allowed, "[0.5, inf)");
  EXPECT_EQ(table[3].allowed, "");
  Wide wide;
  EXPECT_EQ(table[1].set(&wide, "x"), "is not a whole number: 'x'; expected one in 64 bits");
  EXPECT_EQ(table[3].set(&wide, "x"), "is not a number: 'x'; expected a decimal");
  EXPECT_EQ(table[3].set(&wide, "-1e300"), "");
  EXPECT_EQ(wide.free, -1e300);
}

TEST(RenderTest, MarkdownAndHelp) {
  const FieldTable table = Fields<Lone>().Choice("text", &Lone::text, {"", "b"}, "One word.").Alias("word").Take();
  EXPECT_EQ(RenderMarkdown("lone", table),
            "| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n"
            "| `lone.text` | choice | `\"\"` | \\|b | One word. Also: `word`. |\n");
  EXPECT_EQ(RenderHelp("", table), "  text=\"\"\n      One word. (choice |b; also word)\n");
}

TEST(QuoteYamlTest, QuotesOnlyWhereNeeded) {
  EXPECT_EQ(QuoteYaml("strong_generalization"), "strong_generalization");
  EXPECT_EQ(QuoteYaml("/data/ml-1m.csv"), "/data/ml-1m.csv");
  for (const std::string text : {"", "true", "No", "null", "1.5", "-x", ".5", "a b", "a:b", "#x", "~", "ndcg@100"}) {
    EXPECT_EQ(QuoteYaml(text), '"' + text + '"');
  }
  EXPECT_EQ(QuoteYaml("a\"b\\"), "\"a\\\"b\\\\\"");
}

}  // namespace
}  // namespace recforce::config
