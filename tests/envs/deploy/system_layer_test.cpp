#include "envs/deploy/system_layer.h"

#include "tests/envs/folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace moat {
namespace {

// A program of this machine whose loader is said to be another file.
std::string program_with_loader(const std::string& loader) {
  std::string bytes = read_file(fs::canonical("/bin/true"));
  const std::string own = "/lib64/ld-linux-x86-64.so.2";
  const std::size_t at = bytes.find(own);
  if (at == std::string::npos || loader.size() > own.size()) return "";
  return bytes.replace(at, own.size(), loader + std::string(own.size() - loader.size(), '\0'));
}

TEST(SystemLayer, HoldsTheLoaderAndTheLibrariesOfAProgram) {
  test::Folder folder;
  folder.write("bin/program", read_file(fs::canonical("/bin/true")));
  const NeededLibraries needed = needed_libraries(folder / "bin");
  bool has_c = false;
  for (const auto& [path, file] : needed.found) has_c |= path.find("libc.so.6") != std::string::npos;
  EXPECT_TRUE(has_c);
  EXPECT_TRUE(needed.missing.empty());
}

// What a wheel names is not taken for a loader unless it is one.
TEST(SystemLayer, TakesNoFileThatAProgramOnlyNames) {
  for (const char* loader : {"/etc/passwd", "../../../etc/passwd", "etc/passwd", "/proc/self/environ"}) {
    const std::string bytes = program_with_loader(loader);
    if (bytes.empty()) GTEST_SKIP() << "not on this machine";
    test::Folder folder;
    folder.write("program", bytes);
    for (const auto& [path, file] : needed_libraries(folder / ".").found) {
      EXPECT_EQ(path.find("passwd"), std::string::npos) << path;
      EXPECT_EQ(path.find("environ"), std::string::npos) << path;
    }
  }
}

}  // namespace
}  // namespace moat
