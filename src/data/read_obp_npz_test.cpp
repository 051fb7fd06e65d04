// SPDX-License-Identifier: Apache-2.0
// Dictionaries of the Open Bandit Pipeline, and the archives that hold them.
#include <gtest/gtest.h>

#include "recforce/data/read_decisions.h"
#include "support/decisions.h"
#include "support/error_of.h"
#include "support/source_dir.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using test::ErrorOf;
using test::NpyOf;
using test::TempDir;
using test::ZipOf;
using Files = std::vector<std::pair<std::string, std::string>>;
using Doubles = std::vector<double>;
using Longs = std::vector<std::int64_t>;

Files Bandit() {
  return {{"n_rounds.npy", NpyOf<std::int64_t>("<i8", "()", {3})},
          {"n_actions.npy", NpyOf<std::int64_t>("<i8", "()", {2})},
          {"action.npy", NpyOf<std::int64_t>("<i8", "(3,)", {1, 0, 1})},
          {"reward.npy", NpyOf<std::int32_t>("<i4", "(3,)", {1, 0, 1})},
          {"position.npy", NpyOf<std::int64_t>("<i8", "(3,)", {0, 1, 1})},
          {"pscore.npy", NpyOf<double>("<f8", "(3,)", {0.25, 0.75, 0.5})},
          {"context.npy", NpyOf<float>("<f4", "(3, 2)", {1, 2, 3, 4, 5, 6}, true)},
          {"action_context.npy", NpyOf<double>("<f8", "(2, 1)", {7, 8})},
          {"pi_b.npy", NpyOf<double>("<f8", "(3, 2, 2)", {.75, 0, .25, 1, 0, .75, 0, .25, 0, .5, 0, .5})}};
}

Files With(const std::string& name, const std::string& content) {
  Files files = Bandit();
  for (auto& [key, value] : files) {
    if (key == name) {
      value = content;
    }
  }
  return files;
}

Files Without(const std::string& name) {
  Files files = Bandit();
  files.erase(std::find_if(files.begin(), files.end(), [&](const auto& file) { return file.first == name; }));
  return files;
}

ReadDecisions Read(const std::string& bytes) {
  const TempDir dir;
  return ReadDecisionLog(dir.Write("b.npz", bytes));
}

std::string Fault(const std::string& bytes) {
  const TempDir dir;
  std::string error = ErrorOf([&] { (void)ReadDecisionLog(dir.Write("b.npz", bytes)); });
  const std::string folder = dir.path().string() + "/";
  const std::size_t at = error.find(folder);
  return at == std::string::npos ? error : error.erase(at, folder.size());
}

TEST(ReadObpNpz, ArraysBecomeColumns) {
  for (const bool deflated : {false, true}) {
    const ReadDecisions found = Read(ZipOf(Bandit(), deflated));
    EXPECT_EQ(found.report.format, "obp");
    EXPECT_EQ(found.log.item_ids, (std::vector<std::string>{"0", "1"}));
    EXPECT_EQ(found.log.item, (std::vector<std::int32_t>{1, 0, 1}));
    EXPECT_EQ(found.log.reward, (Doubles{1, 0, 1}));
    EXPECT_EQ(found.log.position, (std::vector<std::int32_t>{0, 1, 1}));
    EXPECT_EQ(found.log.propensity, (Doubles{0.25, 0.75, 0.5}));
    EXPECT_EQ(found.log.context, (std::vector<float>{1, 4, 2, 5, 3, 6}));
    EXPECT_EQ(found.log.action_context, (std::vector<float>{7, 8}));
    EXPECT_EQ(found.log.candidate_probability, (Doubles{0.75, 0.25, 0.75, 0.25, 0.5, 0.5}));
    EXPECT_EQ(found.report.rows_read, 3);
  }
}

TEST(ReadObpNpz, TheLawStandsForPropensitiesAndTheItemsForTheirNumber) {
  Files files = Without("pscore.npy");
  EXPECT_EQ(Read(ZipOf(files)).log.propensity, (Doubles{0.25, 0.75, 0.5}));
  const ReadDecisions found = Read(ZipOf({{"action.npy", NpyOf<std::int8_t>("|i1", "(2,)", {2, 0})},
                                          {"reward.npy", NpyOf<std::uint8_t>("|b1", "(2,)", {1, 0})},
                                          {"position.npy", NpyOf<char>("|O", "()", {'N'})},
                                          {"pscore.npy", NpyOf<float>("<f4", "(2,)", {0.5, 1})}}));
  EXPECT_EQ(found.log.item_ids.size(), 3U);
  EXPECT_TRUE(found.log.position.empty());
  EXPECT_TRUE(found.log.context_names.empty());
}

Files Slates() {
  return {{"n_rounds.npy", NpyOf<std::int64_t>("<i8", "()", {2})},
          {"n_unique_action.npy", NpyOf<std::int64_t>("<i8", "()", {4})},
          {"slate_id.npy", NpyOf<std::int64_t>("<i8", "(5,)", {0, 0, 1, 1, 1})},
          {"position.npy", NpyOf<std::int64_t>("<i8", "(5,)", {0, 1, 0, 1, 2})},
          {"action.npy", NpyOf<std::int64_t>("<i8", "(5,)", {2, 0, 1, 3, 0})},
          {"reward.npy", NpyOf<double>("<f8", "(5,)", {1, 0, 0, 0.5, 1})},
          {"pscore.npy", NpyOf<double>("<f8", "(5,)", {0.125, 0.125, 0.03125, 0.03125, 0.03125})},
          {"pscore_cascade.npy", NpyOf<double>("<f8", "(5,)", {0.25, 0.125, 0.5, 0.125, 0.03125})},
          {"context.npy", NpyOf<float>("<f4", "(2, 1)", {7, 8})}};
}

TEST(ReadObpNpz, SlatesKeepTheirSlots) {
  const data::DecisionLog log = Read(ZipOf(Slates())).log;
  EXPECT_EQ(log.first, (Longs{0, 2, 5}));
  EXPECT_EQ(log.item, (std::vector<std::int32_t>{2, 0, 1, 3, 0}));
  EXPECT_EQ(log.propensity, (Doubles{0.25, 0.5, 0.5, 0.25, 0.25})) << "given the slots before";
  EXPECT_EQ(log.reward, (Doubles{1, 0, 0, 0.5, 1}));
  EXPECT_EQ(log.item_ids.size(), 4U);
  EXPECT_EQ(log.context, (std::vector<float>{7, 8}));
  const auto fault = [](const std::string& name, const std::string& content) {
    Files files = Slates();
    const auto found = std::find_if(files.begin(), files.end(), [&](const auto& file) { return file.first == name; });
    content.empty() ? void(files.erase(found)) : void(found->second = content);
    return Fault(ZipOf(files));
  };
  EXPECT_EQ(fault("pscore_cascade.npy", ""),
            "Data: b.npz: no array 'pscore_cascade'; expected of slates the probability of each one's beginning up to "
            "a slot");
  EXPECT_EQ(fault("pscore_cascade.npy", NpyOf<double>("<f8", "(5,)", {0.25, 0.5, 0.5, 0.125, 0.03125})),
            "Data: b.npz: pscore_cascade: entry 1 is out of range: '0.5'; expected a probability above 0 and at most "
            "that of the slots before it");
  EXPECT_EQ(fault("position.npy", NpyOf<std::int64_t>("<i8", "(5,)", {0, 1, 0, 2, 1})),
            "Data: b.npz: position: entry 3 is '2'; expected 1, slot after slot of a slate");
  EXPECT_EQ(
      fault("slate_id.npy", NpyOf<std::int64_t>("<i8", "(5,)", {1, 1, 0, 0, 0})),
      "Data: b.npz: slate_id: entry 2 falls: '0'; expected the slots of a slate together, slates in rising order");
  EXPECT_EQ(fault("n_rounds.npy", NpyOf<std::int64_t>("<i8", "()", {5})),
            "Data: b.npz: n_rounds: is '5'; expected 2, as slate_id has");
}

// Files that NumPy 1.24 wrote; they serve the fuzz target too.
TEST(ReadObpNpz, WhatNumpyWritesIsRead) {
  const auto corpus = test::SourceDir() / "tests" / "fuzz" / "corpus" / "npz";
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const ReadDecisions found = ReadDecisionLog(corpus / name);
    EXPECT_EQ(found.log.item, (std::vector<std::int32_t>{1, 0, 1}));
    EXPECT_EQ(found.log.context, (std::vector<float>{0, 1, 2, 3, 4, 5}));  // saved in Fortran order
    EXPECT_EQ(found.log.position, (std::vector<std::int32_t>{0, 1, 1}));
  }
  EXPECT_TRUE(ReadDecisionLog(corpus / "none.npz").log.position.empty());
}

TEST(ReadObpNpz, ArraysMustFitEachOther) {
  const auto fault = [](const std::string& name, const std::string& content) {
    return Fault(ZipOf(With(name, content)));
  };
  EXPECT_EQ(Fault(ZipOf(Without("reward.npy"))),
            "Data: b.npz: no array 'reward'; expected action, reward and pscore or pi_b");
  EXPECT_EQ(fault("action.npy", NpyOf<std::int64_t>("<i8", "(3,)", {1, 2, 1})),
            "Data: b.npz: action: entry 1 is out of range: '2'; expected 0 to 1");
  EXPECT_EQ(fault("action.npy", NpyOf<double>("<f8", "(3,)", {1, 0.5, 1})),
            "Data: b.npz: action: entry 1 is no index: '0.5'; expected a whole number from 0");
  EXPECT_EQ(fault("action.npy", NpyOf<std::int64_t>("<i8", "(0,)", {})),
            "Data: b.npz: action: has 0 rounds; expected 1 to 2147483647");
  EXPECT_EQ(fault("reward.npy", NpyOf<std::int64_t>("<i8", "(2,)", {1, 2})),
            "Data: b.npz: reward: has 2 rounds; expected 3, as action");
  EXPECT_EQ(fault("reward.npy", NpyOf<std::int64_t>("<i8", "(3, 1)", {1, 2, 3})),
            "Data: b.npz: reward: has 2 dimensions; expected 1");
  EXPECT_EQ(fault("reward.npy", NpyOf<double>("<f8", "(3,)", {1, 1e300, 3})),
            "Data: b.npz: reward: entry 1 is not finite in 32 bits; expected numbers");
  EXPECT_EQ(fault("reward.npy", NpyOf<std::int64_t>("<U8", "(3,)", {1, 2, 3})),
            "Data: b.npz: reward: unsupported type of numbers: '<U8'; expected floats, integers or booleans");
  EXPECT_EQ(fault("reward.npy", NpyOf<std::int64_t>("<i8", "(4,)", {1, 2, 3})),
            "Data: b.npz: reward: has '24' bytes of data, which is not what its shape takes");
  EXPECT_EQ(fault("n_rounds.npy", NpyOf<std::int64_t>("<i8", "()", {4})),
            "Data: b.npz: n_rounds: is '4'; expected 3, as action has");
  EXPECT_EQ(fault("n_actions.npy", NpyOf<std::int64_t>("<i8", "()", {2000000})),
            "Data: b.npz: n_actions: is too large for so few rounds: '2000000'; expected the number of items");
  EXPECT_EQ(fault("pscore.npy", NpyOf<double>("<f8", "(3,)", {0.25, 0, 0.5})),
            "Data: b.npz: pscore: round 1 is out of range: '0'; expected a probability above 0 and at most 1");
  EXPECT_EQ(fault("position.npy", NpyOf<std::int64_t>("<i8", "(3,)", {0, 1, 2})),
            "Data: b.npz: position: entry 2 is out of range: '2'; expected 0 to 1, as pi_b has");
  EXPECT_EQ(fault("pi_b.npy", NpyOf<double>("<f8", "(3, 1)", {1, 1, 1})),
            "Data: b.npz: pi_b: has 1 actions and 1 positions; expected 2 actions");
  EXPECT_EQ(fault("pi_b.npy", NpyOf<double>("<f8", "(3, 2)", {1, 1, 1, 1, 1, 2})),
            "Data: b.npz: position: entry 1 is out of range: '1'; expected 0 to 0, as pi_b has");
  EXPECT_EQ(fault("action_context.npy", NpyOf<double>("<f8", "(1, 1)", {1})),
            "Data: b.npz: action_context: has 1 actions; expected 2");
}

TEST(ReadObpNpz, ArchivesAreReadInsideTheirBytes) {
  const std::string whole = ZipOf(Bandit(), true);
  EXPECT_EQ(Fault("PK"),
            "Data: b.npz: is no whole zip archive: it lacks the list of its files; expected what "
            "numpy.savez writes");
  EXPECT_EQ(Fault(whole.substr(0, whole.size() - 1)), Fault("PK"));
  std::string changed = whole;
  changed[60] ^= 1;  // inside the first array
  EXPECT_EQ(Fault(changed), "Data: b.npz: 'n_rounds.npy': is corrupt; fetch it again");
  changed = whole;
  const std::size_t list = whole.find("PK\x01\x02");
  changed[list] = 'Q';
  EXPECT_EQ(Fault(changed), "Data: b.npz: the list of its files is corrupt; fetch it again");
  changed = whole;
  changed[list + 10] = 12;
  EXPECT_EQ(Fault(changed),
            "Data: b.npz: 'n_rounds.npy': is packed by method '12'; expected stored or deflated files, as "
            "numpy.savez and numpy.savez_compressed write them");
  changed = whole;
  changed[list + 44] = 1;
  EXPECT_EQ(Fault(changed), "Data: b.npz: 'n_rounds.npy': does not lie where the archive says; fetch it again");
  changed = whole;
  changed[6] = 1;
  EXPECT_EQ(Fault(changed), "Data: b.npz: 'n_rounds.npy': is encrypted; expected a file that can be read");
  changed = whole;
  changed[list + 27] = 100;  // a size of more than a gigabyte
  EXPECT_EQ(Fault(changed), "Data: b.npz: 'n_rounds.npy': is corrupt; fetch it again");
  EXPECT_EQ(Fault(ZipOf({{"action.npy", "text"}})),
            "Data: b.npz: action: not a .npy file: it does not begin with the mark of one");
}

}  // namespace
}  // namespace recforce::data
