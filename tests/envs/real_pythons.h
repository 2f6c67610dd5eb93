// The interpreters of this machine, and one store of snapshots for all tests of this program: making a
// snapshot takes seconds, and every test wants one.
#pragma once

#include "envs/environment/environment.h"
#include "envs/python/interpreter.h"
#include "envs/python/runtime.h"
#include "fetch/os/file.h"
#include "fetch/os/process.h"
#include "fetch/store/store.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace moat::test {

// Beside the test program; thrown away when the code that makes snapshots changed.
Store& shared_store();
Workers& shared_workers();

// "debian": /usr/bin/python3; "debug": /usr/bin/python3-dbg; "pypy": /usr/bin/pypy3; "3.11": of pyenv.
// nullopt where it is not here.
std::optional<fs::path> find_python(const std::string& which);
inline const std::vector<std::string> kAllPythons = {"3.6",  "3.7",  "3.8",   "3.9",    "3.10",  "3.11",
                                                     "3.12", "3.13", "3.13t", "debian", "debug", "pypy"};
// For INSTANTIATE_TEST_SUITE_P: "3.11" is no identifier.
std::string python_name(const testing::TestParamInfo<std::string>& info);

Runtime runtime_of(const fs::path& python);

using Variables = std::vector<std::pair<std::string, std::string>>;
// Run with these variables besides PATH.
ProcessResult run(std::vector<std::string> argv, Variables variables = {}, const fs::path& directory = "/");
// Its output without the line end; a failed run is a failed test.
std::string output_of(std::vector<std::string> argv, Variables variables = {},
                      const fs::path& directory = "/");

// A folder of its own for each test, under the real path of the temporary directory.
class InFolder : public testing::Test {
 protected:
  InFolder() : temp_(parent_folder(), "moat-envs") {}
  fs::path folder() const { return temp_.path(); }
  Environment create(const fs::path& root, const fs::path& python, bool replace = false);
  // The environment most tests use: of the system's Python, which is on every machine that tests.
  Environment create_usual(const std::string& name = "env") {
    return create(folder() / name, "/usr/bin/python3");
  }

 private:
  // In memory where there is room: ext4 makes files 10 times slower just after many were deleted, and each
  // environment is 1,600 of them.
  static fs::path parent_folder();
  TempDir temp_;
};

// A test for each interpreter, skipped where it is not here.
class WithEveryPython : public InFolder, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    const auto found = find_python(GetParam());
    if (!found) GTEST_SKIP() << GetParam() << " is not on this machine";
    python_ = *found;
  }
  fs::path python_;
};

}  // namespace moat::test
