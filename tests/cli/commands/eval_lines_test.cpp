#include "cli/commands/eval_lines.h"

#include <gtest/gtest.h>

#include <sstream>

namespace moat {
namespace {

struct Case {
  const char* in;
  const char* out;
};
void expect_answers(EvalSubject subject, std::initializer_list<Case> cases) {
  for (const Case& one : cases) EXPECT_EQ(evaluate_line(subject, one.in), one.out) << one.in;
}

TEST(Eval, Versions) {
  expect_answers(
      EvalSubject::Version,
      {{R"({"version": "1.0-1"})",
        R"({"normalized":"1.0.post1","epoch":0,"release":[1,0],"pre":null,"post":1,"dev":null,"local":null,"is_prerelease":false})"},
       {R"({"version": "1!2RC3.dev4+Local-5"})",
        R"({"normalized":"1!2rc3.dev4+local.5","epoch":1,"release":[2],"pre":["rc",3],"post":null,"dev":4,"local":"local.5","is_prerelease":true})"},
       {R"({"version": "99999999999999999999"})",
        R"({"normalized":"99999999999999999999","epoch":0,"release":["99999999999999999999"],"pre":null,"post":null,"dev":null,"local":null,"is_prerelease":false})"},
       {R"({"compare": ["1.0", "1.0.0"]})", R"({"result":0})"},
       {R"({"compare": ["1.0a1", "1.0"]})", R"({"result":-1})"},
       {R"({"sort": ["2", "1.0rc1", "1.0"]})", R"({"sorted":["1.0rc1","1.0","2"]})"}});
}

TEST(Eval, DetailsOfAVersion) {
  const std::string out =
      evaluate_line(EvalSubject::Version, R"({"version": "1!1.0.post2+x", "details": true})");
  EXPECT_NE(
      out.find(
          R"("is_postrelease":true,"is_devrelease":false,"base_version":"1!1.0","public":"1!1.0.post2")"),
      std::string::npos)
      << out;
  EXPECT_EQ(evaluate_line(EvalSubject::Version, R"({"version": "1", "details": "yes"})"),
            R"({"error":"`details` must be true or false"})");
}

TEST(Eval, ArbitraryEqualityMeetsWhatIsNoVersion) {
  expect_answers(
      EvalSubject::Specifier,
      {{R"({"specifier": "===Foo", "versions": ["fOO", "1"]})",
        R"({"normalized":"===Foo","contains":[true,false],"filter":["fOO"]})"},
       {R"({"specifier": "", "versions": ["foo"]})", R"({"normalized":"","contains":[false],"filter":[]})"}});
}

TEST(Eval, SpecifiersIntersect) {
  expect_answers(
      EvalSubject::Specifier,
      {{R"({"intersect": [">=1", "<2,>=1.0", ""]})", R"({"normalized":"<2,>=1"})"},
       {R"({"intersect": [">=1", "1"]})",
        R"({"error":"a clause begins with one of `~=`, `==`, `!=`, `<=`, `>=`, `<`, `>`, `===`","offset":0})"}});
}

TEST(Eval, ACompressedTagStandsForSeveral) {
  expect_answers(EvalSubject::Tags,
                 {{R"({"tag": "py2.py3-none-any"})", R"({"tags":["py2-none-any","py3-none-any"]})"}});
}

TEST(Eval, WheelsForATarget) {
  const std::string out = evaluate_line(
      EvalSubject::Tags,
      R"({"python": "3.12", "platforms": ["linux_x86_64"], "wheels": ["a-1-py3-none-any.whl", "a-1-cp312-abi3-linux_x86_64.whl", "a-1-2-cp312-abi3-linux_x86_64.whl", "a-1-py3-none-win32.whl", "what"]})");
  EXPECT_TRUE(out.ends_with(
      R"("supported":[true,true,true,false,false],"best":"a-1-2-cp312-abi3-linux_x86_64.whl"})"))
      << out;
}

TEST(Eval, Specifiers) {
  expect_answers(EvalSubject::Specifier,
                 {{R"({"specifier": ">=1", "versions": ["0.9", "1.0", "2a1"], "prereleases": null})",
                   R"({"normalized":">=1","contains":[false,true,true],"filter":["1.0"]})"},
                  {R"({"specifier": ">=1", "versions": ["2a1"], "prereleases": null})",
                   R"({"normalized":">=1","contains":[true],"filter":["2a1"]})"},
                  {R"({"specifier": ">=1", "versions": ["1.0", "2a1"], "prereleases": true})",
                   R"({"normalized":">=1","contains":[true,true],"filter":["1.0","2a1"]})"},
                  {R"({"specifier": ">=1", "versions": ["2a1", "x"], "prereleases": false})",
                   R"({"normalized":">=1","contains":[false,false],"filter":[]})"},
                  {R"({"specifier": ""})", R"({"normalized":""})"}});
}

TEST(Eval, MarkersRequirementsAndNames) {
  expect_answers(EvalSubject::Marker,
                 {{R"({"marker": "python_version<'3.10'"})", R"({"normalized":"python_version < \"3.10\""})"},
                  {R"({"marker": "extra == 'A_b'", "environment": {}, "extras": ["a-b"]})",
                   R"({"normalized":"extra == \"a-b\"","result":true})"},
                  {R"({"marker": "'x' in dependency_groups", "environment": {}, "dependency_groups": ["X"]})",
                   R"({"normalized":"\"x\" in dependency_groups","result":true})"}});
  expect_answers(
      EvalSubject::Requirement,
      {{R"({"requirement": "A[x]>=1; os_name=='nt'"})",
        R"({"name":"A","extras":["x"],"specifier":">=1","url":null,"marker":"os_name == \"nt\""})"}});
  expect_answers(EvalSubject::Name,
                 {{R"({"name": "Foo.Bar"})", R"({"normalized":"foo-bar","is_normalized":false})"}});
}

TEST(Eval, FileNamesAndTags) {
  expect_answers(
      EvalSubject::Wheel,
      {{R"({"filename": "foo_bar-1.0-1x-py2.py3-none-any.whl"})",
        R"({"name":"foo-bar","version":"1.0","build":[1,"x"],"tags":["py2-none-any","py3-none-any"]})"}});
  expect_answers(EvalSubject::Sdist,
                 {{R"({"filename": "foo_bar-1.0.tar.gz"})", R"({"name":"foo-bar","version":"1.0"})"}});
  const std::string tags = evaluate_line(
      EvalSubject::Tags, R"({"python": "3.12", "platform": "manylinux_2_36_x86_64", "flags": ""})");
  EXPECT_EQ(tags.find(R"({"tags":["cp312-cp312-)"), 0U) << tags;
  EXPECT_EQ(evaluate_line(EvalSubject::Tags, R"({"python": "3.13", "platform": "win_amd64", "flags": "t"})")
                .find(R"({"tags":["cp313-cp313t-win_amd64")"),
            0U);
}

TEST(Eval, MetadataAndLocks) {
  const std::string metadata =
      evaluate_line(EvalSubject::Metadata,
                    R"({"text": "Metadata-Version: 2.1\nName: A\nVersion: 1\nRequires-Dist: b>=1\n"})");
  EXPECT_NE(metadata.find(R"("requires_dist":["b>=1"])"), std::string::npos) << metadata;
  expect_answers(
      EvalSubject::Lock,
      {{R"({"text": "lock-version = \"1.0\"\ncreated-by = \"x\"\npackages = []", "name": "pylock.toml"})",
        R"({"valid":true,"problems":[]})"},
       {R"({"text": "created-by = \"x\"", "name": "pylock.toml"})",
        R"({"valid":false,"problems":["`lock-version` is missing"]})"}});
}

TEST(Eval, WhatIsNotValidDoesNotStopTheBatch) {
  std::istringstream in(
      "nonsense\n[]\n{}\n{\"version\": 3}\n\n{\"version\": \"1.x\"}\r\n{\"compare\": [\"1\", \"2\"]}\n");
  std::ostringstream out;
  evaluate_lines(EvalSubject::Version, in, out);
  std::istringstream answers(out.str());
  std::vector<std::string> lines;
  for (std::string line; std::getline(answers, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 6U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(lines[i].find(R"({"error":")"), 0U) << lines[i];
  EXPECT_EQ(lines[5], R"({"result":-1})");
}

}  // namespace
}  // namespace moat
