// SPDX-License-Identifier: Apache-2.0
// The users of an environment as somebody else sees them, who may look and not touch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "recforce/base/error.h"
#include "recforce/core/environment.h"

namespace recforce::sim {

// Who they are and how far they came is that of `episodes`, which must outlive the view. Recent clicks, utilities and
// rewards are left to say. Steps, copies and states are refused: asking for them is a bug.
class EpisodesView : public core::Episodes {
 public:
  explicit EpisodesView(const core::Episodes& episodes) : episodes_(episodes) {}

  [[nodiscard]] std::int64_t size() const final { return episodes_.size(); }
  [[nodiscard]] std::span<const std::int64_t> users() const final { return episodes_.users(); }
  [[nodiscard]] std::span<const std::int32_t> steps() const final { return episodes_.steps(); }
  [[nodiscard]] std::span<const std::uint8_t> left() const final { return episodes_.left(); }
  void Step(base::MatrixView<const std::int32_t> /*slates*/, core::Feedback& /*feedback*/) final { Refuse(); }
  [[nodiscard]] std::unique_ptr<core::Episodes> Fork(std::span<const std::int32_t> /*rows*/,
                                                     std::uint64_t /*seed*/) const final {
    Refuse();
  }
  [[nodiscard]] base::TensorSet SaveState() const final { Refuse(); }
  void LoadState(const base::TensorSet& /*state*/) final { Refuse(); }

 protected:
  [[nodiscard]] const core::Episodes& episodes() const { return episodes_; }

 private:
  [[noreturn]] static void Refuse() {
    base::FailCheck("view", __FILE__, __LINE__, "a policy of other users only looks at these");
  }

  const core::Episodes& episodes_;
};

}  // namespace recforce::sim
