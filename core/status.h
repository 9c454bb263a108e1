// SPDX-License-Identifier: Apache-2.0
// How a function says that it could not do its work: Status, and Result<T> for those that return a value.
// For faults that a user, a network, a disk or another process can cause. A mistake in our own code is QALAM_CHECK.
#pragma once

#include <fmt/core.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace qalam {

// The names and numbers of gRPC's codes, so that both sides of the wire mean the same.
enum class Code {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
};
std::string_view CodeName(Code code);  // "INVALID_ARGUMENT"

class [[nodiscard]] Status {
 public:
  Status() = default;  // ok
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  // The same fault, told from further out: "context: message".
  Status Within(std::string_view context) const;
  std::string ToString() const;  // "INVALID_ARGUMENT: message", or "OK"

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

inline Status OkStatus() { return {}; }

template <class... Args>
Status Error(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return Status(code, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
Status InvalidArgument(fmt::format_string<Args...> format, Args&&... args) {
  return Status(Code::kInvalidArgument, fmt::format(format, std::forward<Args>(args)...));
}

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, std::string_view promise);

// Stops the program: only a mistake in our own code can make `condition` false. A restart is safe and tested.
#define QALAM_CHECK(condition, promise)                              \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::qalam::CheckFailed(__FILE__, __LINE__, #condition, promise); \
  } while (false)

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    QALAM_CHECK(!status_.ok(), "a Result without a value has a fault");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }  // ok() when there is a value

  T& operator*() & { return Value(); }
  const T& operator*() const& { return const_cast<Result*>(this)->Value(); }
  T&& operator*() && { return std::move(Value()); }
  T* operator->() { return &Value(); }
  const T* operator->() const { return &const_cast<Result*>(this)->Value(); }

 private:
  T& Value() {
    QALAM_CHECK(value_.has_value(), status_.ToString());
    return *value_;
  }
  Status status_;
  std::optional<T> value_;
};

#define QALAM_RETURN_IF_ERROR(expression)                                                     \
  do {                                                                                        \
    if (::qalam::Status qalam_status = (expression); !qalam_status.ok()) return qalam_status; \
  } while (false)

#define QALAM_CONCAT_INNER(a, b) a##b
#define QALAM_CONCAT(a, b) QALAM_CONCAT_INNER(a, b)
// QALAM_TRY(auto x, F()): x is F's value, or the function returns F's fault.
#define QALAM_TRY(declaration, expression)                                                                \
  auto QALAM_CONCAT(qalam_result_, __LINE__) = (expression);                                              \
  if (!QALAM_CONCAT(qalam_result_, __LINE__).ok()) return QALAM_CONCAT(qalam_result_, __LINE__).status(); \
  declaration = *std::move(QALAM_CONCAT(qalam_result_, __LINE__))

}  // namespace qalam
