// SPDX-License-Identifier: Apache-2.0
// Conversion of a CSV of the shape of ML-25M (25 million rows, 162,541 users, 59,047 items), generated in a temporary
// folder with its rows in order of time, users mixed. Beside it, in the same process: reading the file and finding its
// line ends, which no conversion can do without. `bench_conversion [ROWS [FOLDER]]`.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/data/convert.h"

namespace {

namespace fs = std::filesystem;
using recforce::base::Rng;

constexpr std::int64_t kUsers = 162541;
constexpr std::int64_t kItems = 59047;

// Draws i with probability proportional to weight(i).
template <class Weight>
std::vector<double> Cumulative(std::int64_t size, const Weight& weight) {
  std::vector<double> sums;
  double sum = 0.0;
  for (std::int64_t i = 0; i < size; ++i) {
    sum += weight(i);
    sums.push_back(sum);
  }
  return sums;
}
std::int64_t Draw(const std::vector<double>& sums, Rng& rng) {
  return std::upper_bound(sums.begin(), sums.end() - 1, rng.Uniform() * sums.back()) - sums.begin();
}

void Generate(const fs::path& path, std::int64_t rows) {
  Rng rng(1, recforce::base::Stream::kGenerate);
  const std::vector<double> users = Cumulative(kUsers, [&](std::int64_t) { return std::exp(1.2 * rng.Normal()); });
  const std::vector<double> items =
      Cumulative(kItems, [](std::int64_t i) { return std::pow(static_cast<double>(i + 1), -0.8); });
  std::ofstream file(path, std::ios::binary);
  std::string text = "userId,movieId,rating,timestamp\n";
  char line[80];
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t time = 789652009 + row * (1574327703 - 789652009) / rows;
    // Every user and item once, the rest by their weights; item numbers are spread as MovieLens spreads them.
    const std::int64_t user = row < kUsers ? row : Draw(users, rng);
    const std::int64_t item = row < kItems ? row : Draw(items, rng);
    const auto halves = static_cast<int>(1 + rng.Below(10));
    const int size = std::snprintf(line, sizeof(line), "%lld,%lld,%d.%d,%lld\n", static_cast<long long>(user + 1),
                                   static_cast<long long>(item * 7 / 2 + 1), halves / 2, halves % 2 * 5,
                                   static_cast<long long>(time));
    text.append(line, static_cast<std::size_t>(size));
    if (text.size() > (1U << 20U)) {
      file << text;
      text.clear();
    }
  }
  file << text;
}

// The whole file through one buffer, its line ends counted.
std::int64_t CountLines(const fs::path& path) {
  std::vector<char> buffer(1U << 20U);
  std::int64_t lines = 0;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  for (ssize_t got = 1; got > 0;) {
    got = ::read(descriptor, buffer.data(), buffer.size());
    const char* end = buffer.data() + std::max<ssize_t>(got, 0);
    for (const char* next = buffer.data(); next < end; ++lines) {
      const void* newline = std::memchr(next, '\n', static_cast<std::size_t>(end - next));
      if (newline == nullptr) {
        break;
      }
      next = static_cast<const char*>(newline) + 1;
    }
  }
  ::close(descriptor);
  return lines;
}

struct Usage {
  double wall;
  double cpu;
};
Usage Now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now().time_since_epoch();
  return {wall.count(), seconds(usage.ru_utime) + seconds(usage.ru_stime)};
}

double PeakMegabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t rows = argc > 1 ? std::atoll(argv[1]) : 25'000'000;
  const fs::path folder = argc > 2 ? fs::path(argv[2]) : fs::temp_directory_path() / "recforce_bench_conversion";
  fs::create_directories(folder);
  const fs::path csv = folder / (std::to_string(rows) + ".csv");
  if (!fs::exists(csv)) {
    Generate(folder / "new.csv", rows);
    fs::rename(folder / "new.csv", csv);
  }
  recforce::base::SetThreads(recforce::base::AvailableCores());
  const auto millions = static_cast<double>(rows) / 1e6;
  std::printf("threads %d, %.1f million rows, %.0f MB\n", recforce::base::Threads(), millions,
              static_cast<double>(fs::file_size(csv)) / 1e6);
  (void)CountLines(csv);  // into the page cache
  double best = 1e30;
  double best_floor = 1e30;
  double peak = 0.0;  // of the first round: what the allocator keeps of one would count for the next
  for (int round = 0; round < 3; ++round) {
    const Usage start = Now();
    const std::int64_t lines = CountLines(csv);
    const Usage middle = Now();
    const auto report = recforce::data::Convert(recforce::base::RealFileSystem(), csv, {}, folder / "data");
    const Usage end = Now();
    std::printf("floor %6.3f s (%lld lines)   convert %6.3f s, %6.3f s of processors, %.2f million rows a second\n",
                middle.wall - start.wall, static_cast<long long>(lines), end.wall - middle.wall, end.cpu - middle.cpu,
                millions / (end.wall - middle.wall));
    std::printf("      %lld interactions, %lld users, %lld items; peak %.0f MB resident\n",
                static_cast<long long>(report.interactions), static_cast<long long>(report.users),
                static_cast<long long>(report.items), PeakMegabytes());
    peak = round == 0 ? PeakMegabytes() : peak;
    best_floor = std::min(best_floor, middle.wall - start.wall);
    best = std::min(best, end.wall - middle.wall);
  }
  std::printf("ratio conversion: %.2f million rows a second, best of 3 (wanted >= 2), %.1f times the floor\n",
              millions / best, best / best_floor);
  std::printf("ratio conversion memory: %.2f (peak %.0f MB / %.0f MB; wanted <= 1.1)\n",
              peak * 1048576.0 / static_cast<double>(recforce::data::ConvertOptions{}.memory_bytes), peak,
              static_cast<double>(recforce::data::ConvertOptions{}.memory_bytes) / 1048576.0);
  if (argc <= 2) {
    fs::remove_all(folder);
  }
  return 0;
}
