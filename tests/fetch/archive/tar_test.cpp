#include "fetch/archive/tar.h"

#include "fetch/os/process.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace moat {
namespace {

// A path of that length, of folders of 50 characters.
std::string path_of(std::size_t length, char letter) {
  std::string out;
  while (out.size() + 51 < length) out += std::string(50, letter) + "/";
  return out + std::string(length - out.size(), letter);
}

// As another reader sees them (tarfile of Python): names, and where links lead.
TEST(TarWriter, NamesAndTargetsOfAnyLengthComeBack) {
  std::string bytes, expected;
  TarWriter writer([&](std::string_view piece) { bytes += piece; }, 1'700'000'000);
  char letter = 'a';
  for (const std::size_t name : {10U, 99U, 100U, 101U, 140U, 256U, 300U})
    for (const std::size_t target : {0U, 50U, 100U, 101U, 300U}) {
      const std::string path = std::string(1, letter) + std::to_string(target) + path_of(name, letter);
      const std::string leads_to = target == 0 ? "" : path_of(target, 'z');
      if (target == 0)
        writer.add(path, "x");
      else
        writer.add_link(path, leads_to);
      expected += path + " " + leads_to + "\n";
      if (target == 300U) ++letter;
    }
  writer.finish();
  std::string folder = (std::filesystem::temp_directory_path() / "moat-tar-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/a.tar";
  write_file_atomically(file, bytes);
  const ProcessResult seen = run_process(
      {.argv = {"/usr/bin/python3", "-c",
                "import sys, tarfile\nfor m in tarfile.open(sys.argv[1]):\n    print(m.name, m.linkname)",
                file}});
  EXPECT_EQ(seen.output, expected) << seen.errors;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace moat
