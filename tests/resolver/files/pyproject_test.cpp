#include "resolver/files/pyproject.h"

#include "resolver/files/dynamic_project.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

PyProject pyproject(std::string_view text) { return PyProject::parse(text).value(); }

CoreMetadata metadata(const std::string& lines) {
  return CoreMetadata::parse("Metadata-Version: 2.1\nName: demo\nVersion: 1\n" + lines).value();
}

std::vector<std::string> texts(const std::vector<ProjectLine>& lines) {
  std::vector<std::string> out;
  for (const ProjectLine& line : lines) out.push_back(line.text);
  return out;
}

TEST(DynamicProject, TakesOnlyWhatIsDynamic) {
  const CoreMetadata said = metadata(
      "Requires-Python: >=3.9\nRequires-Dist: a\nRequires-Dist: b; sys_platform == 'win32'\n"
      "Provides-Extra: x\nRequires-Dist: c>=1; extra == 'x' and sys_platform == 'linux'\n"
      "Requires-Dist: d; extra == 'x' and sys_platform == 'win32'\n");
  const MarkerEnvironment linux{.sys_platform = "linux"};
  ProjectTable table = *pyproject(
                            "[project]\nname = 'demo'\nversion = '1'\nrequires-python = '>=3.8'\n"
                            "dependencies = ['z']\ndynamic = ['optional-dependencies']\n")
                            .project()
                            .value();
  take_dynamic(table, said, linux);
  EXPECT_EQ(texts(table.dependencies), std::vector<std::string>{"z"});
  EXPECT_EQ(table.requires_python->to_string(), ">=3.8");
  EXPECT_EQ(texts(table.optional_dependencies.at(ExtraName::parse("x").value())),
            std::vector<std::string>{"c>=1"});

  table.dynamic = {"dependencies", "requires-python"};
  take_dynamic(table, said, linux);
  EXPECT_EQ(texts(table.dependencies), (std::vector<std::string>{"a", "b; sys_platform == \"win32\""}));
  EXPECT_EQ(table.requires_python->to_string(), ">=3.9");
}

TEST(DynamicProject, WithoutATableAllIsTheBackends) {
  const ProjectTable table =
      project_table_of(metadata("Requires-Dist: a\nProvides-Extra: x\n"), MarkerEnvironment{});
  EXPECT_EQ(table.name.display(), "demo");
  EXPECT_EQ(texts(table.dependencies), std::vector<std::string>{"a"});
  EXPECT_TRUE(table.optional_dependencies.at(ExtraName::parse("x").value()).empty());
  EXPECT_FALSE(table.requires_python);
}

TEST(PyProject, WithoutBuildSystemSetuptoolsBuilds) {
  for (const char* text : {"", "[project]\nname = 'a'\n", "[tool.x]\n"}) {
    const BuildSystem system = pyproject(text).build_system().value();
    EXPECT_EQ(system.backend, "setuptools.build_meta:__legacy__");
    EXPECT_EQ(system.requirements, std::vector<std::string>{"setuptools>=40.8.0"});
  }
  EXPECT_EQ(pyproject("[build-system]\nrequires = ['x']\n").build_system()->backend,
            "setuptools.build_meta:__legacy__");
}

TEST(PyProject, ReadsABackendOfTheTreeItself) {
  const BuildSystem system =
      pyproject("[build-system]\nrequires = []\nbuild-backend = 'b:c.d'\nbackend-path = ['.', 'tools/in']\n")
          .build_system()
          .value();
  EXPECT_EQ(system.backend, "b:c.d");
  EXPECT_EQ(system.backend_path, (std::vector<std::string>{".", "tools/in"}));
}

TEST(PyProject, RefusesBuildSystemsThatCannotBeMeant) {
  for (const char* text :
       {"build-system = 3\n", "[build-system]\nbuild-backend = 'b'\n", "[build-system]\nrequires = 'x'\n",
        "[build-system]\nrequires = [1]\n", "[build-system]\nrequires = []\nbuild-backend = 3\n",
        "[build-system]\nrequires = []\nbuild-backend = 'b'\nbackend-path = ['../x']\n",
        "[build-system]\nrequires = []\nbuild-backend = 'b'\nbackend-path = ['/x']\n",
        "[build-system]\nrequires = []\nbuild-backend = 'b'\nbackend-path = ['a/../../x']\n"}) {
    const auto system = pyproject(text).build_system();
    ASSERT_FALSE(system) << text;
    EXPECT_NE(system.error().message.find("(line "), std::string::npos) << system.error().message;
  }
}

TEST(PyProject, ReadsWhatIsStaticAndWhatIsNot) {
  const ProjectTable table =
      *pyproject(
           "[project]\nname = 'Foo.Bar'\nversion = '1.0'\nrequires-python = '>=3.8'\n"
           "dependencies = ['a>=1',\n 'b']\n[project.optional-dependencies]\nX_y = ['c']\n")
           .project()
           .value();
  EXPECT_EQ(table.name.display(), "Foo.Bar");
  EXPECT_EQ(table.version->to_string(), "1.0");
  ASSERT_EQ(table.dependencies.size(), 2U);
  EXPECT_EQ(table.dependencies[1].text, "b");
  EXPECT_EQ(table.dependencies[1].line, 6U);
  EXPECT_EQ(table.optional_dependencies.begin()->first, ExtraName::parse("x-y").value());
  EXPECT_TRUE(table.dependencies_are_static());

  for (const char* key : {"dependencies", "optional-dependencies", "requires-python"})
    EXPECT_FALSE(pyproject(std::string("[project]\nname = 'a'\ndynamic = ['version', '") + key + "']\n")
                     .project()
                     .value()
                     ->dependencies_are_static())
        << key;
  EXPECT_FALSE(pyproject("[tool.poetry]\nname = 'a'\n").project().value());
}

TEST(PyProject, OneBadTableSpoilsNoOther) {
  const PyProject file = pyproject("[project]\nname = 'a b'\n[build-system]\nrequires = ['x']\n");
  EXPECT_FALSE(file.project());
  EXPECT_TRUE(file.build_system());
}

}  // namespace
}  // namespace moat
