#include "envs/python/elf.h"

#include "fetch/os/file.h"
#include "fetch/os/process.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace moat {
namespace {

// Programs and libraries made here by the machine's own compiler, so that every shape is there on purpose.
class Elf : public testing::Test {
 protected:
  fs::path build(const std::string& name, const std::string& source, std::vector<std::string> flags) {
    write_file_atomically(folder_.path() / (name + ".c"), source);
    std::vector<std::string> argv = {"/usr/bin/cc", "-g", "-o", (folder_.path() / name).string(),
                                     (folder_.path() / (name + ".c")).string()};
    argv.insert(argv.end(), flags.begin(), flags.end());
    const ProcessResult result = run_process({.argv = argv});
    EXPECT_EQ(result.status, 0) << result.errors;
    return folder_.path() / name;
  }

  void write_program(const fs::path& path, const std::string& bytes) {
    write_file_atomically(path, bytes, 0755);
  }

  ProcessResult run(const fs::path& program,
                    std::vector<std::pair<std::string, std::string>> variables = {}) {
    return run_process({.argv = {program.string()}, .environment = std::move(variables)});
  }

  // answer() of lib.so, in folder `name`; a program that prints it, linked with the flags given.
  fs::path build_library(const std::string& name, int answer) {
    make_directories(folder_.path() / name);
    return build(name + "/libanswer.so", "int answer(void) { return " + std::to_string(answer) + "; }",
                 {"-shared", "-fPIC", "-Wl,-soname,libanswer.so"});
  }
  fs::path build_program(const std::string& name, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"-L" + (folder_.path() / "old").string(), "-lanswer"});
    make_directories((folder_.path() / name).parent_path());
    return build(name,
                 "#include <stdio.h>\nint answer(void);\nint main(void) { printf(\"%d\\n\", answer()); }",
                 flags);
  }
  std::string path(const char* name) { return (folder_.path() / name).string(); }

  TempDir folder_{fs::temp_directory_path(), "moat-elf"};
};

std::string must(Expected<std::string> result) {
  EXPECT_TRUE(result) << result.error().message;
  return result.value_or("");
}

TEST_F(Elf, ReadsWhoAFileIs) {
  build_library("old", 1);
  const auto facts = read_elf(read_file(build_program("program", {"-Wl,-rpath,/some/where"})));
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_FALSE(elf_architecture(*facts).empty());
  EXPECT_NE(facts->loader.find("ld"), std::string::npos);
  EXPECT_EQ(facts->needed.at(0), "libanswer.so");
  EXPECT_EQ(facts->run_path, "/some/where");
  EXPECT_FALSE(read_elf("#!/bin/sh\n"));
  EXPECT_FALSE(read_elf(std::string("\x7f"
                                    "ELF\x02\x01") +
                        std::string(80, '\xff')));
}

TEST_F(Elf, EveryCutOffFileIsRefusedOrWhole) {
  build_library("old", 1);
  const std::string bytes = read_file(build_program("program", {"-Wl,-rpath,/some/where", "-s"}));
  for (std::size_t size = 0; size < bytes.size(); size += 97) {
    const std::string_view part = std::string_view(bytes).substr(0, size);
    static_cast<void>(read_elf(part));
    static_cast<void>(with_run_path(part, "$ORIGIN/../lib"));
    static_cast<void>(strip_elf(part));
  }
}

TEST_F(Elf, StripKeepsAProgramThatRunsAndALibraryThatLinks) {
  const fs::path library = build_library("old", 7);
  const std::string before = read_file(library), after = strip_elf(before);
  EXPECT_LT(after.size(), before.size());
  write_program(library, after);
  const fs::path program =
      build_program("program", {"-Wl,-rpath," + path("old")});  // links against the stripped one
  const std::string stripped = strip_elf(read_file(program));
  EXPECT_EQ(stripped.find(".debug_info"), std::string::npos);
  write_program(program, stripped);
  EXPECT_EQ(run(program).output, "7\n");
  EXPECT_EQ(strip_elf(stripped), stripped) << "a second time changes nothing";
}

TEST_F(Elf, AShortRunPathIsWrittenInPlaceAndWinsOverTheEnvironment) {
  build_library("old", 1), build_library("new", 2), build_library("other", 3);
  const fs::path program =
      build_program("bin/program", {"-Wl,-rpath," + path("old"), "-Wl,--enable-new-dtags"});
  ASSERT_EQ(run(program).output, "1\n");
  ASSERT_EQ(run(program, {{"LD_LIBRARY_PATH", path("other")}}).output, "3\n") << "control: DT_RUNPATH loses";
  const std::string before = read_file(program), after = must(with_run_path(before, "$ORIGIN/../new"));
  EXPECT_EQ(after.size(), before.size());
  write_program(program, after);
  EXPECT_EQ(run(program).output, "2\n");
  EXPECT_EQ(run(program, {{"LD_LIBRARY_PATH", path("other")}}).output, "2\n");
  EXPECT_EQ(read_elf(after)->run_path, "$ORIGIN/../new");
}

TEST_F(Elf, ALongOneOrANewOneGetsASegmentOfItsOwn) {
  build_library("old", 1), build_library("new", 2);
  const std::string wanted = "$ORIGIN/../none/none/none/none/none/none/none/none/none:$ORIGIN/../new";
  for (const std::vector<std::string>& flags : {std::vector<std::string>{"-Wl,-rpath,/x"},
                                                {},
                                                {"-no-pie", "-Wl,-rpath,/x"},
                                                {"-s", "-Wl,-rpath,/x"}}) {
    const fs::path program = build_program("bin/program", flags);
    const auto result = with_run_path(read_file(program), wanted);
    if (!result && flags.empty()) continue;  // linkers that leave no spare dynamic entry
    write_program(program, must(result));
    EXPECT_EQ(run(program).output, "2\n") << (flags.empty() ? "no run path" : flags.front());
    EXPECT_EQ(read_elf(*result)->run_path, wanted);
  }
  const fs::path library = build_library("old", 5);
  write_program(library,
                must(with_run_path(strip_elf(read_file(build("plain.so", "int f(void) { return 1; }",
                                                             {"-shared", "-fPIC", "-Wl,-rpath,/x"}))),
                                   wanted)));
  EXPECT_EQ(read_elf(read_file(library))->run_path, wanted);
}

TEST_F(Elf, BytesSharedWithASymbolsNameAreNotOverwritten) {
  // GNU ld merges the tails of strings: the name `lib` is the end of the run path's own bytes.
  const fs::path library = build("shared.so", "int lib(void) { return 1; }",
                                 {"-shared", "-fPIC", "-Wl,-rpath,/a/long/folder/lib"});
  const std::string after = must(with_run_path(read_file(library), "$ORIGIN"));
  write_program(library, after);
  const fs::path program =
      build("caller", "#include <stdio.h>\nint lib(void);\nint main(void) { printf(\"%d\\n\", lib()); }",
            {library.string(), "-Wl,-rpath," + folder_.path().string()});
  EXPECT_EQ(run(program).output, "1\n");
}

}  // namespace
}  // namespace moat
