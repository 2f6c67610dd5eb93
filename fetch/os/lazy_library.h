// A shared library that is loaded when it is first needed, not when the program starts.
//
// libcurl and libarchive bring 36 libraries along, among them ones that initialise themselves at once: 5 of
// the 8 ms the program took to say its version. Most commands need neither.
#pragma once

namespace moat {

// Never unloaded: what it started (threads, tables of sessions) may outlive its users.
class LazyLibrary {
 public:
  // `name` is a SONAME ("libcurl.so.4"). Error(Disk) where the system has no such library.
  explicit LazyLibrary(const char* name);

  // F is the type of a function pointer. Error(Disk) where the library has no such function.
  template <class F>
  F function(const char* name) const {
    return reinterpret_cast<F>(address(name));
  }

 private:
  void* address(const char* name) const;

  void* handle_;
};

}  // namespace moat
