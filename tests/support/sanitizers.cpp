// What the sanitizers' run-time libraries ask every test program, where it is built with them: reports that
// are not about our code. Names with two underscores are theirs.

// OpenSSL keeps one record for the thread that used it first, and forgets it where that thread was not the
// main one and has ended.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libcrypto.so\n"; }  // NOLINT

// libstdc++.so is not instrumented, so the thread sanitizer does not see the atomic counts that guard the
// text of a std::runtime_error and the exception behind an exception_ptr.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {  // NOLINT
  return "race:std::runtime_error::~runtime_error\nrace:std::__exception_ptr::exception_ptr::_M_release\n";
}
