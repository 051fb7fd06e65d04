// SPDX-License-Identifier: Apache-2.0
// The counting rules of splits, stated once: the kinds, how a share becomes a count, how many users are held out,
// and what `auto` means. Splitting and verifying use them; everything else the verifiers work out for themselves.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "recforce/data/split.h"

namespace recforce::data {

inline constexpr const char* kStrongGeneralization = "strong_generalization";
inline constexpr const char* kLeaveLastOut = "leave_last_out";
inline constexpr const char* kGlobalTime = "global_time";
inline constexpr const char* kUserTimeRatio = "user_time_ratio";
inline constexpr const char* kRandomRatio = "random_ratio";
inline constexpr const char* kRandomRows = "random_rows";
inline constexpr const char* kSession = "session";
inline constexpr const char* kGiven = "given";
inline constexpr const char* kDisplays = "displays";

// How messages name a user.
inline std::string QuoteUser(const Dataset& dataset, std::int64_t user) {
  return "'" + std::string(dataset.user_ids()[user]) + "'";
}

// A held-out user of strong_generalization with fewer known items than this has no targets.
inline constexpr std::int64_t kFewestFoldInItems = 5;
// A user of leave_last_out with fewer interactions than this stays in training whole.
inline constexpr std::int64_t kFewestLeaveOutItems = 3;
// A user of `given` with fewer training interactions than this gives none of them to validation.
inline constexpr std::int64_t kFewestValidationFromItems = 2;
// How many users are held out at most where the configuration does not say.
inline constexpr std::int64_t kMostHeldOutUsers = 10000;

// floor(share * n), where a product within 1e-9 below a whole number counts as that number: (1 - 0.8) * 10 is
// 1.9999999999999996 in doubles and has to give 2.
inline std::int64_t ShareOf(double share, std::int64_t n) {
  return static_cast<std::int64_t>(std::floor(share * static_cast<double>(n) + 1e-9));
}

// How many of n interactions go where. train >= 1 when n >= 1.
struct PartSizes {
  std::int64_t train = 0;
  std::int64_t validation = 0;
  std::int64_t test = 0;
};
inline PartSizes RatioSizes(const SplitConfig& config, std::int64_t n) {
  PartSizes sizes;
  sizes.test = std::clamp<std::int64_t>(ShareOf(config.test_ratio, n), 0, std::max<std::int64_t>(n - 1, 0));
  sizes.validation =
      std::clamp<std::int64_t>(ShareOf(config.validation_ratio, n), 0, std::max<std::int64_t>(n - 1 - sizes.test, 0));
  sizes.train = n - sizes.validation - sizes.test;
  return sizes;
}

// How many of a user's n >= 2 training interactions validation_from=random takes.
inline std::int64_t ValidationShare(const SplitConfig& config, std::int64_t n) {
  return std::clamp<std::int64_t>(ShareOf(config.validation_ratio, n), 1, n - 1);
}

inline bool ByRatio(const std::string& kind) {
  return kind == kGlobalTime || kind == kUserTimeRatio || kind == kRandomRatio || kind == kRandomRows ||
         kind == kSession;
}

// Whether the catalogue holds every item of the dataset.
inline bool CataloguesAll(const SplitConfig& config) {
  return config.catalogue == "all" ||
         (config.catalogue == "auto" &&
          (config.kind == kGiven || config.kind == kDisplays || config.kind == kRandomRows));
}

// Whether seen items are left out of rankings; in those of the test see MasksSeenInTest.
inline bool MasksSeen(const SplitConfig& config, bool log_repeats) {
  if (config.mask_seen != "auto" || config.kind == kStrongGeneralization) {
    return config.mask_seen != "no";
  }
  return config.kind != kSession && config.kind != kDisplays && !log_repeats;
}

// Negatives that may be training items would be none if these were masked. Validation, which ranks no negatives, masks
// them all the same.
inline bool MasksSeenInTest(const SplitConfig& config, bool log_repeats) {
  return MasksSeen(config, log_repeats) && config.negatives_from != "not_test";
}

// "all", "given", "sampled" or "displays".
inline std::string CandidatesOf(const SplitConfig& config, bool log_has_candidates) {
  if (config.candidates != "auto") {
    return config.candidates;
  }
  if (config.kind == kDisplays) {
    return kDisplays;
  }
  if (config.negatives > 0) {
    return "sampled";
  }
  return config.kind == kGiven && log_has_candidates ? "given" : "all";
}

}  // namespace recforce::data
