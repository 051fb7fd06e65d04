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

}  // namespace
}  // namespace recforce::data
