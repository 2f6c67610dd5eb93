// An environment of the system's Python, and changes of it.
#pragma once

#include "envs/journal/change.h"
#include "envs/place/owned_files.h"
#include "envs/place/plan.h"
#include "envs/place/transaction.h"
#include "resolver/pep/record.h"
#include "tests/envs/plain_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace moat::test {

using testing::WheelBuilder;
using Tree = std::map<std::string, std::string>;

inline PackageName name_of(const std::string& text) { return *PackageName::parse(text); }

class TransactionTest : public ::testing::Test {
 protected:
  WantedPackage wanted(const std::string& name, const std::string& version, WheelBuilder builder,
                       bool requested = false) {
    return {name_of(name), *Version::parse(version), env.stored(builder), requested, std::nullopt};
  }
  // foo VERSION: a package with a command, data, and a file that only this version has.
  WantedPackage foo(const std::string& version, bool requested = false) {
    return wanted(
        "foo", version,
        WheelBuilder("foo", version)
            .file("foo/__init__.py", "version = '" + version + "'\ndef main(): print('foo', version)\n")
            .file("foo/sub/a.py", "a = '" + version + "'\n")
            .file("foo/only_" + version + ".py", "")
            .file("foo/data.bin", std::string("\0\1", 2) + version)
            .data("data/share/foo/x.txt", version)
            .data("headers/foo.h", "#define V " + version + "\n")
            .script("foo-old", "#!python\nimport foo\nprint('old', foo.version)\n")
            .console_script("foo", "foo:main"),
        requested);
  }
  WantedPackage simple(const std::string& name, const std::string& path, const std::string& text) {
    return wanted(name, "1", WheelBuilder(name, "1").file(path, text).file(name + "_own.py", ""));
  }

  // What --dry-run would refuse; "" where nothing.
  std::string foreseen(const TransactionRequest& request) {
    try {
      plan_dry_run(request, env.open(), env.store, env.workers);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  // Whatever a change is refused for was to be known before it.
  TransactionResult apply(const TransactionRequest& request) {
    const std::string refused = foreseen(request);
    Reporter silent;
    try {
      TransactionResult result =
          apply_transaction(request, env.open(), env.store, env.workers, silent, "test");
      EXPECT_EQ(refused, "");
      return result;
    } catch (const Error& error) {
      if (!refused.empty() || error.kind() == ErrorKind::Refused || error.kind() == ErrorKind::BadArchive) {
        EXPECT_EQ(refused, error.what());
      }
      throw;
    }
  }
  TransactionResult install(std::vector<WantedPackage> packages) {
    return apply({.install = std::move(packages), .reason = "moat install"});
  }
  TransactionResult remove(const std::string& name) {
    return apply({.remove = {name_of(name)}, .reason = "moat uninstall"});
  }

  template <class F>
  std::string refusal(F&& act) {
    const Tree before = contents(env.root, "nothing is left out");
    try {
      act();
    } catch (const Error& error) {
      Tree after = contents(env.root, "nothing is left out");
      // The lock and the empty stage are all that an attempt leaves.
      for (const char* own : {".moat/lock", ".moat/stage"}) after.erase(own);
      Tree expected = before;
      for (const char* own : {".moat/lock", ".moat/stage"}) expected.erase(own);
      EXPECT_EQ(after, expected);
      return std::string(to_string(error.kind())) + ": " + error.what();
    }
    return "was not refused";
  }

  std::string in_site(const std::string& path) const { return env.site + "/" + path; }
  InstalledDistributions installed() const { return InstalledDistributions::read(env.root / env.site); }

  // Every row of the RECORD of `name` says what lies there, and every file in .dist-info has a row.
  void expect_true_record(const std::string& name) const {
    const InstalledDistributions all = installed();
    const InstalledDistribution* const distribution = all.find(name_of(name));
    ASSERT_NE(distribution, nullptr);
    std::set<std::string> rows;
    const auto record = parse_record(read_file(distribution->info / "RECORD"));
    ASSERT_TRUE(record);
    for (const RecordEntry& row : *record) {
      const fs::path file = (env.root / env.site / row.path).lexically_normal();
      rows.insert(file);
      if (file.filename() == "RECORD") continue;
      EXPECT_EQ(row.hash, hash_file(file).base64()) << row.path;
      EXPECT_EQ(row.size, fs::file_size(file)) << row.path;
    }
    for (const auto& entry : fs::recursive_directory_iterator(distribution->info)) {
      if (entry.is_regular_file()) {
        EXPECT_THAT(rows, ::testing::Contains(entry.path().string()));
      }
    }
  }
  // The manifest says what lies there, and nothing in site-packages or bin is missing in it.
  void expect_true_manifest() const {
    std::set<std::string> listed;
    for (const ManifestEntry& entry : env.open().manifest().entries) {
      EXPECT_TRUE(listed.insert(entry.path).second) << entry.path;
      struct stat facts {};
      ASSERT_EQ(::lstat((env.root / entry.path).c_str(), &facts), 0) << entry.path;
      if (S_ISLNK(facts.st_mode)) continue;
      EXPECT_EQ(hash_file(env.root / entry.path).hex, entry.sha256) << entry.path;
      EXPECT_EQ(facts.st_mode & 07777U, entry.mode) << entry.path;
      EXPECT_EQ(static_cast<std::uint64_t>(facts.st_size), entry.size) << entry.path;
    }
    for (const BytecodeEntry& entry : env.open().placed().bytecode) {
      EXPECT_TRUE(listed.insert(entry.path).second) << entry.path;
      EXPECT_EQ(hash_file(env.root / entry.path).hex, entry.sha256) << entry.path;
      EXPECT_EQ(fs::file_size(env.root / entry.path), entry.size) << entry.path;
    }
    for (const auto& entry : fs::recursive_directory_iterator(env.root / env.site)) {
      if (entry.path().parent_path().filename() == "__pycache__") continue;  // Python writes its own there
      if (entry.is_regular_file()) {
        EXPECT_THAT(listed, ::testing::Contains(entry.path().lexically_relative(env.root).string()));
      }
    }
  }

  PlainEnvironment env;
};

}  // namespace moat::test
