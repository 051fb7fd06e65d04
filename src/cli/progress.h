// SPDX-License-Identifier: Apache-2.0
// How training looks from outside: a bar on a terminal, one plain line an epoch otherwise. Always on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "train/run.h"

namespace recforce::cli {

class Progress final : public train::Observer {
 public:
  // `quiet`: says nothing at all. `label` begins every line.
  explicit Progress(bool quiet, std::string label = "");
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void OnStart(const data::Dataset& dataset, const data::Split& split, const std::string& model) override;
  void OnEnvironment(const std::string& name, const core::TrainView& view, const std::string& model) override;
  void OnResume(std::int64_t phase, std::int64_t epoch) override;
  void OnPhase(const core::Phase& phase, std::int64_t index, std::int64_t count) override;
  void OnStep(std::int64_t done, std::int64_t total) override;
  void OnEpoch(const core::Phase& phase, std::int64_t epoch, const core::Metrics& metrics, bool is_best) override;
  void OnFinish(const std::string& metric, double best) override;

 private:
  using Clock = std::chrono::steady_clock;

  void Line(const std::string& text);
  void LeavePhase();
  void EraseBar();

  const bool quiet_;
  const bool terminal_;
  const std::string label_;
  std::string phase_;
  std::int64_t epochs_ = 0;
  std::int64_t epoch_ = 0;          // done, of this phase
  std::int64_t resumed_epoch_ = 0;  // where the first phase of a resumed run begins
  std::string last_epoch_;          // the numbers of the last epoch, shown beside the bar of the next one
  std::string last_line_;           // its whole line; on a terminal only the last one of a phase stays
  bool bar_drawn_ = false;
  Clock::time_point epoch_start_;
  Clock::time_point last_draw_;
};

}  // namespace recforce::cli
