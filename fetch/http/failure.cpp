#include "fetch/http/failure.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <new>

namespace moat {
namespace {

Error told_error(const std::exception_ptr& failure, const Url& url) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& error) {
    return Error(ErrorKind::Network, fmt::format("cannot get {}: {}", quote(url.display()), error.what()));
  }
}

}  // namespace

const Error& out_of_memory() {
  static const Error error(ErrorKind::Disk, "out of memory");
  return error;
}

Error error_from(const std::exception_ptr& failure, const Url& url) noexcept {
  try {
    return told_error(failure, url);
  } catch (...) {  // no memory to say what it was
    return out_of_memory();
  }
}

}  // namespace moat
