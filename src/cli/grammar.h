// SPDX-License-Identifier: Apache-2.0
// How words of a command line are taken and refused, whatever commands there are.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/command_line.h"

namespace CLI {
class App;
}

namespace recforce::cli {

class Grammar {
 public:
  Grammar();
  ~Grammar();
  Grammar(const Grammar&) = delete;
  Grammar& operator=(const Grammar&) = delete;

  // The program itself.
  [[nodiscard]] CLI::App& root() { return *root_; }

  // A command that has commands of its own.
  static CLI::App& Group(CLI::App& parent, const std::string& name, const std::string& summary);

  // A command with its arguments, bound to the function that runs it. The arguments live as long as the bound command.
  template <class Args>
  std::pair<CLI::App*, Args*> Command(CLI::App& parent, const std::string& name, const std::string& summary,
                                      void (*run)(const Args&, const Session&)) {
    const auto args = std::make_shared<Args>();
    CLI::App* command = AddCommand(parent, name, summary, [args, run](const Session& session) { run(*args, session); });
    return {command, args.get()};
  }

  // As ParseCommandLine.
  CommandLine Parse(int argc, const char* const* argv);

 private:
  CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& summary,
                       std::function<void(const Session&)> run);
  [[nodiscard]] CLI::App* Deepest() const;
  [[noreturn]] void Refuse(const std::string& what) const;
  [[noreturn]] void RefuseWord(const CLI::App& command, const std::string& word) const;

  CommonArgs common_;
  std::function<void(const Session&)> run_;
  std::unique_ptr<CLI::App> root_;
};

// Checks of arguments: what is wrong with the text, "" for nothing.
inline constexpr std::int64_t kLargest = std::int64_t{1} << 53;
std::function<std::string(const std::string&)> Whole(std::int64_t low, std::int64_t high = kLargest);
std::string NotNegative(const std::string& text);
std::string Share(const std::string& text);

}  // namespace recforce::cli
