// SPDX-License-Identifier: Apache-2.0
// `recforce data displays`: a dataset with displays that are made of its interactions.
#include <fmt/format.h>

#include "cli/commands.h"
#include "recforce/base/text.h"

namespace recforce::cli {

void RunDisplays(const DisplaysArgs& args, const Session& session) {
  data::DisplayOptions options = args.options;
  options.stop = session.stop;
  const data::DisplayReport report =
      data::AddDisplaysTo(base::RealFileSystem(), data::Dataset::Open(args.directory), options, args.out);
  fmt::print("{:<13}{} of {:.1f} items: {}\n{:<13}{} of them show a single item\n", "displays",
             base::FormatCount(report.displays),
             static_cast<double>(report.items) / static_cast<double>(report.displays), report.made, "",
             base::FormatCount(report.single_item));
}

}  // namespace recforce::cli
