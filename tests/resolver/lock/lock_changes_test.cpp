#include "resolver/lock/lock_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LockedPackage locked(const std::string& name, const std::string& version, char hash = 'a') {
  LockedPackage out{.name = PackageName::parse(name).value(), .version = Version::parse(version).value()};
  out.wheels.push_back({.name = name + "-" + version + "-py3-none-any.whl",
                        .hashes = {Digest::parse("sha256", std::string(64, hash)).value()}});
  return out;
}

Pylock lock(std::vector<LockedPackage> packages) {
  Pylock out;
  out.packages = std::move(packages);
  return out;
}

TEST(LockChanges, AreToldByPackage) {
  const Pylock was =
      lock({locked("a", "1.0"), locked("b", "1.0"), locked("c", "1.0"), locked("same", "1.0")});
  const Pylock now = lock({locked("a", "2.0"), locked("b", "1.0"), locked("b", "2.0"), locked("d", "1.0"),
                           locked("same", "1.0")});
  EXPECT_THAT(lock_changes(was, now),
              ElementsAre("~ a 1.0 → 2.0", "~ b 1.0 → 1.0, 2.0", "- c 1.0", "+ d 1.0"));
  EXPECT_THAT(lock_changes(now, now), IsEmpty());
  EXPECT_THAT(gone_packages(was, now), ElementsAre(PackageName::parse("c").value()));
}

TEST(LockChanges, OtherBytesOfAFileAreOne) {
  const Pylock was = lock({locked("a", "1.0"), locked("b", "1.0")});
  const Pylock now = lock({locked("a", "1.0", 'b'), locked("b", "1.0")});
  EXPECT_THAT(lock_changes(was, now), ElementsAre("~ a-1.0-py3-none-any.whl: hash changed"));
  const std::optional<ChangedHash> changed = changed_hash(was, now);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->file, "a-1.0-py3-none-any.whl");
  EXPECT_EQ(changed->is.hex, std::string(64, 'b'));
  EXPECT_FALSE(changed_hash(was, was));
}

TEST(LockChanges, AHashOfAnotherAlgorithmSaysNothing) {
  Pylock now = lock({locked("a", "1.0")});
  now.packages[0].wheels[0].hashes = {Digest::parse("sha512", std::string(128, 'b')).value()};
  EXPECT_FALSE(changed_hash(lock({locked("a", "1.0")}), now));
}

}  // namespace
}  // namespace moat
