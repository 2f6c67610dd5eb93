#include "resolver/files/conda_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Spec {
  const char *text, *name, *specifier, *exact;
};

class CondaSpecs : public ::testing::TestWithParam<Spec> {};

// By conda's documentation of match specifications.
TEST_P(CondaSpecs, AreRead) {
  const auto spec = parse_conda_spec(GetParam().text);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->name, GetParam().name);
  EXPECT_EQ(spec->specifier, GetParam().specifier);
  EXPECT_EQ(spec->exact, GetParam().exact);
}

INSTANTIATE_TEST_SUITE_P(
    All, CondaSpecs,
    ::testing::Values(
        Spec{"numpy", "numpy", "", ""}, Spec{"NumPy", "numpy", "", ""},
        Spec{"numpy=1.26", "numpy", "==1.26.*", ""}, Spec{"numpy=1.26.*", "numpy", "==1.26.*", ""},
        Spec{"numpy=1.26*", "numpy", "==1.26.*", ""}, Spec{"numpy=1.26.4", "numpy", "==1.26.4.*", "1.26.4"},
        Spec{"numpy==1.26.4", "numpy", "==1.26.4", "1.26.4"},
        Spec{"numpy=1.26.4=py311h64a7726_0", "numpy", "==1.26.4", "1.26.4"},
        Spec{"numpy 1.26.4 py311h64a7726_0", "numpy", "==1.26.4", "1.26.4"},
        Spec{"numpy 1.26.*", "numpy", "==1.26.*", ""}, Spec{"numpy 1.26", "numpy", "==1.26", "1.26"},
        Spec{"numpy >=1.20,<2", "numpy", ">=1.20,<2", ""},
        Spec{"numpy>=1.20, <2.*", "numpy", ">=1.20,<2", ""}, Spec{"numpy!=1.3.*", "numpy", "!=1.3.*", ""},
        Spec{"numpy~=1.2", "numpy", "~=1.2", ""}, Spec{"numpy *", "numpy", "", ""},
        Spec{"conda-forge::numpy=1.26", "numpy", "==1.26.*", ""},
        Spec{"conda-forge/linux-64::numpy", "numpy", "", ""},
        Spec{"numpy[version='>=1.2,<2']", "numpy", ">=1.2,<2", ""},
        Spec{"numpy[version=1.2.3,build=py_0]", "numpy", "==1.2.3", "1.2.3"},
        Spec{"ruamel.yaml=0.18", "ruamel.yaml", "==0.18.*", ""}));

TEST(CondaSpec, WithoutACounterpartAreRefused) {
  for (const char* text : {"numpy>=1.8|1.6", "numpy=1.26|2", "", ">=1", "numpy[build=py_0]", "numpy=",
                           "numpy>=", "numpy=1.2,>=1", "numpy ???", "numpy[version='", "numpy=not a version"})
    EXPECT_FALSE(parse_conda_spec(text)) << text;
}

std::vector<std::string> texts(const ForeignProject& project) {
  std::vector<std::string> out;
  for (const ForeignRequirement& one : project.requirements) out.push_back(one.text);
  return out;
}

TEST(CondaEnvironment, IsReadUnderTheNamesOfTheIndex) {
  const auto read = read_conda_environment(
      "name: lab\n"
      "channels: [conda-forge, defaults]\n"
      "dependencies:\n"
      "  - python=3.11\n"
      "  - numpy=1.26.4=py311_0   # pinned\n"
      "  - pytorch>=2\n"
      "  - libblas=3.9.0=20_linux64\n"
      "  - _openmp_mutex\n"
      "  - tk\n"
      "  - librosa\n"
      "  - pip\n"
      "  - pip:\n"
      "      - requests==2.31.0\n"
      "      - -e .\n"
      "prefix: /home/somebody/conda/envs/lab\n"
      "variables:\n"
      "  KEY: secret\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->project.name, "lab");
  EXPECT_EQ(read->project.requires_python, "==3.11.*");
  EXPECT_THAT(texts(read->project), ElementsAre("numpy==1.26.4", "torch>=2", "librosa"));
  EXPECT_THAT(read->pip, ElementsAre("requests==2.31.0", "-e ."));
  EXPECT_THAT(read->project.left_out,
              ElementsAre(HasSubstr("libblas=3.9.0"), HasSubstr("_openmp_mutex"),
                          AllOf(HasSubstr("tk"), HasSubstr("not a Python package")),
                          AllOf(HasSubstr("KEY"), testing::Not(HasSubstr("secret")))));
  ASSERT_EQ(read->versions.size(), 1U);
  EXPECT_EQ(read->versions.begin()->second.front().to_string(), "1.26.4");
}

TEST(CondaEnvironment, OfOneLineAndWithoutAName) {
  const auto read = read_conda_environment("{dependencies: [flask, 'pandas >=2']}");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(texts(read->project), ElementsAre("flask", "pandas>=2"));
  EXPECT_THAT(read->project.left_out, IsEmpty());
}

TEST(CondaEnvironment, WhatIsNoneIsRefusedWithItsLine) {
  const auto error = [](std::string_view text) {
    const auto read = read_conda_environment(text);
    return read ? std::string("none") : read.error().message;
  };
  EXPECT_THAT(error("dependencies:\n  - a\n - b: [\n"), HasSubstr("line "));
  EXPECT_THAT(error("dependencies:\n  - cargo:\n      - a\n"), HasSubstr("line 2: unknown list `cargo`"));
  EXPECT_THAT(error(""), HasSubstr("no `dependencies`"));
  EXPECT_THAT(error("services:\n  web: {}\n"), HasSubstr("no `dependencies`"));
  EXPECT_THAT(error(std::string(5000, '[')), HasSubstr("line "));
}

}  // namespace
}  // namespace moat
