#include "envs/install/requirement_files.h"

#include "fetch/http/http_policy.h"
#include "fetch/os/file.h"
#include "fetch/os/given_file.h"
#include "resolver/base/text.h"
#include "resolver/lock/requirements_lock.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

bool is_web(const std::string& path) {
  const std::string begin = ascii_lower(path.substr(0, 8));
  return begin.substr(0, 7) == "http://" || begin == "https://";
}

std::string read_from_web(const std::string& address, HttpClient& client) {
  const Expected<Url> url = Url::parse(address);
  if (!url) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", quote(address), url.error().message));
  HttpRequest request;
  request.url = *url;
  const HttpResponse response = client.get(std::move(request));
  if (response.status != 200)
    throw Error(ErrorKind::Network,
                fmt::format("cannot read {}: the server answered {}", url->display(), response.status));
  return response.body;
}

fs::path on_disk(const std::string& path, const fs::path& directory) {
  if (ascii_lower(path.substr(0, 5)) != "file:") return directory / path;
  const Expected<Url> url = Url::parse(path);
  if (!url) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", quote(path), url.error().message));
  return url->file_path();
}

fs::path real(const fs::path& path) {
  std::error_code failed;
  fs::path out = fs::weakly_canonical(path, failed);
  return failed ? path.lexically_normal() : out;
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

// The folder whose files belong together with this one; never the user's whole home.
fs::path tree_of(const fs::path& file, const fs::path& home) {
  for (fs::path folder = file.parent_path(); folder.has_relative_path() && folder != home;
       folder = folder.parent_path()) {
    std::error_code ignored;
    for (const char* mark : {".git", ".hg", "pyproject.toml"})
      if (fs::exists(folder / mark, ignored)) return folder;
  }
  return file.parent_path();
}

// The files that one named file may include.
class Includes {
 public:
  Includes(const std::string& named, const FileTerms& terms)
      : named_(named), directory_(terms.working_directory) {
    if (terms.as_pip) return;
    bounded_ = true;
    if (is_web(named)) return;  // a remote file has no local files of its own
    const fs::path file = on_disk(named, directory_);
    const fs::path home = real(terms.home);
    inside_ = {tree_of(real(file), home), tree_of(file.lexically_normal(), home)};
    if (real(directory_) != home) inside_.push_back(real(directory_));
  }

  void check(const std::string& path) const {
    if (!bounded_ || path == named_ || is_web(path)) return;
    const fs::path file = real(on_disk(path, directory_));
    if (std::any_of(inside_.begin(), inside_.end(),
                    [&](const fs::path& folder) { return lies_in(file, folder); }))
      return;
    throw Error(ErrorKind::BadInput,
                fmt::format("{} is outside the folder of {}, and only you can name such a file",
                            quote(file.native()), quote(named_)),
                {fmt::format("if that is meant, name it too: -r {}", file.native())});
  }

 private:
  std::string named_;
  fs::path directory_;
  bool bounded_ = false;
  std::vector<fs::path> inside_;
};

// "https://host" of a place in the text that begins with "scheme://"; nullopt if it contains a variable.
std::optional<Url> origin_at(std::string_view line, std::size_t slashes) {
  std::size_t begin = slashes;
  while (begin > 0 && (is_ascii_alnum(line[begin - 1]) || line[begin - 1] == ':')) --begin;
  std::string_view authority = line.substr(slashes + 2);
  authority = authority.substr(0, authority.find_first_of("/?# \t\"'"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  Expected<Url> url =
      Url::parse(std::string(line.substr(begin, slashes - begin)) + "//" + std::string(authority));
  const bool whole = authority.find_first_of("${}\\") == std::string_view::npos;
  return url && whole ? std::optional(std::move(*url)) : std::nullopt;
}

// `http:${SLASHES}host`: the host to be checked is hidden in variables.
bool hides_a_url(std::string_view line) {
  const std::string text = ascii_lower(line);
  for (const std::string_view scheme : {"http:", "https:", "ssh:", "git:"})
    for (std::size_t at = text.find(scheme); at != std::string::npos; at = text.find(scheme, at + 1))
      if (text.substr(at + scheme.size(), 2) != "//") return true;
  return false;
}

}  // namespace

std::string read_named_file(const fs::path& path) {
  std::optional<std::string> text = read_given_file(path);
  if (!text) throw Error(ErrorKind::BadInput, fmt::format("no such file: {}", quote(path.native())));
  return std::move(*text);
}

RequirementsFile read_requirements_text(const std::string& path, const std::string& text,
                                        const FileTerms& terms) {
  RequirementsReader reader = requirements_reader(path, terms);
  reader.read = [included = std::move(reader.read), &path, &text](const std::string& named) {
    return named == path ? text : included(named);
  };
  return read_requirements(path, false, reader);
}

bool keeps_variables(const std::string& line, const std::vector<Url>& own_indexes) {
  const std::string_view text = trim(line);
  if (hides_a_url(text)) return false;
  // `foo==${X}`: names and versions are sent to the indexes.
  const bool is_local = text.starts_with('-') || text.starts_with('.') || text.starts_with('/');
  std::size_t slashes = text.find("//");
  if (slashes == std::string_view::npos) return is_local;
  for (; slashes != std::string_view::npos; slashes = text.find("//", slashes + 2)) {
    if (slashes == 0 || text[slashes - 1] != ':') {
      if (text.substr(0, slashes).find("://") == std::string_view::npos) return false;
      continue;  // within the path of a URL that was checked
    }
    const std::optional<Url> url = origin_at(text, slashes);
    if (!url) return false;
    const bool is_known =
        url->scheme() == "file" || std::any_of(own_indexes.begin(), own_indexes.end(),
                                               [&](const Url& own) { return same_origin(own, *url); });
    if (!is_known) return false;
  }
  return true;
}

RequirementsReader requirements_reader(const std::string& named, const FileTerms& terms) {
  const fs::path directory = terms.working_directory;
  RequirementsReader reader;
  reader.read = [directory, named, includes = Includes(named, terms),
                 client = terms.client](const std::string& path) {
    includes.check(path);
    if (is_web(path)) return with_commented_hashes(read_from_web(path, client()));
    const fs::path file = on_disk(path, directory);
    if (std::error_code ignored;
        path != named && fs::exists(file, ignored) && !fs::is_regular_file(file, ignored))
      throw Error(ErrorKind::BadInput,
                  fmt::format("{} is not a file, and is read only where you name it", quote(file.native())));
    return with_commented_hashes(read_named_file(file));
  };
  reader.variable = terms.variable;
  reader.exists = [directory](const std::string& path) {
    std::error_code ignored;
    return fs::exists(directory / path, ignored);
  };
  if (terms.as_pip) return reader;
  reader.check_variable = [&terms](const std::string& name, const std::string& line) {
    const std::vector<std::string>& meant = terms.expand_variables;
    if (std::find(meant.begin(), meant.end(), name) != meant.end()) return;
    if (keeps_variables(line, terms.own_indexes)) return;
    throw Error(ErrorKind::BadInput,
                fmt::format("the value of ${{{}}} would be sent to a server that only this file names", name),
                {fmt::format("if that is meant: MOAT_EXPAND_VARIABLES={0}, or `moat config set "
                             "expand-variables {0}`",
                             name)});
  };
  return reader;
}

}  // namespace moat
