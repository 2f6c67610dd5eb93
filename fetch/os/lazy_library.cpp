#include "fetch/os/lazy_library.h"

#include "resolver/base/error.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace moat {

namespace {

// dlerror() names the library or the symbol, and why.
[[noreturn]] void fail() {
  const char* reason = ::dlerror();
  throw Error(ErrorKind::Disk,
              fmt::format("a library moat needs cannot be used: {}", reason != nullptr ? reason : "unknown"),
              {"install it with the system's package manager; `ldconfig -p` lists what there is"});
}

}  // namespace

LazyLibrary::LazyLibrary(const char* name) : handle_(::dlopen(name, RTLD_LAZY | RTLD_LOCAL)) {
  if (handle_ == nullptr) fail();
}

void* LazyLibrary::address(const char* name) const {
  void* address = ::dlsym(handle_, name);
  if (address == nullptr) fail();
  return address;
}

}  // namespace moat
