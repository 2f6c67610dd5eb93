#include "envs/install/installed_graph.h"

#include "fetch/os/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PackageName name(const std::string& text) { return *PackageName::parse(text); }

// A site directory with distributions made of their metadata.
struct InstalledGraphTest : ::testing::Test {
  TempDir site{fs::temp_directory_path(), "site"};

  void install(const std::string& package, const std::string& version,
               const std::vector<std::string>& requires_dist, bool requested = false,
               const std::vector<std::string>& extras = {}) {
    const fs::path info = site.path() / (package + "-" + version + ".dist-info");
    fs::create_directories(info);
    std::string text = "Metadata-Version: 2.1\nName: " + package + "\nVersion: " + version + "\n";
    for (const std::string& extra : extras) text += "Provides-Extra: " + extra + "\n";
    for (const std::string& line : requires_dist) text += "Requires-Dist: " + line + "\n";
    write_file_atomically(info / "METADATA", text);
    write_file_atomically(info / "RECORD", "");
    if (requested) write_file_atomically(info / "REQUESTED", "");
  }
  InstalledGraph graph() const {
    MarkerEnvironment markers;
    markers.python_version = "3.11";
    markers.python_full_version = "3.11.7";
    markers.sys_platform = "linux";
    return {InstalledDistributions::read(site.path()), markers};
  }
  static bool satisfies(const InstalledGraph& graph, const std::vector<std::string>& lines,
                        const std::vector<std::string>& constraints = {}) {
    const auto roots = [](const std::vector<std::string>& texts) {
      std::vector<RootRequirement> out;
      for (const std::string& text : texts) out.push_back({*Requirement::parse(text), {}, {}});
      return out;
    };
    return graph.satisfies(roots(lines), roots(constraints));
  }
  static std::vector<std::string> dependents(const InstalledGraph& graph, const std::string& of) {
    std::vector<std::string> out;
    for (const InstalledNode* node : graph.dependents_of(name(of)))
      out.push_back(node->distribution.name.normalized());
    return out;
  }
};

TEST_F(InstalledGraphTest, WhatIsThereWithAllItNeedsSatisfies) {
  install("a", "1.0", {"b>=1", "absent; sys_platform == 'win32'"});
  install("b", "1.5", {"a"});  // a circle
  const InstalledGraph g = graph();
  EXPECT_TRUE(satisfies(g, {"a", "b<2"}));
  EXPECT_FALSE(satisfies(g, {"a>=2"}));
  EXPECT_FALSE(satisfies(g, {"c"}));
  EXPECT_TRUE(satisfies(g, {"c; python_version < '3'"}));
  EXPECT_FALSE(satisfies(g, {"a"}, {"b<1.5"}));
  EXPECT_TRUE(satisfies(g, {"a"}, {"c<1"}));
}

TEST_F(InstalledGraphTest, AMissingOrOldDependencyDoesNotSatisfy) {
  install("a", "1.0", {"b>=2"});
  EXPECT_FALSE(satisfies(graph(), {"a"}));
  install("b", "1.0", {});
  EXPECT_FALSE(satisfies(graph(), {"a"}));
}

TEST_F(InstalledGraphTest, ExtrasCountWhereTheyAreAskedFor) {
  install("a", "1.0", {"b; extra == 'x'"}, true, {"x"});
  EXPECT_TRUE(satisfies(graph(), {"a"}));
  EXPECT_FALSE(satisfies(graph(), {"a[x]"}));
  install("b", "1.0", {});
  EXPECT_TRUE(satisfies(graph(), {"a[x]"}));
}

TEST_F(InstalledGraphTest, AnExtraIsInferredWhereItExplainsAPackage) {
  install("a", "1.0", {"b; extra == 'x'", "c; extra == 'y'"}, true, {"x", "y"});
  install("b", "1.0", {});
  install("c", "1.0", {}, true);  // asked for by name: needs no explanation
  const InstalledGraph g = graph();
  EXPECT_THAT(dependents(g, "b"), ElementsAre("a"));
  EXPECT_THAT(dependents(g, "c"), IsEmpty());
}

TEST_F(InstalledGraphTest, ExtrasThatOthersRequireAreInEffect) {
  install("top", "1.0", {"a[x]"}, true);
  install("a", "1.0", {"b; extra == 'x'"}, false, {"x"});
  install("b", "1.0", {}, true);
  EXPECT_THAT(dependents(graph(), "b"), ElementsAre("a"));
}

TEST_F(InstalledGraphTest, TheClosureFollowsWhatIsInstalled) {
  install("a", "1.0", {"b", "missing"});
  install("b", "1.0", {"c; extra == 'x'"}, false, {"x"});
  install("c", "1.0", {}, true);
  const InstalledGraph g = graph();
  EXPECT_THAT(g.closure({name("a")}, InstalledGraph::Extras::InEffect), ElementsAre(name("a"), name("b")));
  EXPECT_THAT(g.closure({name("a")}, InstalledGraph::Extras::All),
              ElementsAre(name("a"), name("b"), name("c")));
}

}  // namespace
}  // namespace moat
