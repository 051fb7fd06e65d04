// SPDX-License-Identifier: Apache-2.0
// What a search keeps on the disk: tune.json says what is searched, trials.jsonl what became of every trial. Both
// are written whole, so that a search which is killed finds the last state that was complete.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "recforce/base/file_system.h"
#include "train/tune.h"

namespace recforce::train {

inline constexpr int kTuneVersion = 1;
inline constexpr std::string_view kTuneFile = "tune.json";
inline constexpr std::string_view kTrialsFile = "trials.jsonl";
inline constexpr std::string_view kTrialsFolder = "trials";
inline constexpr std::string_view kBestFile = "best.yaml";

// "trials/007", under the folder of the search.
std::filesystem::path TrialFolder(std::int64_t number);

// What must be the same for a search to go on.
struct TuneIdentity {
  std::string dataset;  // fingerprints
  std::string split;
};

void WriteTuneInfo(base::FileSystem& files, const std::filesystem::path& tune, const TuneResult& plan,
                   const TuneIdentity& identity);

// Error(Usage) that names what differs between the search of the folder and `plan`; Error(Data): not a tune.json.
void CheckSameSearch(const std::filesystem::path& tune, const TuneResult& plan, const TuneIdentity& identity);

// A trial as its line of trials.jsonl, without the line's end.
std::string TrialLine(const TuneResult& result, const Trial& trial);

void WriteTrials(base::FileSystem& files, const std::filesystem::path& tune, const TuneResult& result);

// Fills in what became of the trials that were begun. Error(Data): a line that is none, or of another search.
void ReadTrials(const std::filesystem::path& tune, TuneResult& result);

}  // namespace recforce::train
