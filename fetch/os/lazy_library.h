// A shared library that is loaded when it is first needed, not when the program starts.
//
// libcurl and libarchive load 36 libraries, some of which initialise themselves at once: 5 of the 8 ms that
// the program needed to print its version. Most commands need neither.
#pragma once

namespace moat {

// Never unloaded: its threads and session tables may outlive its users.
class LazyLibrary {
 public:
  // `name` is a SONAME ("libcurl.so.4"). Error(Disk) if the system has no such library.
  explicit LazyLibrary(const char* name);

  // F is the type of a function pointer. Error(Disk) if the library has no such function.
  template <class F>
  F function(const char* name) const {
    return reinterpret_cast<F>(address(name));
  }

 private:
  void* address(const char* name) const;

  void* handle_;
};

}  // namespace moat
