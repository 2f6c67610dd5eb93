#include "resolver/files/project_edit.h"

#include "resolver/base/text.h"
#include "resolver/files/toml.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

namespace moat {
namespace {

using Kind = RequirementList::Kind;

std::string set(const std::string& before, const RequirementList& list, const std::string& line) {
  ProjectEdit edit = ProjectEdit::parse(before).value();
  edit.set(list, line);
  return edit.text();
}

std::string without(const std::string& before, const RequirementList& list, const std::string& name) {
  ProjectEdit edit = ProjectEdit::parse(before).value();
  edit.remove(list, PackageName::parse(name).value());
  return edit.text();
}

struct Edit {
  const char *before, *line, *after;
};

TEST(ProjectEdit, SetsARequirementAsItsNeighboursStand) {
  for (const Edit& edit : {
           // as they come
           Edit{"[project]\ndependencies = [\n  \"b\",  # why\n  'a',\n]\n", "c",
                "[project]\ndependencies = [\n  \"b\",  # why\n  'a',\n  \"c\",\n]\n"},
           // sorted stays sorted; a comment stays with what it is above
           Edit{"[project]\ndependencies = [\n\t\"a\",\n\t# about c\n\t\"c\",\n]\n", "b",
                "[project]\ndependencies = [\n\t\"a\",\n\t\"b\",\n\t# about c\n\t\"c\",\n]\n"},
           Edit{"[project]\ndependencies = [\n  \"b\",\n  \"c\",\n]\n", "a>=1",
                "[project]\ndependencies = [\n  \"a>=1\",\n  \"b\",\n  \"c\",\n]\n"},
           // no comma at the end: none afterwards
           Edit{"[project]\ndependencies = [\n  \"a\", # one\n  \"b\" # two\n]\n", "c",
                "[project]\ndependencies = [\n  \"a\", # one\n  \"b\", # two\n  \"c\"\n]\n"},
           Edit{"[project]\ndependencies = ['a', 'b'] # all\n", "c",
                "[project]\ndependencies = ['a', 'b', 'c'] # all\n"},
           Edit{"[project]\ndependencies = [ \"a\", ]\n", "b",
                "[project]\ndependencies = [ \"a\", \"b\", ]\n"},
           Edit{"[project]\ndependencies = []\n", "a", "[project]\ndependencies = [\n    \"a\",\n]\n"},
           Edit{"[project]\ndependencies = [\n  # none yet\n]\n", "a",
                "[project]\ndependencies = [\n  # none yet\n    \"a\",\n]\n"},
           Edit{"[project]\r\nname = 'x'\r\n\r\n[tool.x]\r\n", "a",
                "[project]\r\nname = 'x'\r\ndependencies = [\r\n    'a',\r\n]\r\n\r\n[tool.x]\r\n"},
           Edit{"[project]\nname = \"x\"", "a", "[project]\nname = \"x\"\ndependencies = [\n    \"a\",\n]"},
           Edit{"project = { name = \"x\" }\n", "a", "project = { name = \"x\", dependencies = [\"a\"] }\n"},
           Edit{"project.name = \"x\"\n", "a",
                "project.name = \"x\"\nproject.dependencies = [\n    \"a\",\n]\n"},
           // commas that lead
           Edit{"[project]\ndependencies = [\n    \"a\"\n  , \"c\"\n  ]\n", "d",
                "[project]\ndependencies = [\n    \"a\"\n  , \"c\", \"d\"\n  ]\n"},
           // a line of the same name and marker is replaced, with its quotes
           Edit{"[project]\ndependencies = ['A_B >= 1', 'c']\n", "a-b>=2",
                "[project]\ndependencies = ['a-b>=2', 'c']\n"},
           Edit{"[project]\ndependencies = [\"a\"]\n", "a>=2; python_version < \"3.9\"",
                "[project]\ndependencies = [\"a\", \"a>=2; python_version < '3.9'\"]\n"},
           Edit{"[project]\ndependencies = ['a']\n", "b; python_version < '3.9'",
                "[project]\ndependencies = ['a', 'b; python_version < \"3.9\"']\n"},
       })
    EXPECT_EQ(set(edit.before, {}, edit.line), edit.after) << edit.before;
}

TEST(ProjectEdit, MakesExtrasAndGroups) {
  const std::string project = "[project]\nname = \"x\"\n\n[tool.x]\na = 1\n";
  EXPECT_EQ(set(project, {Kind::Extra, "async"}, "a"),
            "[project]\nname = \"x\"\n\n[project.optional-dependencies]\nasync = [\n    "
            "\"a\",\n]\n\n[tool.x]\na = 1\n");
  EXPECT_EQ(set(project, {Kind::Group, "dev"}, "a"),
            project + "\n[dependency-groups]\ndev = [\n    \"a\",\n]\n");
  EXPECT_EQ(set("[dependency-groups]\nDev = [{include-group = \"x\"}, \"b\", \"c\"]\nx = []\n",
                {Kind::Group, "dev"}, "a"),
            "[dependency-groups]\nDev = [{include-group = \"x\"}, \"b\", \"c\", \"a\"]\nx = []\n");
  EXPECT_EQ(set("[project]\noptional-dependencies.x = ['b']\n", {Kind::Extra, "y"}, "a"),
            "[project]\noptional-dependencies.x = ['b']\noptional-dependencies.y = [\n    'a',\n]\n");
  EXPECT_EQ(set("project = {name = 'x'}\n", {Kind::Extra, "y"}, "a"),
            "project = {name = 'x', optional-dependencies.y = ['a']}\n");
}

TEST(ProjectEdit, RemovesARequirement) {
  for (const Edit& edit : {
           Edit{"[project]\ndependencies = [\n  # first\n  \"a\", # one\n  \"b\",\n]\n", "a",
                "[project]\ndependencies = [\n  # first\n  \"b\",\n]\n"},
           Edit{"[project]\ndependencies = [\n  \"a\",\n  \"b\"\n]\n", "b",
                "[project]\ndependencies = [\n  \"a\"\n]\n"},
           Edit{"[project]\ndependencies = [\"a\", \"b\", \"c\"]\n", "b",
                "[project]\ndependencies = [\"a\", \"c\"]\n"},
           Edit{"[project]\ndependencies = [\"a\", \"b\",]\n", "b", "[project]\ndependencies = [\"a\",]\n"},
           Edit{"[project]\ndependencies = [\"a\"]\n", "a", "[project]\ndependencies = []\n"},
           Edit{"[project]\r\ndependencies = [\r\n\t\"a\",\r\n]\r\n", "a",
                "[project]\r\ndependencies = []\r\n"},
           Edit{"[project]\ndependencies = [\n  # keep\n  \"a\",\n]\n", "a",
                "[project]\ndependencies = [\n  # keep\n]\n"},
           Edit{"[project]\ndependencies = [\"a; os_name=='nt'\", \"a\", \"b\"]\n", "A",
                "[project]\ndependencies = [\"b\"]\n"},
       })
    EXPECT_EQ(without(edit.before, {}, edit.line), edit.after) << edit.before;
}

TEST(ProjectEdit, SourcesComeAndGo) {
  const std::string project = "[project]\nname = \"x\"\n";
  ProjectEdit edit = ProjectEdit::parse(project).value();
  const PackageName name = PackageName::parse("Lib").value();
  edit.set_source(name, {"../lib", true});
  EXPECT_EQ(edit.text(), project + "\n[tool.moat.sources]\nlib = { path = \"../lib\", editable = true }\n");
  edit.set_source(name, {"other", false});
  EXPECT_EQ(edit.text(), project + "\n[tool.moat.sources]\nlib = { path = \"other\" }\n");
  edit.remove_source(name);
  EXPECT_EQ(edit.text(), project);
}

TEST(ProjectEdit, SourcesHoweverTheyAreWritten) {
  const PackageName name = PackageName::parse("my-lib").value();
  for (const auto& [before, set, removed] : {
           std::tuple{"[tool.moat.sources.My_Lib]\npath = \"a\"\neditable = true\n\n[x]\n",
                      "[x]\n\n[tool.moat.sources]\nMy_Lib = { path = \"b\" }\n", "[x]\n"},
           std::tuple{
               "[tool.moat.sources]\nmy-lib.path = \"a\"\nmy-lib.editable = true\nother.path = \"c\"\n",
               "[tool.moat.sources]\nother.path = \"c\"\nmy-lib = { path = \"b\" }\n",
               "[tool.moat.sources]\nother.path = \"c\"\n"},
           std::tuple{"[tool.moat.sources]\nMy_Lib = { path = \"a\" }\n",
                      "[tool.moat.sources]\nMy_Lib = { path = \"b\" }\n", ""},
           std::tuple{"[tool]\nmoat = { sources.my-lib = { path = \"a\" }, x = 1 }\n",
                      "[tool]\nmoat = { sources.my-lib = { path = \"b\" }, x = 1 }\n",
                      "[tool]\nmoat = { x = 1 }\n"},
           std::tuple{"tool = { moat.sources = { my-lib.path = \"a\" } }\n",
                      "tool = { moat.sources = { my-lib = { path = \"b\" } } }\n",
                      "tool = { moat.sources = {} }\n"},
       }) {
    ProjectEdit edit = ProjectEdit::parse(before).value();
    edit.set_source(name, {"b", false});
    EXPECT_EQ(edit.text(), set);
    EXPECT_TRUE(parse_toml(edit.text())) << edit.text();
    edit = ProjectEdit::parse(before).value();
    edit.remove_source(name);
    EXPECT_EQ(edit.text(), removed);
  }
}

TEST(TomlEdit, KeysBeforeAnyHeader) {
  for (const auto& [before, after] :
       {std::pair{"", "dependencies = [\n    \"a\",\n]\n"},
        std::pair{"x = 1 # one\n\n[tool]\n", "x = 1 # one\ndependencies = [\n    \"a\",\n]\n\n[tool]\n"},
        std::pair{"[tool]\r\n", "dependencies = [\r\n    \"a\",\r\n]\r\n[tool]\r\n"}}) {
    TomlEdit edit = TomlEdit::parse(before).value();
    edit.insert_item({"dependencies"}, 0, "a");
    EXPECT_EQ(edit.text(), after);
  }
}

TEST(ProjectEdit, SaysWhatItCannotEdit) {
  for (const char* text :
       {"[project\n", "[project]\ndependencies = \"a\"\n", "[project]\ndependencies = [1]\n",
        "[dependency-groups]\ndev = {}\n", "[project.optional-dependencies]\nx = [{a = 1}]\n"})
    EXPECT_FALSE(ProjectEdit::parse(text)) << text;
}

// ---- any file, any edit: a parser says that nothing else changed ----

struct Random {
  std::mt19937 engine;
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(engine); }
  bool coin() { return below(2) == 0; }
  template <class T>
  const T& of(const std::vector<T>& choices) {
    return choices[below(choices.size())];
  }
};

// How one file is written.
struct Style {
  std::string end, indent;
  std::vector<char> quotes;
};

std::string comment(Random& random) {
  return random.below(3) == 0 ? random.of<std::string>({"# plain", "#\"quoted\", ]", "# [project] 'x'", "#ä"})
                              : "";
}

std::string written(Random& random, const Style& style, const std::string& text) {
  const char quote = random.of(style.quotes);
  if (text.find(quote) != std::string::npos) return toml_quote(text);
  return quote + text + quote;
}

std::string array(Random& random, const Style& style, const std::vector<std::string>& items, bool includes) {
  std::vector<std::string> texts;
  for (const std::string& item : items) texts.push_back(written(random, style, item));
  if (includes && random.coin()) texts.insert(texts.begin(), "{include-group = \"a\"}");
  const std::string space = random.coin() ? " " : "";
  if (random.coin())
    return "[" + space + join(texts, "," + std::string(random.coin() ? " " : "")) + space + "]";
  std::string out = "[" + comment(random) + style.end;
  bool is_joined = false;
  const bool leads = random.below(6) == 0, ends_in_comma = random.coin();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!is_joined && random.below(5) == 0) out += style.indent + "# above" + style.end;
    if (leads && i > 0) out += " , ";
    const bool comma = !leads && (i + 1 < texts.size() || ends_in_comma);
    out += style.indent + texts[i] + (comma ? random.of<std::string>({",", ",", " ,"}) : "");
    // Sometimes two on a line.
    is_joined = comma && i + 1 < texts.size() && random.below(6) == 0;
    if (is_joined) continue;
    out += random.of<std::string>({"", " "}) + comment(random) + style.end;
  }
  if (random.below(5) == 0) out += style.indent + "# below" + style.end;
  return out + (random.below(4) == 0 ? style.indent : "") + "]";
}

std::vector<std::string> some_items(Random& random) {
  std::vector<std::string> all{
      "alpha", "beta>=1", "gamma[x]~=2.0", "delta; python_version < '3.9'", "epsilon @ https://host/e.whl",
      "zeta"};
  std::shuffle(all.begin(), all.end(), random.engine);
  all.resize(random.below(all.size() + 1));
  if (random.coin()) std::sort(all.begin(), all.end());
  return all;
}

std::string a_file(Random& random) {
  Style style{random.of<std::string>({"\n", "\r\n"}), random.of<std::string>({"    ", "  ", "\t"}),
              random.of<std::vector<char>>({{'"'}, {'\''}, {'"', '\''}})};
  const std::string& end = style.end;
  const auto list = [&](bool includes = false) { return array(random, style, some_items(random), includes); };
  std::vector<std::string> sections;
  std::string project = "[project]" + end + "name = 'x' # the name" + end;
  if (random.coin())
    project +=
        "description = \"\"\"" + end + "dependencies = [\"alpha\"]" + end + "[project]\\\"\"\"\"" + end;
  if (random.below(4) != 0) project += "dependencies=" + list() + comment(random) + end;
  if (random.coin()) project += "classifiers = ['A # b',]" + end;
  if (random.below(4) == 0)
    project += "optional-dependencies.fast = " + list() + end;
  else if (random.coin())
    sections.push_back("[project.optional-dependencies]" + end + "Fast = " + list() + end);
  sections.push_back(project);
  if (random.coin())
    sections.push_back("[ dependency-groups ]  # groups" + end + "a = [ ]" + end + "\"dev\" = " + list(true) +
                       end);
  if (random.coin())
    sections.push_back("[tool.x.'y z']" + end + "t = {a = [1,2], b.c = \"}\"}" + end + "d = 1979-05-27" +
                       end);
  if (random.coin()) sections.push_back("[[tool.list]]" + end + "dependencies = ['alpha']" + end);
  std::shuffle(sections.begin(), sections.end(), random.engine);
  std::string text = random.coin() ? "# a file" + end : "";
  for (const std::string& section : sections) text += section + (random.coin() ? end : "");
  if (random.below(4) == 0)
    while (!text.empty() && is_ascii_space(text.back())) text.pop_back();
  return text;
}

std::string flat(const TomlValue& value);
std::string flat(const TomlTable& table) {
  std::string out = "{";
  for (const auto& [key, value] : table) out += toml_quote(key) + "=" + flat(value) + ",";
  return out + "}";
}
std::string flat(const TomlValue& value) {
  if (value.string() != nullptr) return toml_quote(*value.string());
  if (value.table() != nullptr) return flat(*value.table());
  if (value.array() != nullptr) {
    std::string out = "[";
    for (const TomlValue& item : *value.array()) out += flat(item) + ",";
    return out + "]";
  }
  if (value.integer() != nullptr) return std::to_string(*value.integer());
  return value.datetime() != nullptr ? std::to_string(value.datetime()->unix_seconds) : "?";
}

// The list as the parser sees it; nullptr where it is not there.
TomlArray* list_in(TomlTable& table, const RequirementList& list) {
  const auto find = [](TomlTable* in, std::string_view name) -> TomlValue* {
    if (in == nullptr) return nullptr;
    for (auto& [key, value] : *in)
      if (normalize_name(key) == normalize_name(name)) return &value;
    return nullptr;
  };
  const auto sub = [&](TomlTable* in, std::string_view name) -> TomlTable* {
    TomlValue* found = find(in, name);
    return found == nullptr ? nullptr : std::get_if<TomlTable>(&found->value);
  };
  TomlValue* found = nullptr;
  if (list.kind == Kind::Dependencies) found = find(sub(&table, "project"), "dependencies");
  if (list.kind == Kind::Extra) found = find(sub(sub(&table, "project"), "optional-dependencies"), list.name);
  if (list.kind == Kind::Group) found = find(sub(&table, "dependency-groups"), list.name);
  return found == nullptr ? nullptr : std::get_if<TomlArray>(&found->value);
}

std::vector<std::string> texts_in(const TomlArray* array) {
  std::vector<std::string> out;
  if (array != nullptr)
    for (const TomlValue& item : *array) out.push_back(item.string() != nullptr ? *item.string() : "include");
  return out;
}

std::string name_of(const std::string& text) {
  const auto requirement = Requirement::parse(text);
  return requirement ? requirement->name.normalized() : "";
}

// Of the file without this list.
std::string rest_of(TomlTable table, const RequirementList& list) {
  if (TomlArray* array = list_in(table, list)) array->clear();
  std::string text = flat(table);
  // What the edit had to make is not the rest.
  for (const std::string made : {"\"dependencies\"=[],", "\"fast\"=[],", "\"Fast\"=[],", "\"dev\"=[],",
                                 "\"Dev\"=[],", "\"optional-dependencies\"={},", "\"dependency-groups\"={},"})
    if (const std::size_t at = text.find(made); at != std::string::npos) text.erase(at, made.size());
  return text;
}

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(ProjectEdit, ChangesOneListOfAnyFile) {
  int undone = 0;
  for (unsigned seed = 0; seed < 20'000; ++seed) {
    Random random{std::mt19937(seed)};
    const std::string before = a_file(random);
    ASSERT_TRUE(parse_toml(before)) << seed << ": " << before;
    const RequirementList list =
        random.of<RequirementList>({{}, {Kind::Extra, "fast"}, {Kind::Group, "Dev"}});
    const std::string line =
        random.of<std::string>({"alpha>=3", "zeta", "beta; os_name == \"nt\"", "new", "delta"});
    ProjectEdit edit = ProjectEdit::parse(before).value();
    const bool adds = random.coin();
    if (adds)
      edit.set(list, line);
    else
      edit.remove(list, PackageName::parse(name_of(line)).value());
    const std::string after = edit.text();
    const auto shown = [&] {
      return fmt::format("seed {}\n--- before\n{}\n--- after\n{}", seed, before, after);
    };

    auto old_table = parse_toml(before), new_table = parse_toml(after);
    ASSERT_TRUE(new_table) << new_table.error().message << "\n" << shown();
    ASSERT_EQ(rest_of(*old_table, list), rest_of(*new_table, list)) << shown();

    const std::vector<std::string> was = texts_in(list_in(*old_table, list));
    std::vector<std::string> is = texts_in(list_in(*new_table, list));
    std::vector<std::string> kept;
    if (adds) {
      const auto wanted = Requirement::parse(line).value();
      const auto same = [&](const std::string& text) {
        const auto there = Requirement::parse(text);
        return there && there->name == wanted.name &&
               (there->marker ? there->marker->to_string() : "") ==
                   (wanted.marker ? wanted.marker->to_string() : "");
      };
      ASSERT_EQ(std::count_if(is.begin(), is.end(), same), 1) << shown();
      std::copy_if(was.begin(), was.end(), std::back_inserter(kept),
                   [&](const auto& text) { return !same(text); });
      is.erase(std::find_if(is.begin(), is.end(), same));
    } else {
      std::copy_if(was.begin(), was.end(), std::back_inserter(kept),
                   [&](const auto& text) { return name_of(text) != name_of(line); });
    }
    ASSERT_EQ(is, kept) << shown();

    // Comments on lines of their own, and every line end, are as they were.
    for (const std::string mark : {"# above", "# below", "# a file", "# the name", "# groups"})
      ASSERT_EQ(count_of(before, mark), count_of(after, mark)) << shown();
    if (adds) {
      ASSERT_EQ(count_of(before, "#"), count_of(after, "#")) << shown();
    }
    if (before.find("\r\n") != std::string::npos) {
      ASSERT_EQ(count_of(after, "\n"), count_of(after, "\r\n")) << shown();
    } else {
      ASSERT_EQ(count_of(after, "\r"), 0U) << shown();
    }
    // And undone: what was added to a list that was there goes again without a trace. Not so where white
    // space ends a line, or two stand on one.
    const bool is_plain = before.find(" ,") == std::string::npos && before.find(",\t") == std::string::npos &&
                          before.find(",  ") == std::string::npos &&
                          before.find(", \n") == std::string::npos &&
                          before.find(", \r") == std::string::npos;
    if (adds && line == "new" && was.size() > 1 && is_plain) {
      ++undone;
      edit.remove(list, PackageName::parse("new").value());
      ASSERT_EQ(edit.text(), before) << shown();
    }
  }
  EXPECT_GT(undone, 100);
}

}  // namespace
}  // namespace moat
