// SPDX-License-Identifier: Apache-2.0
// A Python program beside a benchmark, in a process of its own with as many threads: it does one piece of work for each
// line that it is given and answers with a line. So its start and its imports are not in the times.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "recforce/base/threads.h"

namespace recforce::bench {

// Writes arrays one after the other into a file of the temporary folder, for a twin to read. Returns its path.
class TwinFile {
 public:
  explicit TwinFile(const std::string& name)
      : path_((std::filesystem::temp_directory_path() / ("recforce_bench_" + name + ".bin")).string()),
        out_(path_, std::ios::binary) {}
  template <class T>
  TwinFile& Add(const std::vector<T>& values) {
    out_.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
    return *this;
  }
  std::string Close() {
    out_.close();
    return path_;
  }

 private:
  std::string path_;
  std::ofstream out_;
};

class PythonTwin {
 public:
  // `script`: a file of bench/; `package`: the Debian package that it needs.
  PythonTwin(const std::string& script, const std::string& file, std::string package)
      : script_(script), package_(std::move(package)) {
    int to[2];
    int from[2];
    if (::pipe(to) != 0 || ::pipe(from) != 0) {
      std::perror("pipe");
      std::exit(1);
    }
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      ::close(to[1]);
      ::close(from[0]);
      const std::string threads = std::to_string(base::Threads());
      ::setenv("OPENBLAS_NUM_THREADS", threads.c_str(), 1);
      ::setenv("OMP_NUM_THREADS", threads.c_str(), 1);
      const std::string path = RECFORCE_SOURCE_DIR "/bench/" + script;
      ::execl("/usr/bin/python3", "python3", path.c_str(), file.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    from_ = ::fdopen(from[0], "r");
  }
  ~PythonTwin() {
    ::close(to_);
    std::fclose(from_);
    ::waitpid(child_, nullptr, 0);
  }
  PythonTwin(const PythonTwin&) = delete;
  PythonTwin& operator=(const PythonTwin&) = delete;

  // The answer, without the end of the line.
  std::string Ask(const std::string& line) {
    const std::string sent = line + "\n";
    char answer[256];
    if (::write(to_, sent.data(), sent.size()) != static_cast<ssize_t>(sent.size()) ||
        std::fgets(answer, sizeof(answer), from_) == nullptr) {
      std::fprintf(stderr, "bench/%s did not answer; it needs %s\n", script_.c_str(), package_.c_str());
      std::exit(1);
    }
    std::string text = answer;
    text.pop_back();
    return text;
  }

 private:
  std::string script_;
  std::string package_;
  pid_t child_ = -1;
  int to_ = -1;
  std::FILE* from_ = nullptr;
};

}  // namespace recforce::bench
