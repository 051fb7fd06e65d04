// SPDX-License-Identifier: Apache-2.0
// What a policy showed simulated users, how likely that was and what came of it, as a decision log
// (docs/formats/decision_log.md): what off-policy evaluation and learning read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/core/slate_policy.h"
#include "recforce/data/decision_log_writer.h"
#include "sim/runner.h"

namespace recforce::sim {

// A line for each slate shown, in the order of batches, steps and users. User and session are the number of the user,
// `ts` is the step from 1, `history` the clicks that the users' episodes remember. The item clicked has its reward, the
// others 0.
// Not thread-safe. Calls: (Choose Answer)* Finish; without Finish nothing is left.
class DecisionRecorder {
 public:
  // `name`: who decides. item_ids: [I]. The policy and the plan must outlive the recorder.
  DecisionRecorder(base::FileSystem& files, const std::filesystem::path& path, const std::string& name,
                   std::span<const std::string> item_ids, const core::SlatePolicy& policy, const SimulationPlan& plan);

  // What is about to be shown. Errors as SlatePolicy::Propensities.
  void Choose(const core::Episodes& episodes, base::MatrixView<const std::int32_t> slates);
  // What came of it. Errors as DecisionLogWriter::Add.
  void Answer(const ShownStep& step);
  void Finish() { log_.Finish(); }

 private:
  const core::SlatePolicy& policy_;
  const SimulationPlan& plan_;
  data::DecisionLogWriter log_;
  std::vector<double> propensity_;     // [B, k]
  std::vector<std::int32_t> history_;  // [B, memory], newest first, then -1
};

}  // namespace recforce::sim
