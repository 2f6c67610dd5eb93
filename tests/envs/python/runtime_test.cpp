#include "envs/python/runtime.h"

#include "envs/python/elf.h"
#include "envs/python/snapshot.h"
#include "fetch/bytes/hasher.h"
#include "tests/envs/real_pythons.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>
#include <thread>
#include <vector>

namespace moat {
namespace {

using test::output_of;

class EveryRuntime : public test::WithEveryPython {};
INSTANTIATE_TEST_SUITE_P(Found, EveryRuntime, testing::ValuesIn(test::kAllPythons), test::python_name);

TEST_P(EveryRuntime, HoldsWhatAnEnvironmentNeedsAndNoMore) {
  const Runtime runtime = test::runtime_of(python_);
  const RuntimeLayout layout = runtime_layout(runtime.interpreter);
  std::set<std::string> paths;
  std::uint64_t bytes = 0;
  for (const StoredFile& file : runtime.files) {
    paths.insert(file.path), bytes += file.size;
    const fs::path name = fs::path(file.path).filename();
    EXPECT_FALSE(name.extension() == ".a" || name.extension() == ".o" || name == "EXTERNALLY-MANAGED" ||
                 name == "sitecustomize.py")
        << file.path;
    EXPECT_EQ(file.path.find("site-packages/"), std::string::npos) << file.path;
    EXPECT_EQ(file.path.find("/test/"), std::string::npos) << file.path;
    EXPECT_FALSE(name.extension() == ".so" && name.string().starts_with("_test")) << file.path;
    const bool of_another_build =
        !runtime.interpreter.debug && name.string().find("d-x86_64") != std::string::npos;
    EXPECT_FALSE(of_another_build) << file.path;
  }
  for (const char* needed : {"/os.py", "/encodings/utf_8.py", "/asyncio/__init__.py"})
    EXPECT_TRUE(paths.contains(layout.stdlib + needed)) << needed;
  EXPECT_TRUE(paths.contains(layout.python));
  const std::string compiled = "." + runtime.interpreter.cache_tag + ".pyc";
  for (const char* common : {"/__pycache__/os", "/encodings/__pycache__/utf_8", "/json/__pycache__/__init__"})
    EXPECT_TRUE(paths.contains(layout.stdlib + common + compiled)) << common;
  for (const char* rare :
       {"/__pycache__/uu", "/encodings/__pycache__/cp037", "/pydoc_data/__pycache__/topics"})
    EXPECT_FALSE(paths.contains(layout.stdlib + rare + compiled)) << "left to the first import: " << rare;
  EXPECT_LE(bytes, (GetParam() == "pypy" ? 100U : 45U) * 1000 * 1000) << "stripped, that is";
}

TEST_P(EveryRuntime, NamesItsBaseNowhere) {
  const Runtime runtime = test::runtime_of(python_);
  const Interpreter& base = runtime.interpreter;
  for (const StoredFile& file : runtime.files) {
    const std::string bytes = read_file(runtime.tree / file.path);
    if (const auto facts = read_elf(bytes)) {
      EXPECT_TRUE(facts->run_path.empty() || facts->run_path.starts_with("$ORIGIN"))
          << file.path << facts->run_path;
      continue;
    }
    // Other than in programs (which keep the compiled-in PREFIX) the base's path must not stand in any file.
    if (base.prefix == "/usr") continue;
    EXPECT_EQ(bytes.find(base.prefix.string() + "/"), std::string::npos) << file.path;
  }
}

TEST_P(EveryRuntime, MaterialisedItRunsByItselfAndIsWhatWasStored) {
  const Runtime runtime = test::runtime_of(python_);
  const fs::path copy = folder() / "somewhere else";
  materialise(runtime, copy, LinkMode::Auto, test::shared_workers());
  for (const StoredFile& file : runtime.files) {
    ASSERT_EQ(hash_file(copy / file.path), file.digest) << file.path;
    ASSERT_EQ((fs::status(copy / file.path).permissions() & fs::perms::owner_exec) != fs::perms::none,
              file.executable);
  }
  const std::string python = (copy / runtime_layout(runtime.interpreter).python).string();
  EXPECT_EQ(output_of({python, "-I", "-c",
                       "import sys, os, ssl, ctypes\nprint(sys.version.split()[0], sys.prefix, "
                       "os.path.dirname(os.__file__))"}),
            runtime.interpreter.version + " " + copy.string() + " " +
                (copy / runtime_layout(runtime.interpreter).stdlib).string());
  const std::string base =
      runtime.interpreter.prefix == "/usr" ? "@MOAT" : runtime.interpreter.prefix.string();
  EXPECT_EQ(output_of({python, "-I", "-c",
                       "import sys, sysconfig\n"
                       "print([k for k, v in sorted(sysconfig.get_config_vars().items())\n"
                       "       if isinstance(v, str) and ('@MOAT' in v or sys.argv[1] in v)])",
                       base}),
            "[]");
}

TEST_P(EveryRuntime, BytecodeIsCheckedByHash) {
  if (GetParam() == "3.6") GTEST_SKIP() << "knows timestamps only";
  const Runtime runtime = test::runtime_of(python_);
  std::size_t seen = 0;
  for (const StoredFile& file : runtime.files) {
    if (!file.path.ends_with(".pyc")) continue;
    const std::string bytes = read_file(runtime.tree / file.path);
    ASSERT_EQ(bytes.at(4), 3) << file.path << ": flags of PEP 552, hash-based and checked";
    ++seen;
  }
  EXPECT_GT(seen, 300U);
}

class RuntimeOfSystem : public test::InFolder {};

TEST_F(RuntimeOfSystem, IsMadeOnceAndFoundByItsFingerprint) {
  const Runtime first = test::runtime_of("/usr/bin/python3");
  const auto found = find_runtime(first.fingerprint, test::shared_store());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->files.size(), first.files.size());
  EXPECT_EQ(found->links, first.links);
  EXPECT_EQ(to_json(found->interpreter), to_json(first.interpreter));
  EXPECT_FALSE(find_runtime("3.11.2-0000000000000000", test::shared_store()));
}

// Debian's interpreter does without its library; programs that embed Python are linked with it all the same.
TEST_F(RuntimeOfSystem, ItsBuildSettingsNameFilesThatAreThere) {
  const Runtime runtime = test::runtime_of("/usr/bin/python3");
  const std::string names =
      "import os, sysconfig\nget = sysconfig.get_config_var\nfor name in ('LDLIBRARY', 'INSTSONAME'):\n"
      "    print(os.path.exists(os.path.join(get('LIBDIR'), get(name))))";
  if (output_of({"/usr/bin/python3", "-I", "-c", names}) != "True\nTrue")
    GTEST_SKIP() << "the library for embedding the system's Python is not installed (libpython3-dev)";
  const fs::path copy = folder() / "copy";
  materialise(runtime, copy, LinkMode::Auto, test::shared_workers());
  const std::string python = (copy / runtime_layout(runtime.interpreter).python).string();
  EXPECT_EQ(output_of({python, "-I", "-c", names}), "True\nTrue");
  EXPECT_EQ(output_of({python, "-I", "-c", "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))"}),
            (copy / runtime_layout(runtime.interpreter).libraries).string());
}

// What is stored may be spoilt.
class RuntimeInItsOwnStore : public test::InFolder {
 protected:
  Runtime obtain() {
    Reporter reporter;
    return obtain_runtime(interpreter, store, test::shared_workers(), reporter);
  }
  Store store{folder() / "store"};
  const Interpreter interpreter = probe_interpreter("/usr/bin/python3", store);
};

TEST_F(RuntimeInItsOwnStore, ADamagedOneIsMadeAnew) {
  const Runtime first = obtain();
  const fs::path victim = first.tree / runtime_layout(interpreter).stdlib / "os.py";
  fs::permissions(victim, fs::perms::owner_write, fs::perm_options::add);
  write_all(open_file(victim, O_WRONLY | O_APPEND).get(), "\nimport evil\n", victim);
  EXPECT_FALSE(find_runtime(first.fingerprint, store));
  const Runtime second = obtain();
  EXPECT_EQ(second.fingerprint, first.fingerprint);
  EXPECT_EQ(read_file(victim).find("import evil"), std::string::npos);
}

// Byte for byte, with modes and times: from the pack, and from the tree where there is no pack or a bad one.
TEST_F(RuntimeInItsOwnStore, IsTheSameFromItsPackAndFromItsTree) {
  const Runtime runtime = obtain();
  if (runtime.pack.empty()) GTEST_SKIP() << "this file system clones files";
  const std::string os_py = runtime_layout(interpreter).stdlib + "/os.py";
  const fs::path in_tree = runtime.tree / os_py;
  fs::permissions(in_tree, fs::perms::owner_write, fs::perm_options::add);
  write_all(open_file(in_tree, O_WRONLY | O_TRUNC).get(), "of the tree", in_tree);

  materialise(runtime, folder() / "packed", LinkMode::Auto, test::shared_workers());
  EXPECT_EQ(hash_file(folder() / "packed" / os_py),
            std::find_if(runtime.files.begin(), runtime.files.end(), [&](const StoredFile& file) {
              return file.path == os_py;
            })->digest);
  Runtime plain = runtime;
  plain.pack.clear();
  materialise(plain, folder() / "plain", LinkMode::Copy, test::shared_workers());
  EXPECT_EQ(read_file(folder() / "plain" / os_py), "of the tree");
  for (const StoredFile& file : runtime.files) {
    if (file.path == os_py) continue;
    struct stat packed {};
    struct stat copied {};
    ASSERT_EQ(::lstat((folder() / "packed" / file.path).c_str(), &packed), 0) << file.path;
    ASSERT_EQ(::lstat((folder() / "plain" / file.path).c_str(), &copied), 0) << file.path;
    EXPECT_EQ(packed.st_mode, copied.st_mode) << file.path;
    EXPECT_EQ(packed.st_mtim.tv_sec, copied.st_mtim.tv_sec) << file.path;
    ASSERT_EQ(hash_file(folder() / "packed" / file.path), file.digest) << file.path;
  }
}

TEST_F(RuntimeInItsOwnStore, APackThatWasChangedIsNotUsed) {
  const Runtime first = obtain();
  if (first.pack.empty()) GTEST_SKIP() << "this file system clones files";
  EXPECT_EQ(find_runtime(first.fingerprint, store)->pack, first.pack);
  fs::resize_file(first.pack, fs::file_size(first.pack) - 1);
  const auto second = find_runtime(first.fingerprint, store);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->pack, "");
  // Who read the list before takes the tree as well.
  materialise(first, folder() / "env", LinkMode::Auto, test::shared_workers());
  for (const StoredFile& file : first.files) ASSERT_EQ(hash_file(folder() / "env" / file.path), file.digest);
}

// Each thread as if it were alone: one makes it, and what the others get is what lies in the store.
TEST_F(RuntimeInItsOwnStore, ManyWhoWantItAtOnceGetTheSame) {
  std::vector<std::optional<Runtime>> got(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < got.size(); ++i)
      threads.emplace_back([&, i] {
        Reporter reporter;
        got[i] = obtain_runtime(interpreter, store, test::shared_workers(), reporter,
                                i % 2 == 0 ? Compile::Now : Compile::Background);
      });
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_TRUE(got[i]);
    const fs::path env = folder() / std::to_string(i);
    materialise(*got[i], env, LinkMode::Auto, test::shared_workers());
    for (const StoredFile& file : got[i]->files) ASSERT_EQ(hash_file(env / file.path), file.digest);
  }
}

TEST_F(RuntimeOfSystem, HardLinksOnlyWhereAskedFor) {
  const Runtime runtime = test::runtime_of("/usr/bin/python3");
  materialise(runtime, folder() / "own", LinkMode::Auto, test::shared_workers());
  EXPECT_EQ(fs::hard_link_count(folder() / "own" / runtime.files.front().path), 1U);
  EXPECT_NE(fs::status(folder() / "own" / runtime.files.front().path).permissions() & fs::perms::owner_write,
            fs::perms::none);
}

// A base small enough to be edited: the walk alone is tested, nothing is run.
class SnapshotSources : public test::InFolder {
 protected:
  SnapshotSources() {
    base_.executable = "/bin/true";
    base_.implementation = "cpython";
    base_.version = "3.11.0";
    base_.major = 3, base_.minor = 11;
    base_.prefix = folder() / "base";
    base_.stdlib = base_.platstdlib = folder() / "base/lib/python3.11";
    base_.include = folder() / "base/include/python3.11";
    put("os.py", "a"), put("json/__init__.py", "b");
  }
  void put(const std::string& path, const std::string& text) {
    make_directories((base_.stdlib / path).parent_path());
    write_file_atomically(base_.stdlib / path, text);
  }
  std::set<std::string> paths() const {
    std::set<std::string> out;
    for (const SnapshotSource& source : snapshot_sources(base_)) out.insert(source.to);
    return out;
  }
  std::string fingerprint() const { return snapshot_fingerprint(base_, snapshot_sources(base_)); }
  Interpreter base_;
};

TEST_F(SnapshotSources, LeaveOutWhatIsNotTheInterpreters) {
  for (const char* out :
       {"site-packages/x.py", "dist-packages/x.py", "test/x.py", "json/tests/x.py", "idlelib/x.py",
        "__pycache__/os.cpython-311.pyc", "sitecustomize.py", "usercustomize.py", "EXTERNALLY-MANAGED",
        "config-3.11/libpython3.11.a", "config-3.11/python.o", "build-details.json", "old.pyc"})
    put(out, "x");
  write_file_atomically(folder() / "etc.py", "outside");
  fs::create_symlink(folder() / "etc.py", base_.stdlib / "linked.py");
  fs::create_symlink("os.py", base_.stdlib / "alias.py");
  fs::create_symlink("/nowhere", base_.stdlib / "dangling.py");
  fs::create_symlink(folder(), base_.stdlib / "folder");
  EXPECT_EQ(paths(), (std::set<std::string>{"bin/python", "bin/python3", "bin/python3.11",
                                            "lib/python3.11/os.py", "lib/python3.11/json/__init__.py",
                                            "lib/python3.11/alias.py", "lib/python3.11/linked.py"}));
}

TEST_F(SnapshotSources, EveryChangeGivesAnotherFingerprint) {
  std::set<std::string> seen = {fingerprint()};
  EXPECT_EQ(fingerprint(), *seen.begin());
  put("new.py", "x");
  EXPECT_TRUE(seen.insert(fingerprint()).second) << "a new file";
  put("os.py", "longer");
  EXPECT_TRUE(seen.insert(fingerprint()).second) << "another size";
  const fs::path file = base_.stdlib / "json/__init__.py";
  const auto time = fs::last_write_time(file);
  write_all(open_file(file, O_WRONLY).get(), "X", file);
  fs::last_write_time(file, time);
  EXPECT_TRUE(seen.insert(fingerprint()).second) << "edited in place, size and time put back";
  put("json/__init__.py", "X");
  fs::last_write_time(file, time);
  EXPECT_TRUE(seen.insert(fingerprint()).second) << "replaced by rename, size and time the same";
  fs::remove(base_.stdlib / "new.py");
  EXPECT_TRUE(seen.insert(fingerprint()).second) << "a file gone";
  put("site-packages/x.py", "x"), put("__pycache__/x.pyc", "x");
  EXPECT_FALSE(seen.insert(fingerprint()).second) << "packages and old bytecode do not count";
}

TEST_F(SnapshotSources, AStandardLibraryOutsideThePrefixIsRefused) {
  base_.prefix = folder() / "elsewhere";
  EXPECT_THROW(snapshot_sources(base_), Error);
}

}  // namespace
}  // namespace moat
