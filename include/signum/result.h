// Errors as values: what every Signum call that meets the outside world returns.
//
// This header knows what went wrong and where; it never prints, logs or exits.
#ifndef SIGNUM_RESULT_H_
#define SIGNUM_RESULT_H_

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace signum {

enum class ErrorCode {
  kInvalidArgument,    // a flag, shape or value that the caller can mend
  kNotFound,           // a file, folder, model or dataset that is not there
  kCorrupt,            // bytes that are not what their format promises
  kUnsupported,        // valid, but beyond what this build or operation can do
  kIo,                 // the operating system refused: disk full, read-only, ...
  kResourceExhausted,  // larger than a stated limit
  kInternal,           // a bug of ours that was caught at a boundary
};

// A one-line message that names the thing and says what to do about it.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  // The same error, told from one level further out: "context: message".
  Error In(const std::string& context) const { return {code, context + ": " + message}; }
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> InvalidArgument(std::string m) {
  return Fail(ErrorCode::kInvalidArgument, std::move(m));
}
inline tl::unexpected<Error> NotFound(std::string m) {
  return Fail(ErrorCode::kNotFound, std::move(m));
}
inline tl::unexpected<Error> Corrupt(std::string m) {
  return Fail(ErrorCode::kCorrupt, std::move(m));
}
inline tl::unexpected<Error> Unsupported(std::string m) {
  return Fail(ErrorCode::kUnsupported, std::move(m));
}
inline tl::unexpected<Error> IoError(std::string m) { return Fail(ErrorCode::kIo, std::move(m)); }

}  // namespace signum

#define SIGNUM_CONCAT_INNER(a, b) a##b
#define SIGNUM_CONCAT(a, b) SIGNUM_CONCAT_INNER(a, b)

// Returns the error of a Status or Result expression to the caller, if it has one.
#define SIGNUM_RETURN_IF_ERROR(expression)                                      \
  do {                                                                          \
    if (auto signum_status = (expression); !signum_status)                      \
      return tl::unexpected<::signum::Error>(std::move(signum_status).error()); \
  } while (false)

// `SIGNUM_ASSIGN_OR_RETURN(auto x, F());` binds F's value, or returns F's error.
#define SIGNUM_ASSIGN_OR_RETURN(declaration, expression) \
  SIGNUM_ASSIGN_OR_RETURN_INNER(SIGNUM_CONCAT(signum_result_, __LINE__), declaration, expression)
#define SIGNUM_ASSIGN_OR_RETURN_INNER(result, declaration, expression)            \
  auto result = (expression);                                                     \
  if (!result) return tl::unexpected<::signum::Error>(std::move(result).error()); \
  declaration = *std::move(result)

#endif  // SIGNUM_RESULT_H_
