// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "recforce/data/split.h"
#include "support/split_logs.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

// Of every kind of split, with and without repeats, each training event is the interaction at its place.
TEST(SplitPlacesTest, SayWhereTrainingEventsStandInTheDataset) {
  for (const bool repeats : {false, true}) {
    std::vector<test::Event> events;
    for (std::int32_t user = 0; user < 30; ++user) {
      for (std::int32_t event = 0; event < 12; ++event) {
        const std::int32_t item = repeats ? (user * 3 + event / 2) % 40 : (user * 3 + event * 2) % 40;
        events.push_back({user, item, 100 * event + user});
      }
    }
    const test::TempDir dir;
    const Dataset dataset = test::MakeLog(dir, 30, 40, events, {.repeats = repeats});
    for (const std::string kind :
         {"strong_generalization", "leave_last_out", "global_time", "user_time_ratio", "random_ratio", "session"}) {
      if (kind == "random_ratio" && repeats) {
        continue;  // refuses repeats
      }
      SplitConfig config;
      config.kind = kind;
      config.validation_ratio = config.test_ratio = 0.2;
      const Split split = MakeSplit(dataset, config, true);
      const Csr& rows = repeats ? split.train_sequences : split.train;
      ASSERT_EQ(split.train_places.size(), rows.items.size()) << kind;
      for (std::int64_t row = 0; row < rows.rows(); ++row) {
        const auto user = static_cast<std::size_t>(split.train_users[static_cast<std::size_t>(row)]);
        for (std::int64_t at = rows.offsets[static_cast<std::size_t>(row)];
             at < rows.offsets[static_cast<std::size_t>(row) + 1]; ++at) {
          const std::int64_t place = split.train_places[static_cast<std::size_t>(at)];
          const std::int32_t item = split.catalogue[static_cast<std::size_t>(rows.items[static_cast<std::size_t>(at)])];
          ASSERT_EQ(dataset.interactions().items[static_cast<std::size_t>(place)], item) << kind;
          ASSERT_GE(place, dataset.interactions().offsets[user]) << kind;
          ASSERT_LT(place, dataset.interactions().offsets[user + 1]) << kind;
          ASSERT_TRUE(at == rows.offsets[static_cast<std::size_t>(row)] ||
                      place > split.train_places[static_cast<std::size_t>(at) - 1])
              << kind;
        }
      }
      EXPECT_EQ(split.fingerprint, MakeSplit(dataset, config).fingerprint);
      EXPECT_TRUE(MakeSplit(dataset, config).train_places.empty());
    }
  }
}

// Context of every event: a number of its own, so that a row says which event its first target is.
TEST(SplitPlacesTest, ContextsAreThoseOfTheFirstTarget) {
  for (const bool repeats : {false, true}) {
    Columns columns;
    std::vector<std::string> names;
    for (std::int32_t user = 0; user < 30; ++user) {
      columns.user_ids.push_back("u" + std::to_string(100 + user));
      for (std::int32_t event = 0; event < 12; ++event) {
        columns.user.push_back(user);
        columns.item.push_back(repeats ? (user * 3 + event / 2) % 40 : (user * 3 + event * 2) % 40);
        columns.time.push_back(100 * event + user);
        columns.context.push_back(event % 5 == 4 ? -1 : static_cast<std::int32_t>(names.size()));
        if (columns.context.back() >= 0) {
          names.push_back("c" + std::to_string(1000 + names.size()));
        }
      }
    }
    for (std::int32_t item = 0; item < 40; ++item) {
      columns.item_ids.push_back("i" + std::to_string(100 + item));
    }
    columns.context_names = names;
    Preprocessing preprocessing;
    preprocessing.duplicates = repeats ? "keep" : "last";
    const test::TempDir dir;
    WriteDataset(base::RealFileSystem(), dir / "d", columns, preprocessing);
    const Dataset dataset = Dataset::Open(dir / "d");
    for (const std::string kind : {"strong_generalization", "leave_last_out", "global_time", "session"}) {
      SplitConfig config;
      config.kind = kind;
      config.validation_ratio = config.test_ratio = 0.2;
      const Split split = MakeSplit(dataset, config);
      for (const EvalSet* set : {&split.validation, &split.test}) {
        ASSERT_EQ(static_cast<std::int64_t>(set->contexts.size()), set->rows()) << kind;
        for (std::int64_t row = 0; row < set->rows(); ++row) {
          const auto user = set->users[static_cast<std::size_t>(row)];
          const std::int32_t target = split.catalogue[static_cast<std::size_t>(set->target.row(row).front())];
          const std::int32_t context = set->contexts[static_cast<std::size_t>(row)];
          const auto events = dataset.interactions().row(user);
          const auto first = static_cast<std::size_t>(dataset.interactions().offsets[static_cast<std::size_t>(user)]);
          std::vector<std::int32_t> possible;
          for (std::size_t at = 0; at < events.size(); ++at) {
            if (events[at] == target) {
              possible.push_back(dataset.contexts()[first + at]);
            }
          }
          if (kind == "session") {
            // Nothing is cold in this log: the event after the prefix.
            const Csr& input = set->sequence.rows() != 0 ? set->sequence : set->input;
            possible = {dataset.contexts()[first + input.row(row).size()]};
          }
          ASSERT_EQ(context, possible.back()) << kind << " " << row;
        }
      }
    }
  }
}

}  // namespace
}  // namespace recforce::data
