#include "envs/install/audit_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Version version(const std::string& text) { return Version::parse(text).value(); }

AuditedPackage package(const std::string& name, const std::string& of = "1.0") {
  AuditedPackage out{
      .name = PackageName::parse(name).value(), .version = {}, .index = {}, .from = {}, .licence = {}};
  out.version = version(of);
  return out;
}

AuditFinding finding(const AuditedPackage& about, const std::string& id,
                     const std::vector<std::string>& fixed) {
  Advisory advisory{.id = id};
  for (const std::string& one : fixed) advisory.fixed_in.push_back(version(one));
  return {.kind = "vulnerability",
          .package = about.name,
          .version = about.version->to_string(),
          .text = {},
          .advisory = advisory,
          .ignored = {}};
}

std::vector<std::string> kinds(const std::vector<AuditFinding>& findings) {
  std::vector<std::string> out;
  for (const AuditFinding& one : findings) out.push_back(one.package.normalized() + " " + one.kind);
  return out;
}

TEST(AuditFindings, WhatAPackageSaysOfItself) {
  AuditedPackage free = package("free"), closed = package("closed"), silent = package("silent"),
                 unknown = package("unknown");
  free.licence = "MIT";
  closed.licence = "Proprietary";
  silent.licence = "";
  silent.has_hash = false;
  std::vector<AuditFinding> findings;
  find_in_itself({free, closed, silent, unknown}, {{"MIT"}, {}}, findings);
  EXPECT_THAT(kinds(findings), ElementsAre("closed licence", "silent no_hash", "silent licence"));
  findings.clear();
  find_in_itself({free, closed}, {{}, {}}, findings);
  EXPECT_THAT(kinds(findings), IsEmpty());
}

TEST(AuditFindings, TheLowestVersionThatFixesAllOfThem) {
  const AuditedPackage lib = package("lib");
  std::vector<AuditFinding> findings{finding(lib, "A", {"0.9", "1.1", "2.0"}), finding(lib, "B", {"1.5"}),
                                     finding(package("lib", "2.0"), "C", {"3.0"})};
  EXPECT_EQ(first_sound(lib, findings), version("1.5"));
  findings.push_back(finding(lib, "D", {}));
  EXPECT_EQ(first_sound(lib, findings), std::nullopt);
  EXPECT_TRUE(apply_exception({.text = "D", .id = "D", .until = {}}, 100, findings));
  EXPECT_EQ(first_sound(lib, findings), version("1.5")) << "what is ignored needs no fix";
}

TEST(AuditFindings, AnExceptionIgnoresUntilItIsOver) {
  std::vector<AuditFinding> findings{finding(package("lib"), "A", {})};
  EXPECT_FALSE(apply_exception({.text = "Z", .id = "Z", .until = {}}, 100, findings));
  EXPECT_TRUE(apply_exception({.text = "A@then", .id = "A", .until = 100}, 100, findings));
  EXPECT_EQ(findings[0].ignored, "");
  EXPECT_TRUE(apply_exception({.text = "A@then", .id = "A", .until = 101}, 100, findings));
  EXPECT_EQ(findings[0].ignored, "A@then");
}

}  // namespace
}  // namespace moat
