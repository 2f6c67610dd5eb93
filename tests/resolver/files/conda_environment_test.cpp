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
        Spec{"numpy == 1.26.4", "numpy", "==1.26.4", "1.26.4"}, Spec{"numpy = 1.26", "numpy", "==1.26.*", ""},
        Spec{"pytorch=*=*cuda*", "pytorch", "", ""}, Spec{"pillow=*", "pillow", "", ""},
        Spec{"numpy[build=py_0]", "numpy", "", ""}, Spec{"ruamel.yaml=0.18", "ruamel.yaml", "==0.18.*", ""}));

TEST(CondaSpec, WithoutACounterpartAreRefused) {
  for (const char* text :
       {"numpy>=1.8|1.6", "numpy=1.26|2", "", ">=1", "numpy=", "numpy[]version=", "numpy>=", "numpy=1.2,>=1",
        "numpy ???", "numpy[version='", "numpy=a version", "numpy[version='>=1"})
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
  ASSERT_EQ(read->pip.size(), 2U);
  EXPECT_EQ(read->pip[1].text, "-e .");
  EXPECT_EQ(read->pip[1].line, 14U);
  EXPECT_THAT(read->project.left_out,
              ElementsAre(HasSubstr("libblas=3.9.0"), HasSubstr("_openmp_mutex"),
                          AllOf(HasSubstr("tk"), HasSubstr("not a Python package")),
                          AllOf(HasSubstr("KEY"), testing::Not(HasSubstr("secret")))));
  ASSERT_EQ(read->versions.size(), 1U);
  EXPECT_EQ(read->versions.begin()->second.front().to_string(), "1.26.4");
}

// A build string tells whether a Python is in it, whatever the name is.
TEST(CondaEnvironment, OfAnExportTakesWhatWasBuiltForAPython) {
  const auto read = read_conda_environment(
      "name: My Lab (2024)\n"
      "dependencies:\n"
      "  - python=3.11.2=h955ad1f_0\n"
      "  - python_abi=3.11=4_cp311\n"
      "  - libpysal=4.9=pyhd8ed1ab_0\n"
      "  - jq=1.7=hd590300_0\n"
      "  - somelib=2.0=h1234_0\n"
      "  - pytorch-cuda=12.1\n"
      "  - torchtriton=2.1.0=py311\n"
      "  - pandas=2.1.4=py311h_0\n"
      "  - pandas>=2\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->project.name, "");
  EXPECT_EQ(read->project.requires_python, "==3.11.*");
  EXPECT_THAT(texts(read->project), ElementsAre("libpysal==4.9", "triton==2.1.0", "pandas==2.1.4,>=2"));
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
  EXPECT_THAT(error("dependencies: numpy\n"), HasSubstr("line 1: `dependencies` must be a list"));
  EXPECT_THAT(error("dependencies:\n  - pip: flask\n"), HasSubstr("line 2: `pip:` must be a list"));
  EXPECT_THAT(error("dependencies:\n  - [numpy]\n"), HasSubstr("line 2: expected a package"));
  EXPECT_THAT(error(""), HasSubstr("no `dependencies`"));
  EXPECT_THAT(error("services:\n  web: {}\n"), HasSubstr("no `dependencies`"));
  EXPECT_THAT(error(std::string(5000, '[')), HasSubstr("line "));
}

}  // namespace
}  // namespace moat
