// SPDX-License-Identifier: Apache-2.0
// Logs that are lists of ids parted by blanks, without a header and without times: the order of the log is the order
// of events.
#pragma once

#include "data/readers.h"

namespace recforce::data {

// `user item item ...`, each user on one line. A user without items is fine and gives no row.
void ReadAdjacency(LineSource& source, RowSink& sink);

// `item item ...`, a session a line. Its id is "s" and the number of its line.
void ReadSessions(LineSource& source, RowSink& sink);

// `item item ... target`, a test case a line, with the id "t" and the number of its line. The target is of
// Part::kTest, the items before it are of Part::kInput.
void ReadTestCases(LineSource& source, RowSink& sink);

// `user item`, a pair a line.
void ReadPairs(LineSource& source, RowSink& sink);

// `(user,item)` and the items that the user's test item is ranked against, a user a line. Gives candidates and no
// rows; the items are given as the file has them, the test item among them where the file lists it.
void ReadNegatives(LineSource& source, RowSink& sink);

}  // namespace recforce::data
