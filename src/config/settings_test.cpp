// SPDX-License-Identifier: Apache-2.0
// Tests of settings: where a key leads, layers and origins, YAML with its complaints, the environment.
#include "recforce/config/settings.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "support/temp_dir.h"

namespace recforce::config {
namespace {

using test::TempDir;

struct Top {
  std::int64_t seed = 1;
  std::string model = "ract";
};
struct Train {
  std::int64_t epochs = 10;
  double learning_rate = 0.001;
  std::int64_t batch = 500;
};
struct Split {
  std::string kind = "random";
  std::int64_t users = 150;
  std::vector<std::string> metrics;
};
struct Ract {
  double learning_rate = 0.5;
  std::vector<std::int64_t> hidden = {600};
};

Settings MakeSettings() {
  static const FieldTable top =
      Fields<Top>().Int("seed", &Top::seed, 0, 1000, "").Text("model", &Top::model, "").Take();
  static const FieldTable train = Fields<Train>()
                                      .Int("epochs", &Train::epochs, 1, 1000, "")
                                      .Alias("n")
                                      .Real("learning_rate", &Train::learning_rate, 0, 1, "")
                                      .Int("batch", &Train::batch, 1, 1000, "")
                                      .Alias("train_batch_size")
                                      .Take();
  static const FieldTable split = Fields<Split>()
                                      .Choice("kind", &Split::kind, {"random", "time"}, "")
                                      .Int("users", &Split::users, 0, 1000, "")
                                      .Alias("n")
                                      .TextList("metrics", &Split::metrics, "")
                                      .Take();
  static const FieldTable ract = Fields<Ract>()
                                     .Real("learning_rate", &Ract::learning_rate, 0, 1, "")
                                     .Alias("lr")
                                     .IntList("hidden", &Ract::hidden, 1, 1000, "")
                                     .Take();
  return Settings({Section::Make<Top>("", top), Section::Make<Split>("split", split),
                   Section::Make<Train>("train", train), Section::Make<Ract>("ract", ract)},
                  "ract");
}

template <class Action>
std::string UsageError(const Action& action) {
  try {
    action();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    return error.what();
  }
  return "no error";
}

std::string SetError(const std::string& key, const std::string& text = "1") {
  Settings settings = MakeSettings();
  return UsageError([&] { settings.Set(key, text, "--set"); });
}

// The complaint about a file, with its folder cut off.
std::string YamlError(const std::string& text, const std::vector<std::string>& ignored = {}) {
  const TempDir folder;
  const auto path = folder.Write("c.yaml", text);
  Settings settings = MakeSettings();
  const std::string message = UsageError([&] { settings.LoadYaml(path.string(), ignored); });
  const std::string prefix = folder.path().string() + "/";
  return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
}

TEST(SettingsTest, KeysLeadToTheirFields) {
  Settings settings = MakeSettings();
  settings.Set("split.users", "7", "--set");
  settings.Set("seed", "9", "--seed");
  settings.Set("learning_rate", "0.25", "--set");  // the home section comes before train
  settings.Set("train_batch_size", "3", "--set");  // an alias that only train has
  settings.Set("train.n", "4", "--set");           // an alias inside its section
  EXPECT_EQ(settings.section("split").As<Split>().users, 7);
  EXPECT_EQ(settings.section("").As<Top>().seed, 9);
  EXPECT_EQ(settings.section("ract").As<Ract>().learning_rate, 0.25);
  EXPECT_EQ(settings.section("train").As<Train>().learning_rate, 0.001);
  EXPECT_EQ(settings.section("train").As<Train>().batch, 3);
  EXPECT_EQ(settings.section("train").As<Train>().epochs, 4);
  EXPECT_TRUE(settings.IsSet("train.epochs"));
  EXPECT_TRUE(settings.IsSet("lr"));
  EXPECT_FALSE(settings.IsSet("hidden"));
  EXPECT_THROW((void)settings.section("eval"), base::Error);
}

TEST(SettingsTest, UnknownKeysOfferTheNearest) {
  EXPECT_EQ(SetError("learning_rat"), "--set: unknown key 'learning_rat'; did you mean 'learning_rate'?");
  EXPECT_EQ(SetError("train.epoch"), "--set: unknown key 'train.epoch'; did you mean 'train.epochs'?");
  EXPECT_EQ(SetError("trian.batch"), "--set: unknown key 'trian.batch'; did you mean 'train.batch'?");
  EXPECT_EQ(SetError("epochs"), "--set: unknown key 'epochs'; did you mean 'train.epochs'?");
  EXPECT_EQ(SetError("sed"), "--set: unknown key 'sed'; did you mean 'seed'?");
  EXPECT_EQ(SetError("zzzzzz"),
            "--set: unknown key 'zzzzzz'; expected a key of one of the sections split, train, ract");
  EXPECT_EQ(SetError("n"), "--set: ambiguous key 'n'; expected one of split.users, train.epochs");
}

TEST(SettingsTest, RefusalsNameTheFullKey) {
  EXPECT_EQ(SetError("seed", "-1"), "--set: seed is out of range: '-1'; expected a whole number in [0, 1000]");
  EXPECT_EQ(SetError("lr", "fast"), "--set: ract.learning_rate is not a number: 'fast'; expected a decimal in [0, 1]");
  EXPECT_EQ(SetError("split.kind", "tim"),
            "--set: split.kind is not one of its choices: 'tim'; expected random, time; did you mean 'time'?");
}

TEST(SettingsTest, LayersOverrideAndRememberTheirOrigin) {
  const TempDir folder;
  const auto base_path = folder.Write("base.yaml", "seed: 3\ntrain:\n  epochs: 20\n  batch: 50\n");
  const auto more_path = folder.Write("more.yaml", "train:\n  batch: 60\n");
  Settings settings = MakeSettings();
  settings.LoadYaml(base_path.string());
  settings.LoadYaml(more_path.string());
  settings.LoadEnvironment({"PATH=/bin", "RECFORCE_TRAIN_EPOCHS=30", "RECFORCE_DATA=/data"});
  settings.Set("seed", "5", "--seed");
  std::string shown;
  for (const Settings::Entry& entry : settings.Entries()) {
    shown += entry.section + "." + entry.field->key + "=" + entry.text + " (" + entry.origin + ")\n";
  }
  EXPECT_EQ(shown,
            ".seed=5 (--seed)\n.model=ract (default)\n"
            "split.kind=random (default)\nsplit.users=150 (default)\nsplit.metrics=[] (default)\n"
            "train.epochs=30 (RECFORCE_TRAIN_EPOCHS)\ntrain.learning_rate=0.001 (default)\n"
            "train.batch=60 (" +
                more_path.string() +
                ":2)\n"
                "ract.learning_rate=0.5 (default)\nract.hidden=[600] (default)\n");
}

TEST(SettingsYamlTest, TakesEveryKindOfValue) {
  const TempDir folder;
  const auto path =
      folder.Write("c.yaml",
                   "# a comment\nseed: 7\nmodel: 'it''s: here'\nlr: 0.25\nsplit:\n  kind: time\n"
                   "  metrics:\n    - \"a, b\"\n    - c\ntrain:\nract: {hidden: [1, 2]}\nother:\n  x: {y: 1}\n");
  Settings settings = MakeSettings();
  settings.LoadYaml(path.string(), {"other"});
  EXPECT_EQ(settings.section("").As<Top>().seed, 7);
  EXPECT_EQ(settings.section("").As<Top>().model, "it's: here");
  EXPECT_EQ(settings.section("split").As<Split>().kind, "time");
  EXPECT_EQ(settings.section("split").As<Split>().metrics, (std::vector<std::string>{"a, b", "c"}));
  EXPECT_EQ(settings.section("ract").As<Ract>().learning_rate, 0.25);
  EXPECT_EQ(settings.section("ract").As<Ract>().hidden, (std::vector<std::int64_t>{1, 2}));
  for (const char* nothing : {"", "# only a comment\n", "---\n", "train:\n"}) {
    EXPECT_EQ(YamlError(nothing), "no error");
  }
}

TEST(SettingsYamlTest, UnknownNames) {
  EXPECT_EQ(YamlError("seed: 1\n\nlearning_rat: 1\n"),
            "c.yaml:3:1: unknown key 'learning_rat'; did you mean 'learning_rate'?");
  EXPECT_EQ(YamlError("train:\n  epoch: 1\n"), "c.yaml:2:3: unknown key 'epoch'; did you mean 'epochs'?");
  EXPECT_EQ(YamlError("train:\n  hidden: 1\n"),
            "c.yaml:2:3: unknown key 'hidden'; expected one of epochs, learning_rate, batch");
  EXPECT_EQ(YamlError("trian:\n  epochs: 1\n"),
            "c.yaml:1:1: unknown section 'trian'; expected one of split, train, ract; did you mean 'train'?");
  EXPECT_EQ(YamlError("ease:\n  l2: 1\n"), "c.yaml:1:1: unknown section 'ease'; expected one of split, train, ract");
  EXPECT_EQ(YamlError("ease:\n  l2: 1\n", {"ease"}), "no error");
}

TEST(SettingsYamlTest, Duplicates) {
  EXPECT_EQ(YamlError("train:\n  epochs: 1\n  batch: 2\n  epochs: 1\n"),
            "c.yaml:4:3: duplicate key 'epochs': it sets 'train.epochs' again; the first is on line 2");
  EXPECT_EQ(YamlError("train:\n  epochs: 1\n  n: 1\n"),
            "c.yaml:3:3: duplicate key 'n': it sets 'train.epochs' again; the first is on line 2");
  EXPECT_EQ(YamlError("lr: 1\nract:\n  learning_rate: 1\n"),
            "c.yaml:3:3: duplicate key 'learning_rate': it sets 'ract.learning_rate' again; the first is on line 1");
  EXPECT_EQ(YamlError("train:\n  epochs: 1\ntrain:\n  batch: 1\n"),
            "c.yaml:3:1: duplicate section 'train'; the first is on line 1");
}

TEST(SettingsYamlTest, WrongShapes) {
  EXPECT_EQ(YamlError("- a\n"), "c.yaml:1:1: not a mapping; expected lines like 'key: value'");
  EXPECT_EQ(YamlError("just text\n"), "c.yaml:1:1: not a mapping; expected lines like 'key: value'");
  EXPECT_EQ(YamlError("train: 5\n"), "c.yaml:1:8: section 'train' is not a mapping; expected lines like 'key: value'");
  EXPECT_EQ(YamlError("seed: [1]\n"), "c.yaml:1:7: seed is a list; expected a single value");
  EXPECT_EQ(YamlError("seed:\n"), "c.yaml:1:1: seed has no value");
  EXPECT_EQ(YamlError("train:\n  epochs: {a: 1}\n"), "c.yaml:2:11: train.epochs is a mapping; expected a single value");
  EXPECT_EQ(YamlError("ract:\n  hidden: {a: 1}\n"), "c.yaml:2:11: ract.hidden is a mapping; expected a list");
  EXPECT_EQ(YamlError("ract:\n  hidden: [1, [2]]\n"),
            "c.yaml:2:15: ract.hidden has an element that is not a single value");
  EXPECT_EQ(YamlError("[a]: 1\n"), "c.yaml:1:1: a key is not a word");
  EXPECT_EQ(YamlError("seed: 1\n---\nseed: 2\n"), "c.yaml:3:1: a second document; expected one");
}

TEST(SettingsYamlTest, WrongValuesPointAtTheValue) {
  EXPECT_EQ(YamlError("train:\n  epochs: ten\n"),
            "c.yaml:2:11: train.epochs is not a whole number: 'ten'; expected one in [1, 1000]");
  EXPECT_EQ(
      YamlError("ract:\n  hidden: [1, 2000]\n"),
      "c.yaml:2:11: ract.hidden has an element that is out of range: '2000'; expected a whole number in [1, 1000]");
}

TEST(SettingsYamlTest, FilesThatAreNotYaml) {
  EXPECT_EQ(YamlError("a: b: c\n"), "c.yaml:1:5: not valid YAML: illegal map value");
  EXPECT_EQ(YamlError("seed: \xFF\n"), "c.yaml: not valid UTF-8");
  EXPECT_EQ(YamlError("seed: *nowhere\n"), "c.yaml:1:7: not valid YAML: the referenced anchor is not defined");
  const TempDir folder;
  const std::string missing = (folder / "none.yaml").string();
  Settings settings = MakeSettings();
  EXPECT_EQ(UsageError([&] { settings.LoadYaml(missing); }), missing + ": no such file");
}

TEST(SettingsYamlTest, NestingWithoutEndIsAnError) {
  EXPECT_NE(YamlError(std::string(100000, '[')), "no error");
  EXPECT_NE(YamlError(std::string(100000, '{')), "no error");
  EXPECT_NE(YamlError("seed: &a [*a]\n"), "no error");
}

TEST(SettingsYamlTest, ToYamlIsReadBack) {
  Settings settings = MakeSettings();
  settings.Set("split.metrics", "[a, \"b, c\"]", "--set");
  settings.Set("model", "1: \"x\" # y\\", "--set");
  EXPECT_EQ(settings.ToYaml(),
            "seed: 1\nmodel: \"1: \\\"x\\\" # y\\\\\"\n"
            "split:\n  kind: random\n  users: 150\n  metrics: [a, \"b, c\"]\n"
            "train:\n  epochs: 10\n  learning_rate: 0.001\n  batch: 500\n"
            "ract:\n  learning_rate: 0.5\n  hidden: [600]\n");
  const TempDir folder;
  EXPECT_TRUE(rc::check("load(ToYaml(s)) == s", [&] {
    const auto text = rc::gen::container<std::string>(rc::gen::inRange<char>(' ', '\x7F'));
    Settings from = MakeSettings();
    Top& top = from.section("").As<Top>();
    top.model = *text;
    top.seed = *rc::gen::inRange(0, 1000);
    from.section("split").As<Split>().metrics = *rc::gen::container<std::vector<std::string>>(text);
    from.section("ract").As<Ract>().learning_rate = *rc::gen::inRange(0, 1000) / 999.0;
    const std::string yaml = from.ToYaml();
    Settings to = MakeSettings();
    to.LoadYaml(folder.Write("c.yaml", yaml).string());
    RC_ASSERT(to.ToYaml() == yaml);
    RC_ASSERT(to.section("").As<Top>().model == top.model);
    RC_ASSERT(to.section("split").As<Split>().metrics == from.section("split").As<Split>().metrics);
    RC_ASSERT(to.section("ract").As<Ract>().learning_rate == from.section("ract").As<Ract>().learning_rate);
  }));
}

TEST(SettingsEnvironmentTest, SetsKnownFields) {
  Settings settings = MakeSettings();
  settings.LoadEnvironment({"RECFORCE_SPLIT_USERS=3", "RECFORCE_RACT_LR=0.75", "RECFORCE_RACT_HIDDEN=1,2",
                            "RECFORCE_SEED=9", "RECFORCE_TRAIN", "HOME=/root"});
  EXPECT_EQ(settings.section("split").As<Split>().users, 3);
  EXPECT_EQ(settings.section("ract").As<Ract>().learning_rate, 0.75);
  EXPECT_EQ(settings.section("ract").As<Ract>().hidden, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(settings.section("").As<Top>().seed, 1);  // top-level keys do not come from the environment
}

TEST(SettingsEnvironmentTest, Complaints) {
  Settings settings = MakeSettings();
  EXPECT_EQ(UsageError([&] { settings.LoadEnvironment({"RECFORCE_TRAIN_EPOCH=3"}); }),
            "environment: unknown variable 'RECFORCE_TRAIN_EPOCH'; did you mean 'RECFORCE_TRAIN_EPOCHS'?");
  EXPECT_EQ(UsageError([&] { settings.LoadEnvironment({"RECFORCE_TRAIN_EPOCHS=x=y"}); }),
            "RECFORCE_TRAIN_EPOCHS: train.epochs is not a whole number: 'x=y'; expected one in [1, 1000]");
  EXPECT_EQ(UsageError([&] {
              settings.LoadEnvironment({"RECFORCE_TRAIN_EPOCHS=3", "RECFORCE_TRAIN_N=3"});
            }),
            "RECFORCE_TRAIN_N: duplicate setting of 'train.epochs'; RECFORCE_TRAIN_EPOCHS sets it too");
}

}  // namespace
}  // namespace recforce::config
