#include "envs/place/import_order.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

namespace moat {

namespace {

bool is_word(char c) {
  return is_ascii_alnum(c) || c == '_' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

// "a.b" of " a.b as c".
std::string_view first_name(std::string_view text) {
  text = trim(text);
  return text.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(text, is_word) - text.begin()));
}

std::string joined(std::string_view package, std::string_view name) {
  if (package.empty() || name.empty()) return std::string(package.empty() ? name : package);
  return std::string(package).append(".").append(name);
}

// "..b" in module a.x.y is a.b; nullopt where it leads above the top.
std::optional<std::string> absolute_name(std::string_view name, std::string_view module, bool is_package) {
  if (!name.starts_with('.')) return std::string(name);
  std::string_view package = module;
  const auto go_up = [&] {
    const std::size_t dot = package.rfind('.');
    package = dot == package.npos ? std::string_view() : package.substr(0, dot);
  };
  if (!is_package) go_up();
  for (name.remove_prefix(1); name.starts_with('.'); name.remove_prefix(1)) {
    if (package.empty()) return std::nullopt;
    go_up();
  }
  return package.empty() ? std::nullopt : std::optional(joined(package, name));
}

// Statements that begin with `import` or `from`, each on one line.
class Scanner {
 public:
  Scanner(std::string_view source, std::string_view module, bool is_package)
      : lines_(split_lines(source)), module_(module), is_package_(is_package) {}

  std::vector<std::string> scan() {
    bool skipping = false;  // the block of a def, a class, or for type checkers
    for (; next_ < lines_.size(); ++next_) {
      const std::string_view line = lines_[next_];
      const std::string_view statement = trim(line);
      if (statement.empty() || statement.starts_with('#')) continue;
      if (line.front() != ' ' && line.front() != '\t')
        skipping = statement.starts_with("def ") || statement.starts_with("class ") ||
                   statement.starts_with("async def ") || statement.starts_with("if TYPE_CHECKING") ||
                   statement.starts_with("if typing.TYPE_CHECKING");
      if (skipping) continue;
      if (statement.starts_with("import ")) take_import(statement.substr(7));
      if (statement.starts_with("from ")) take_from(statement.substr(5));
    }
    return std::move(out_);
  }

 private:
  void add(std::string_view name) {
    if (auto absolute = absolute_name(name, module_, is_package_); absolute && !absolute->empty())
      out_.push_back(*std::move(absolute));
  }

  void take_import(std::string_view names) {
    for (const std::string_view name : split(names, ',')) add(first_name(name));
  }

  // The names may go on over lines in parentheses.
  void take_from(std::string_view rest) {
    const std::string_view from = first_name(rest);
    rest = trim(trim(rest).substr(from.size()));
    if (from.empty() || !rest.starts_with("import")) return;
    add(from);
    std::string names(rest.substr(6, rest.find('#') - 6));
    if (trim(names).starts_with('('))
      while (names.find(')') == names.npos && next_ + 1 < lines_.size()) {
        const std::string_view line = lines_[++next_];
        names.append(" ").append(line.substr(0, line.find('#')));
      }
    std::erase_if(names, [](char c) { return c == '(' || c == ')' || c == '\\'; });
    for (const std::string_view part : split(names, ','))
      if (const std::string_view name = first_name(part); !name.empty())
        add(from.ends_with('.') ? std::string(from).append(name) : joined(from, name));
  }

  std::vector<std::string_view> lines_;
  std::string_view module_;
  bool is_package_;
  std::size_t next_ = 0;
  std::vector<std::string> out_;
};

}  // namespace

std::string module_name(std::string_view path) {
  if (!path.ends_with(".py")) return "";
  path.remove_suffix(3);
  if (path == "__init__") return "";
  if (path.ends_with("/__init__")) path.remove_suffix(9);
  std::string name(path);
  std::ranges::replace(name, '/', '.');
  return name;
}

std::vector<std::string> imported_modules(std::string_view source, std::string_view module, bool is_package) {
  return Scanner(source, module, is_package).scan();
}

std::vector<std::size_t> import_order(const std::vector<ImportableFile>& files,
                                      const std::function<std::string(std::size_t)>& read) {
  std::unordered_map<std::string, std::size_t> by_name;
  for (std::size_t i = 0; i < files.size(); ++i) by_name.emplace(module_name(files[i].path), i);
  std::vector<std::size_t> out;
  std::vector<bool> is_taken(files.size());
  const auto take = [&](std::size_t file) {
    if (!is_taken[file]) out.push_back(file);
    is_taken[file] = true;
  };
  // Importing a.b.c imports a and a.b first.
  const auto take_module = [&](const std::string& name) {
    for (std::size_t dot = name.find('.');; dot = name.find('.', dot + 1)) {
      if (const auto found = by_name.find(name.substr(0, dot)); found != by_name.end()) take(found->second);
      if (dot == name.npos) return;
    }
  };
  for (std::size_t i = 0; i < files.size(); ++i)
    if (files[i].is_start) take(i);
  for (std::size_t next = 0; next < out.size(); ++next) {
    const std::string& path = files[out[next]].path;
    for (const std::string& name :
         imported_modules(read(out[next]), module_name(path), path.ends_with("__init__.py")))
      take_module(name);
  }
  for (std::size_t i = 0; i < files.size(); ++i) take(i);
  return out;
}

}  // namespace moat
