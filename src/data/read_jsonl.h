// SPDX-License-Identifier: Apache-2.0
// Logs with one JSON object a line: any with named fields, and the dumps of gorse.
#pragma once

#include "data/readers.h"

namespace recforce::data {

// Field names as for CSV columns; the first object says which of the usual ones there are. Ids, times and values may be
// numbers or text; a field of the first object that a later one lacks makes that row bad, and so does one that comes
// later. Error(Data) when the first line is no object; Error(Usage) for names that it does not have.
void ReadJsonl(LineSource& source, const ColumnNames& names, RowSink& sink);

// {"FeedbackType", "UserId", "ItemId", "Value", "Timestamp"}, value and time optional. Only feedback of
// names.feedback_types is given when that is not empty; Error(Usage) when the file has none of one of them.
void ReadGorseFeedback(LineSource& source, const ColumnNames& names, RowSink& sink);

// The comments of {"ItemId", "Comment", ...}, which gorse uses as titles.
void ReadGorseItems(LineSource& source, const std::function<void(std::string_view, std::string_view)>& add,
                    const std::function<void(std::string)>& add_bad);

// A line with the fields that a feedback dump of gorse has.
bool IsGorseFeedback(const std::vector<std::string>& names);

}  // namespace recforce::data
