#include "resolver/requirements_txt.h"

#include "resolver/requirement_line.h"

#include <gtest/gtest.h>

#include <map>

namespace moat {
namespace {

using namespace std::string_literals;

const std::string kHash = std::string(64, 'a');

// Files by name; reads requirements.txt among them.
struct Folder {
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> variables;

  RequirementsFile read(const std::string& path = "requirements.txt") const {
    return read_requirements(path, false,
                             {.read =
                                  [this](const std::string& name) {
                                    const auto found = files.find(name);
                                    if (found == files.end())
                                      throw Error(ErrorKind::BadInput, "no file " + name);
                                    return found->second;
                                  },
                              .variable = [this](const std::string& name) -> std::optional<std::string> {
                                const auto found = variables.find(name);
                                if (found == variables.end()) return std::nullopt;
                                return found->second;
                              },
                              .exists = [this](const std::string& name) { return files.count(name) != 0; }});
  }
  std::string failure() const {
    try {
      read();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

std::vector<std::string> texts(const RequirementsFile& file) {
  std::vector<std::string> out;
  for (const RequirementsEntry& entry : file.entries) out.push_back(entry.text);
  return out;
}
using Texts = std::vector<std::string>;

TEST(RequirementsTxt, CommentsNeedASpaceBeforeThem) {
  const Folder folder{
      {{"requirements.txt", "# all\nfoo>=1 # why\nbar @ https://h/b.whl#sha256=00\n  # more\n\nbaz#1\n"}},
      {}};
  const RequirementsFile file = folder.read();
  EXPECT_EQ(texts(file), (Texts{"foo>=1", "bar @ https://h/b.whl#sha256=00", "baz#1"}));
  EXPECT_EQ(file.entries[0].where, "requirements.txt:2");
  EXPECT_EQ(file.entries[2].where, "requirements.txt:6");
}

TEST(RequirementsTxt, BackslashesJoinLinesWithoutASpace) {
  const Folder folder{{{"requirements.txt", "foo>=\\\n1 \\\n  --hash=sha256:" + kHash +
                                                " \\\n  --hash sha384:" + std::string(96, 'b') +
                                                "\nbar\\\n# comment ends it\nbaz\n"}},
                      {}};
  const RequirementsFile file = folder.read();
  EXPECT_EQ(texts(file), (Texts{"foo>=1", "bar", "baz"}));
  ASSERT_EQ(file.entries[0].hashes.size(), 2U);
  EXPECT_EQ(file.entries[0].hashes[0].hex, kHash);
  EXPECT_EQ(file.entries[0].where, "requirements.txt:1");
}

TEST(RequirementsTxt, VariablesExpandAfterComments) {
  const Folder folder{{{"requirements.txt", "${NAME}==${VERSION}\n${EMPTY}a\n${lower}\n${UNSET}\n"}},
                      {{"NAME", "foo"}, {"VERSION", "1 #2"}, {"EMPTY", ""}, {"lower", "x"}}};
  EXPECT_EQ(texts(folder.read()), (Texts{"foo==1 #2", "${EMPTY}a", "${lower}", "${UNSET}"}));
}

TEST(RequirementsTxt, OptionsInEverySpelling) {
  const Folder folder{
      {{"requirements.txt",
        "-i https://a/simple\n--index-url=https://b/simple\n--extra-index https://c/simple\n-fwheels\n"
        "--pre --prefer-binary\n--no-binary :all:\n--only-binary foo,bar\n--trusted-host h:80\n"}},
      {}};
  const RequirementsOptions options = folder.read().options;
  EXPECT_EQ(options.index_url, "https://b/simple");
  EXPECT_EQ(options.extra_index_urls, Texts{"https://c/simple"});
  EXPECT_EQ(options.find_links, Texts{"wheels"});
  EXPECT_TRUE(options.pre && options.prefer_binary);
  EXPECT_EQ(options.binary, (std::vector<std::pair<std::string, std::string>>{{"no-binary", ":all:"},
                                                                              {"only-binary", "foo,bar"}}));
}

TEST(RequirementsTxt, NestedFilesLieBesideTheirIncluder) {
  const Folder folder{{{"requirements.txt", "-r sub/more.txt\n-c sub/limits.txt\ntop\n-f sub/here\n"},
                       {"sub/more.txt", "-r deep.txt\nmore\n-f here\n"},
                       {"sub/deep.txt", "deep\n"},
                       {"sub/limits.txt", "limit<2\n-r deep.txt\n"},
                       {"sub/here", ""}},
                      {}};
  const RequirementsFile file = folder.read();
  EXPECT_EQ(texts(file), (Texts{"deep", "more", "limit<2", "deep", "top"}));
  EXPECT_FALSE(file.entries[0].constraint);
  EXPECT_TRUE(file.entries[2].constraint);
  EXPECT_FALSE(file.entries[3].constraint) << "the nested kind decides";
  EXPECT_EQ(file.entries[0].where, "sub/deep.txt:1");
  EXPECT_EQ(file.options.find_links, (Texts{"sub/here", "sub/here"}));
}

TEST(RequirementsTxt, EditablesAndConfigSettings) {
  const Folder folder{{{"requirements.txt", "-e ./lib[x]\nfoo --config-settings=\"a=b c\"\n"}}, {}};
  const RequirementsFile file = folder.read();
  EXPECT_TRUE(file.entries[0].editable);
  EXPECT_EQ(file.entries[0].text, "./lib[x]");
  EXPECT_EQ(file.entries[1].config_settings[0], (std::pair<std::string, std::string>{"a", "b c"}));
}

TEST(RequirementsTxt, ErrorsNameFileAndLine) {
  const std::pair<std::string, std::string> cases[] = {
      {"a\n--frobnicate\n", "requirements.txt:2: `--frobnicate` is not an option"},
      {"--no\n", "ambiguous"},
      {"-x\n", "`-x` is not an option"},
      {"-r\n", "needs a value"},
      {"foo --hash=sha256=" + kHash, "with a colon"},
      {"foo --hash=md5:" + std::string(32, 'a'), "not md5"},
      {"foo --hash=sha256:abc", "64 hex digits"},
      {"--pre=1\n", "takes no value"},
      {"--index-url 'https://x\n", "not closed"},
      {"-r requirements.txt\n", "includes itself"}};
  for (const auto& [text, want] : cases) {
    const std::string said = Folder{{{"requirements.txt", text}}, {}}.failure();
    EXPECT_NE(said.find(want), std::string::npos) << text << " says: " << said;
  }
}

TEST(RequirementsTxt, ADiamondIsLegal) {
  const Folder folder{{{"requirements.txt", "-r a.txt\n-r b.txt\n"},
                       {"a.txt", "-r c.txt\n"},
                       {"b.txt", "-r c.txt\n"},
                       {"c.txt", "x\n"}},
                      {}};
  EXPECT_EQ(folder.read().entries.size(), 2U);
}

TEST(RequirementsTxt, AHashAloneIsAWarning) {
  const RequirementsFile file = Folder{{{"requirements.txt", "--hash=sha256:" + kHash + "\n"}}, {}}.read();
  EXPECT_TRUE(file.entries.empty());
  EXPECT_EQ(file.warnings.size(), 1U);
}

TEST(RequirementsTxt, DecodesWhatPipDecodes) {
  EXPECT_EQ(decode_requirements("\xEF\xBB\xBF"
                                "foo")
                .value(),
            "foo");
  EXPECT_EQ(decode_requirements("\xFF\xFE"
                                "f\0\xE4\0"s)
                .value(),
            "f\xC3\xA4");
  EXPECT_EQ(decode_requirements("\xFE\xFF\0f\xD8\x3D\xDE\0"s).value(), "f\xF0\x9F\x98\x80");
  EXPECT_EQ(decode_requirements("\xFF\xFE\0\0f\0\0\0"s).value(), "f");
  EXPECT_EQ(decode_requirements("# -*- coding: latin-1 -*-\n# \xE4").value(),
            "# -*- coding: latin-1 -*-\n# \xC3\xA4");
  EXPECT_FALSE(decode_requirements("# coding=koi8-r\n"));
  EXPECT_FALSE(decode_requirements("\xFF\xFE\xD8"s));
}

TEST(RequirementLine, PathsAndUrlsOfWheelsBecomeDirectReferences) {
  const std::pair<const char*, const char*> cases[] = {
      {"foo>=1", "foo>=1"},
      {"./dist/Foo-1.0-py3-none-any.whl", "foo @ file:///w/dist/Foo-1.0-py3-none-any.whl"},
      {"../foo-1.0-py3-none-any.whl[x,y] ; os_name == 'nt'",
       "foo[x,y] @ file:///foo-1.0-py3-none-any.whl ; os_name == \"nt\""},
      {"foo-1.0-py3-none-any.whl", "foo @ file:///w/foo-1.0-py3-none-any.whl"},
      {"/a b/foo-1.0-py3-none-any.whl", "foo @ file:///a%20b/foo-1.0-py3-none-any.whl"},
      {"file:foo-1.0-py3-none-any.whl", "foo @ file:///w/foo-1.0-py3-none-any.whl"},
      {"https://h/x/foo-1.0-py3-none-any.whl#sha256=00",
       "foo @ https://h/x/foo-1.0-py3-none-any.whl#sha256=00"},
      {"foo @ https://h/x/foo-1.0-py3-none-any.whl", "foo @ https://h/x/foo-1.0-py3-none-any.whl"},
      {"foo @ ./x/foo-1.0-py3-none-any.whl", "foo @ file:///w/x/foo-1.0-py3-none-any.whl"}};
  for (const auto& [text, want] : cases) {
    const Expected<Requirement> requirement = parse_requirement_line(text, "/w");
    ASSERT_TRUE(requirement) << text << ": " << requirement.error().message;
    EXPECT_EQ(requirement->to_string(), want) << text;
  }
}

TEST(RequirementLine, WhatCannotBeInstalledYetSaysSo) {
  const std::pair<const char*, const char*> cases[] = {
      {"git+https://h/x.git", "version control"},
      {"./foo-1.0.tar.gz", "cannot build"},
      {"./tree", "cannot build"},
      {"bar @ https://h/foo-1.0-py3-none-any.whl", "not of `bar`"},
      {"./foo-1.0.whl", "not the name of a wheel"}};
  for (const auto& [text, want] : cases) {
    const Expected<Requirement> requirement = parse_requirement_line(text, "/w");
    ASSERT_FALSE(requirement) << text;
    EXPECT_NE(requirement.error().message.find(want), std::string::npos)
        << text << ": " << requirement.error().message;
  }
}

}  // namespace
}  // namespace moat
