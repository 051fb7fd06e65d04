// SPDX-License-Identifier: Apache-2.0
// Logs of what was shown and chosen, as the authors of the GAN user model publish them: tabs, a header with SessionId,
// Time, ItemId, is_click and perhaps tr_val_tst (0, 1, 2: training, validation, test); other columns are ignored.
#pragma once

#include "data/readers.h"

namespace recforce::data {

// Rows that follow each other with one session and one time are a display. An item that stands in it twice is shown
// once, at its first place, and clicked when any of its rows is. Each display is followed by its clicks as rows.
// names.user, names.item and names.time may name other columns. Error(Usage) when names.value is given, or for a
// column that is not there; Error(Data) without one of the columns above.
void ReadDisplays(LineSource& source, const ColumnNames& names, RowSink& sink);

}  // namespace recforce::data
