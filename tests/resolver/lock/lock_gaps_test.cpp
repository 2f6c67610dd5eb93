// What is missing from a lock can be seen without an index.
#include "resolver/lock/lock_gaps.h"

#include "tests/support/scenario.h"

#include <gmock/gmock.h>

#include <string>
#include <string_view>

namespace moat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Pylock lock_of(std::string_view inputs, std::string_view packages) {
  std::string text = "lock-version = \"1.0\"\ncreated-by = \"moat\"\n";
  text += packages;
  text += "\n[tool.moat]\ntargets = [\"linux-x86_64\"]\npythons = [\"3.12\"]\n";
  text += inputs;
  Expected<Pylock> lock = parse_pylock(text, "pylock.toml");
  EXPECT_TRUE(lock) << (lock ? "" : lock.error().message) << "\n" << text;
  return std::move(*lock);
}

std::string package(std::string_view name, std::string_view version, std::string_view more = "") {
  return "\n[[packages]]\nname = \"" + std::string(name) + "\"\nversion = \"" + std::string(version) +
         "\"\n" + std::string(more) + "wheels = [{ name = \"" + std::string(name) + "-" +
         std::string(version) + "-py3-none-any.whl\", url = \"https://x.example/" + std::string(name) + "-" +
         std::string(version) + "-py3-none-any.whl\", hashes = { sha256 = \"" + std::string(64, 'a') +
         "\" } }]\n";
}

std::vector<std::string> unmet(const Pylock& lock, const WorldChoice& choice = {}) {
  return unmet_lines(lock, linux_target("3.12.1").environment, choice);
}

TEST(LockGaps, EachLineHasAnEntryThatMeetsIt) {
  const std::string inputs = "requirements = [\"a<2\", \"b; python_version < '3'\", \"-e ./folder\"]\n";
  EXPECT_THAT(unmet(lock_of(inputs, package("a", "1.0"))), IsEmpty());
  EXPECT_THAT(unmet(lock_of(inputs, package("a", "2.0"))), ElementsAre("`a<2`: the lock has a 2.0"));
  EXPECT_THAT(unmet(lock_of(inputs, package("c", "1.0"))), ElementsAre("`a<2`: the lock has no a"));
  EXPECT_THAT(unmet(lock_of(inputs, package("a", "1.0", "marker = \"sys_platform == 'win32'\"\n"))),
              ElementsAre("`a<2`: the lock has no a"));
}

TEST(LockGaps, LinesOfExtrasCountWhereTheyAreAskedFor) {
  const Pylock lock =
      lock_of("requirements = []\n[tool.moat.extra-requirements]\nweb = [\"a\"]\n", package("b", "1.0"));
  EXPECT_THAT(unmet(lock), IsEmpty());
  EXPECT_THAT(unmet(lock, {.extras = {ExtraName::parse("web").value()}, .groups = {}}),
              ElementsAre("`a`: the lock has no a"));
}

TEST(LockGaps, WhatAnEntryNeedsHasOne) {
  const std::string needs = "dependencies = [{ name = \"b\", version = \"1.0\" }]\n";
  const std::string inputs = "requirements = [\"a\"]\n";
  EXPECT_THAT(dangling_dependencies(lock_of(inputs, package("a", "1.0", needs) + package("b", "1.0"))),
              IsEmpty());
  EXPECT_THAT(dangling_dependencies(lock_of(inputs, package("a", "1.0", needs))),
              ElementsAre("a 1.0 requires b, which is not in the lock"));
}

}  // namespace
}  // namespace moat::testing
