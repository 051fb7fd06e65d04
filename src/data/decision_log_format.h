// SPDX-License-Identifier: Apache-2.0
// The names that the writer and the reader of our own decision log share. docs/formats/decision_log.md explains them.
#pragma once

#include <cstdint>
#include <string_view>

namespace recforce::data::decision_format {

inline constexpr std::string_view kFormatName = "recforce.decisions";
inline constexpr std::int64_t kVersion = 1;

// Of a header.
inline constexpr std::string_view kFormat = "format";
inline constexpr std::string_view kVersionField = "version";
inline constexpr std::string_view kItems = "items";
inline constexpr std::string_view kCatalogueHash = "catalogue_hash";
inline constexpr std::string_view kContextNames = "context_names";
inline constexpr std::string_view kActionContextNames = "action_context_names";

// Of a line of the catalogue.
inline constexpr std::string_view kCatalogue = "catalogue";
inline constexpr std::string_view kActionContext = "action_context";

// Of a decision; policy and model_version of a header too.
inline constexpr std::string_view kDecisionId = "decision_id";
inline constexpr std::string_view kTime = "ts";
inline constexpr std::string_view kUser = "user";
inline constexpr std::string_view kSession = "session";
inline constexpr std::string_view kPolicy = "policy";
inline constexpr std::string_view kModelVersion = "model_version";
inline constexpr std::string_view kPosition = "position";
inline constexpr std::string_view kHistory = "history";
inline constexpr std::string_view kCandidates = "candidates";
inline constexpr std::string_view kCandidatesHash = "candidates_hash";
inline constexpr std::string_view kCandidateProbability = "candidate_probability";
inline constexpr std::string_view kSlate = "slate";
inline constexpr std::string_view kPropensity = "propensity";
inline constexpr std::string_view kReward = "reward";
inline constexpr std::string_view kContext = "context";
inline constexpr std::string_view kExploration = "exploration";
inline constexpr std::string_view kDropRate = "drop_rate";

}  // namespace recforce::data::decision_format
