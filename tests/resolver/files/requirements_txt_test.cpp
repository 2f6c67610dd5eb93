#include "resolver/files/requirements_txt.h"

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
  EXPECT_EQ(options.releases[0].first, "pre");
  EXPECT_TRUE(options.prefer_binary);
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
      {"foo --hash=sha256:00\\ # c", "escapes nothing"},
      {"--hash=sha256=" + kHash, "with a colon"},
      {"foo --no-binary=-x", "needs a value"},
      {"-C x", "KEY=VALUE"},
      {"--require-hashes\n--no-require-hashes\n", "requirements.txt:2: `--require-hashes` and"},
      {"a\n-r ./sub/../sub/more.txt\n", "requirements.txt:2: no file sub/more.txt"},
      {"-r requirements.txt\n", "requirements.txt:1: requirements.txt includes itself"},
      {"-r ./x/../requirements.txt\n", "includes itself"},
      {"a\nb\xE4\n", "requirements.txt: line 2 is not UTF-8 (the byte 0xE4)"}};
  for (const auto& [text, want] : cases) {
    const std::string said = Folder{{{"requirements.txt", text}}, {}}.failure();
    EXPECT_NE(said.find(want), std::string::npos) << text << " says: " << said;
  }
}

TEST(RequirementsTxt, LinesEndAndBlanksAreAsPythonHasThem) {
  EXPECT_EQ(logical_lines("a\r\nb\rc\vd\fe\x1c\xC2\x85"
                          "f\xE2\x80\xA8g"),
            (std::vector<LogicalLine>{{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}, {5, "e"}, {7, "f"}, {8, "g"}}));
  EXPECT_EQ(logical_lines("\xC2\xA0"
                          "a\xE3\x80\x80# no\n\xE2\x80\x83# no\nb\\\n\xC2\xA0# ends it\nc"),
            (std::vector<LogicalLine>{{1, "a"}, {3, "b"}, {5, "c"}}));
}

TEST(RequirementsTxt, VariablesAreFoundBeforeAnyIsExpanded) {
  const std::map<std::string, std::string> variables = {{"A", "${B}"}, {"B", "b"}, {"C", "${A}"}};
  const auto expand = [&](const std::string& text) {
    return expand_variables(text, [&](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  };
  EXPECT_EQ(expand("${A}"), "${B}");
  EXPECT_EQ(expand("${A}${B}"), "bb");
  EXPECT_EQ(expand("${B}${A}"), "b${B}");
  EXPECT_EQ(expand("${x${B}"), "${xb");
}

TEST(RequirementsTxt, OptionsForPackagesCountOnEveryLine) {
  const RequirementsFile file = Folder{
      {{"requirements.txt",
        "foo --no-binary foo --pre\n-e . --only-final bar --hash=sha256:" + kHash + "\n-- --pre\n"}},
      {}}.read();
  EXPECT_EQ(file.options.binary[0].second, "foo");
  EXPECT_EQ(file.options.releases[0].second, "bar");
  EXPECT_EQ(file.options.releases.size(), 1U);
  EXPECT_TRUE(file.entries[1].hashes.empty());
  EXPECT_EQ(file.warnings, (Texts{"requirements.txt:1: `--pre` has no effect on a requirement's line",
                                  "requirements.txt:2: `--hash` has no effect on an editable requirement",
                                  "requirements.txt:3: `--pre` is not part of an option and is ignored"}));
}

TEST(RequirementsTxt, AnIndexTakesThePlaceOfThoseAboveIt) {
  const RequirementsFile file = Folder{
      {{"requirements.txt", "--extra-index-url https://a/\n-i https://b/ --extra-index-url https://c/\n"}},
      {}}.read();
  EXPECT_EQ(file.options.index_url, "https://b/");
  EXPECT_EQ(file.options.extra_index_urls, Texts{"https://c/"});
  EXPECT_EQ(file.warnings.size(), 1U);
  const RequirementsFile none = Folder{{{"requirements.txt", "--no-index\n-i https://b/\n"}}, {}}.read();
  EXPECT_TRUE(none.options.no_index && !none.options.index_url);
}

TEST(RequirementsTxt, WhatComesFromTheWebNamesTheWeb) {
  const Folder folder{{{"https://u:secret@h/x/r.txt", "-r /more.txt\n-c c/l.txt\n"},
                       {"https://u:secret@h/more.txt", "a\n"},
                       {"https://u:secret@h/x/c/l.txt", "b\n"}},
                      {}};
  const RequirementsFile file = folder.read("https://u:secret@h/x/r.txt");
  ASSERT_EQ(file.entries.size(), 2U);
  EXPECT_EQ(file.entries[0].where, "https://****@h/more.txt:1");
  EXPECT_EQ(file.entries[1].where, "https://****@h/x/c/l.txt:1");
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
  EXPECT_EQ(decode_requirements("# encoding\n# vim: set fileencoding=CP1252 :\n\x80").value(),
            "# encoding\n# vim: set fileencoding=CP1252 :\n\xE2\x82\xAC");
  EXPECT_FALSE(decode_requirements("# coding: ascii\n\xE4"));
  EXPECT_FALSE(decode_requirements("\xE4"));
  EXPECT_FALSE(decode_requirements("\xEF\xBB\xBF\xE4"));
  EXPECT_FALSE(decode_requirements("# coding=koi8-r\n"));
  EXPECT_FALSE(decode_requirements("\xFF\xFE\xD8"s));
}

}  // namespace
}  // namespace moat
