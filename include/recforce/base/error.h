// SPDX-License-Identifier: Apache-2.0
// The one exception of recforce, its kinds, and the checks that catch our own bugs.
// A message reads `where: what is wrong: what was found; what is allowed`, lower case, values quoted.
#pragma once

#include <array>
#include <exception>
#include <string>
#include <string_view>

namespace recforce::base {

enum class ErrorKind {
#define RECFORCE_ERROR_KIND(name, exit_code, http_status, meaning) k##name,
#include "recforce/base/error_kinds.inc"
#undef RECFORCE_ERROR_KIND
};

struct ErrorKindInfo {
  ErrorKind kind;
  std::string_view name;
  int exit_code;
  int http_status;
  std::string_view meaning;
};

// Every kind in the order of the list.
inline constexpr std::array kErrorKinds = {
#define RECFORCE_ERROR_KIND(name, exit_code, http_status, meaning) \
  ErrorKindInfo{ErrorKind::k##name, #name, exit_code, http_status, meaning},
#include "recforce/base/error_kinds.inc"
#undef RECFORCE_ERROR_KIND
};

constexpr const ErrorKindInfo& Info(ErrorKind kind) { return kErrorKinds[static_cast<std::size_t>(kind)]; }

// Ends an operation. what() is the whole message, ready to be shown to a user.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  [[nodiscard]] ErrorKind kind() const { return kind_; }
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorKind kind_;
  std::string message_;
};

[[noreturn]] void FailCheck(const char* condition, const char* file, int line, const std::string& message);

}  // namespace recforce::base

// Guards against our own bugs: always on, throws ErrorKind::kInternal. Never reachable from input.
#define RECFORCE_CHECK(condition, message)                                  \
  do {                                                                      \
    if (!(condition)) {                                                     \
      ::recforce::base::FailCheck(#condition, __FILE__, __LINE__, message); \
    }                                                                       \
  } while (false)
