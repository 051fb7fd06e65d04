// SPDX-License-Identifier: Apache-2.0
// Drawing of training progress.
#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <utility>

#include "recforce/base/text.h"

namespace recforce::cli {
namespace {

constexpr int kBarWidth = 24;
constexpr double kSecondsBetweenDraws = 0.1;

double Seconds(std::chrono::steady_clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string Numbers(const core::Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics) {
    text += fmt::format("{}{} {:.{}f}", text.empty() ? "" : "  ", name, value, std::fabs(value) < 10.0 ? 4 : 2);
  }
  return text;
}

}  // namespace

Progress::Progress(bool quiet, std::string label)
    : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1), label_(std::move(label)) {}

// An error message that follows must not stand behind half a bar.
Progress::~Progress() { EraseBar(); }

void Progress::EraseBar() {
  if (std::exchange(bar_drawn_, false)) {
    std::fputs("\r\033[K", stderr);
  }
}

void Progress::Line(const std::string& text) {
  if (!quiet_) {
    EraseBar();
    std::fprintf(stderr, "%s%s\n", label_.c_str(), text.c_str());
  }
}

void Progress::OnStart(const data::Dataset& dataset, const data::Split& split, const std::string& model) {
  Line(fmt::format("{}: {} training users, {} items, {} interactions; {} validation and {} test users ({})", model,
                   base::FormatCount(split.train.rows()), base::FormatCount(split.num_items()),
                   base::FormatCount(split.train.nnz()), base::FormatCount(split.validation.rows()),
                   base::FormatCount(split.test.rows()), split.config.kind));
  if (split.cold_targets_dropped > 0 || split.users_without_targets > 0) {
    Line(
        fmt::format("left out: {} held-out interactions with items that training never saw, {} held-out users "
                    "without a target (of {} interactions)",
                    base::FormatCount(split.cold_targets_dropped), base::FormatCount(split.users_without_targets),
                    base::FormatCount(dataset.num_interactions())));
  }
}

void Progress::OnEnvironment(const std::string& name, const core::TrainView& view, const std::string& model) {
  Line(fmt::format("{}: users of {}, {} items; slates of {}, {} to a user", model, name,
                   base::FormatCount(view.num_items), view.episodes.slate, base::FormatCount(view.episodes.horizon)));
}

void Progress::OnResume(std::int64_t phase, std::int64_t epoch) {
  Line(fmt::format("resumed after epoch {} of phase {}", epoch, phase + 1));
  resumed_epoch_ = epoch;
}

void Progress::LeavePhase() {
  if (const std::string line = std::exchange(last_line_, ""); terminal_ && !line.empty()) {
    Line(line);
  }
}

void Progress::OnPhase(const core::Phase& phase, std::int64_t index, std::int64_t count) {
  LeavePhase();
  epoch_ = std::exchange(resumed_epoch_, 0);
  phase_ = count > 1 ? fmt::format("{} ({}/{})", phase.name, index + 1, count) : phase.name;
  epochs_ = phase.epochs;
  last_epoch_.clear();
  epoch_start_ = Clock::now();
}

void Progress::OnStep(std::int64_t done, std::int64_t total) {
  const Clock::time_point now = Clock::now();
  if (quiet_ || !terminal_ || total <= 0 || (bar_drawn_ && Seconds(now - last_draw_) < kSecondsBetweenDraws)) {
    return;
  }
  const int filled = static_cast<int>(kBarWidth * done / total);
  std::fprintf(stderr, "\r%s%s epoch %lld/%lld [%s%s] %lld/%lld  %s\033[K", label_.c_str(), phase_.c_str(),
               static_cast<long long>(epoch_ + 1), static_cast<long long>(epochs_),
               std::string(static_cast<std::size_t>(filled), '#').c_str(),
               std::string(static_cast<std::size_t>(kBarWidth - filled), '.').c_str(), static_cast<long long>(done),
               static_cast<long long>(total), last_epoch_.c_str());
  std::fflush(stderr);
  bar_drawn_ = true;
  last_draw_ = now;
}

void Progress::OnEpoch(const core::Phase& phase, std::int64_t epoch, const core::Metrics& metrics, bool is_best) {
  const Clock::time_point now = Clock::now();
  last_epoch_ = fmt::format("{}{}", Numbers(metrics), is_best ? "  best" : "");
  last_line_ = fmt::format("{} epoch {}/{}: {} ({:.1f} s)", phase_, epoch, phase.epochs, last_epoch_,
                           Seconds(now - epoch_start_));
  if (!terminal_) {
    Line(last_line_);
  }
  epoch_ = epoch;
  epoch_start_ = now;
}

void Progress::OnFinish(const std::string& metric, double best) {
  LeavePhase();
  Line(std::isnan(best) ? "finished" : fmt::format("finished: best validation {} {:.4f}", metric, best));
}

}  // namespace recforce::cli
