// SPDX-License-Identifier: Apache-2.0
// The worker pool of the process. Work is cut into chunks of `grain`, whatever the number of threads, so a
// body that writes only its own range gives the same bytes on any number of threads.
#pragma once

#include <cstdint>
#include <functional>

namespace recforce::base {

// Threads used by ParallelFor, including the caller. Default: the cores this process may use.
// Not to be called while a ParallelFor runs.
void SetThreads(int count);
int Threads();
int AvailableCores();

// Calls body(begin, end) over disjoint ranges that cover [begin, end), each at most `grain` long. Returns when
// all are done; the first exception of a body is rethrown here. Calls from inside a body run serially.
void ParallelFor(std::int64_t begin, std::int64_t end, std::int64_t grain,
                 const std::function<void(std::int64_t, std::int64_t)>& body);

}  // namespace recforce::base
