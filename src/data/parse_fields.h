// SPDX-License-Identifier: Apache-2.0
// Numbers and times out of the fields of a log, without locale and without allocation. What is wrong with a field is
// a FieldFault; the ...Fault() functions say it in words, so that every reader gives the same message.
#pragma once

#include <cstdint>
#include <string_view>

#include "recforce/data/dataset.h"

namespace recforce::data {

enum class FieldFault {
  kNone,
  kMalformed,   // not a number (a time) at all
  kOutOfRange,  // one that does not fit
  kNoSuchDate,  // written like a date or a time of day that the calendar does not have
};

// A message reads `COLUMN what: 'found'; expected expected`.
struct FaultText {
  std::string_view what;
  std::string_view expected;
};

// The whole text as a finite decimal: no spaces, no leading '+', no "nan" or "inf".
FieldFault ParseDecimal(std::string_view text, double& value);

// A decimal that fits a float.
FieldFault ParseValue(std::string_view text, double& value);
FaultText ValueFault(FieldFault fault);

// A decimal in (0, 1] that a float holds.
FieldFault ParsePropensity(std::string_view text, float& propensity);
FaultText PropensityFault(FieldFault fault);

// A whole number of 32 bits.
FieldFault ParsePosition(std::string_view text, std::int32_t& position);
FaultText PositionFault(FieldFault fault);

// train, validation, test or input.
FieldFault ParsePart(std::string_view text, Part& part);
FaultText PartFault(FieldFault fault);

// Seconds since 1970, or an ISO 8601 date:
//   978300760   8.8e8   12.75           whole or decimal seconds
//   2020-01-31   2020/01/31             midnight UTC
//   2020-01-31 12:34   2020-01-31T12:34:56.789Z   2020-01-31T12:34:56+02:00   ...+0200   ...-05   ...UTC   ...GMT
// One blank may stand before the offset; without an offset the time is UTC. Fractions are cut towards the past. A
// number is taken as it stands: milliseconds since 1970 give times of the far future, not an error.
FieldFault ParseTime(std::string_view text, std::int64_t& seconds);
FaultText TimeFault(FieldFault fault);

}  // namespace recforce::data
