#include "fetch/os/lazy_library.h"

#include "resolver/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::HasSubstr;

template <class F>
std::string error_of(F&& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Disk);
    return error.what();
  }
  return "";
}

TEST(LazyLibrary, FindsAFunction) {
  const LazyLibrary library("libm.so.6");
  EXPECT_DOUBLE_EQ(library.function<double (*)(double, double)>("pow")(2, 10), 1024);
}

TEST(LazyLibrary, NamesTheLibraryThatIsMissing) {
  EXPECT_THAT(error_of([] { LazyLibrary("libmoat-has-no-such.so.1"); }),
              HasSubstr("libmoat-has-no-such.so.1"));
}

TEST(LazyLibrary, NamesTheFunctionThatIsMissing) {
  const LazyLibrary library("libm.so.6");
  EXPECT_THAT(error_of([&] { library.function<void (*)()>("no_such_function"); }),
              HasSubstr("no_such_function"));
}

}  // namespace
}  // namespace moat
