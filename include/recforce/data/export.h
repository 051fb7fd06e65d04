// SPDX-License-Identifier: Apache-2.0
// From a Dataset back to the files that other tools read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/base/stop_flag.h"
#include "recforce/data/dataset.h"

namespace recforce::data {

// csv, jsonl: one file, named fields. recbole: a folder OUT with NAME.inter, where NAME is the name of the folder, or
// NAME.train.inter, NAME.valid.inter and NAME.test.inter for a log with parts, and NAME.item for titles.
// adjacency, sessions, pairs: one file of ids; with parts, adjacency and sessions are a folder with train.txt and
// test.txt, train_sessions.txt and test_cases.txt.
const std::vector<std::string>& ExportFormatNames();

struct ExportReport {
  std::vector<std::filesystem::path> files;
  std::vector<std::string> left_out;   // "times", ...: what the dataset has and the form cannot hold
  std::vector<std::string> read_back;  // "--part-col part", ...: what convert has to be told to read these files
};

// Users in the order of their ids (sessions: shorter ids first, so that s2 comes before s10), interactions in time
// order. Each file is written atomically, in pieces; a pipe or a device in its place is written as it is.
// Error(Usage): unknown format, parts that the form cannot hold, a folder where a file is needed or the reverse, a
// recbole folder with files that would be read with the new ones; Error(Data): an id that the form cannot hold;
// Error(Interrupted) soon after `stop` is set.
ExportReport Export(base::FileSystem& files, const Dataset& dataset, const std::string& format,
                    const std::filesystem::path& out, const base::StopFlag* stop = nullptr);

}  // namespace recforce::data
