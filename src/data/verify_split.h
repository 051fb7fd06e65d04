// SPDX-License-Identifier: Apache-2.0
// The proofs that make up VerifySplit. They look only at the dataset and the finished rows, never at how the rows
// were made. Internal.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recforce/data/split.h"

namespace recforce::data {

// Throws Error(Data) "split: MESSAGE".
[[noreturn]] void FailSplit(const std::string& message);

// The id of an item of the catalogue, in quotes.
std::string QuoteItem(const Dataset& dataset, const Split& split, std::int32_t item);

// Where a user is that is in one part as a whole.
enum Place : std::uint8_t { kNowhere, kInTraining, kInValidation, kInTest };
inline constexpr std::array<const char*, 4> kPlaceNames = {"no part", "training", "validation", "test"};

// Each item where it stands last.
std::vector<std::int32_t> LastOccurrences(std::span<const std::int32_t> events);

// The catalogue is an ascending list of items of the dataset.
void CheckCatalogueOrder(const Dataset& dataset, const Split& split);
// It holds what training rows hold and no more, or all of the dataset. REQUIRES: row items inside the catalogue.
void CheckCatalogueIsWhole(const Dataset& dataset, const Split& split);
// cold_targets_dropped and its like are what they should be.
void RequireSplitCount(const char* name, std::int64_t found, std::int64_t expected, const char* meaning);

// [users] the row of the user's part in `users`, or -1. Error(Data): rows and users do not correspond, a user outside
// the dataset or with two rows, a row that is empty, unless it may be, or has items outside the catalogue.
std::vector<std::int64_t> IndexSplitRows(const Dataset& dataset, const Split& split, const char* name, const Csr& rows,
                                         const std::vector<std::int32_t>& users, bool may_be_empty = false);

void VerifyMarks(const Dataset& dataset, const Split& split);  // each pair at most once, or users held out whole
void VerifyParts(const Dataset& dataset, const Split& split);  // every interaction has a part by rule; may repeat
// random_rows: how many interactions each part has, whoever they are of. REQUIRES: what VerifyMarks proves of rows.
void VerifyShares(const Dataset& dataset, const Split& split);
// rows=target: every test row has one target, and those of a user stand together and show the same. Returns the split
// with one row a user, for the two proofs above.
Split VerifyTargetRows(const Dataset& dataset, const Split& split);
void VerifySessions(const Dataset& dataset, const Split& split);    // kind session
void VerifyDisplays(const Dataset& dataset, const Split& split);    // kind displays, with its candidates
void VerifyRowForms(const Dataset& dataset, const Split& split);    // masks, training rows, sequences: all kinds
void VerifyCandidates(const Dataset& dataset, const Split& split);  // all other kinds

}  // namespace recforce::data
