// SPDX-License-Identifier: Apache-2.0
// What simulated users were shown and clicked, as a log that `recforce data convert --format displays` reads: tabs, and
// the eight columns that the authors of the GAN user model publish.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/file_system.h"
#include "sim/runner.h"

namespace recforce::sim {

// A row for each item shown, pages without a click too, by user and then by step. SessionId is the number of the user,
// Time the step from 1, raw_index the row from 0, session_new_index the place of the user in the plan, item_new_index
// the item's index; tr_val_tst is 0 for the first half of the users, 1 for the next quarter and 2 for the last.
// Not thread-safe.
class DisplayLogWriter {
 public:
  // `item_ids`: [I] without tabs and line ends. Writes the header. The arguments must outlive the writer.
  DisplayLogWriter(base::WritableFile& file, std::span<const std::string> item_ids, const SimulationPlan& plan);

  // The steps of a run with the plan, in the order in which Simulate tells of them.
  void Add(const ShownStep& step);
  // Writes what is left of the last batch. REQUIRES: all steps were added.
  void Finish();

 private:
  void WriteBatch();

  base::WritableFile& file_;
  std::span<const std::string> item_ids_;
  const SimulationPlan& plan_;
  std::int64_t first_ = 0;             // of the batch at hand
  std::int64_t rows_ = 0;              // users of it
  std::vector<std::int32_t> slates_;   // [steps, rows, k]
  std::vector<std::int32_t> clicked_;  // [steps, rows]
  std::vector<std::uint8_t> absent_;   // [steps, rows]
  std::int64_t written_ = 0;
};

}  // namespace recforce::sim
