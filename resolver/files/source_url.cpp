#include "resolver/files/source_url.h"

#include "resolver/base/text.h"
#include "resolver/pep/dist_filename.h"

#include <algorithm>
#include <array>

namespace moat {
namespace {

constexpr std::string_view kGit = "git+";

bool begins(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

std::optional<std::string_view> other_version_control(std::string_view text) {
  constexpr std::array<std::string_view, 4> kNames = {"hg", "svn", "bzr", "fossil"};
  for (const std::string_view name : kNames)
    if (begins(text, name) && text.size() > name.size() && text[name.size()] == '+') return name;
  return std::nullopt;
}

// `https://host/download/123`, `…/tarball/v1.0`: the type is known only after the download. A name with an
// extension made of letters is taken to be something else.
bool may_be_anything(std::string_view filename) {
  const std::size_t dot = filename.rfind('.');
  return !filename.empty() && (dot == std::string_view::npos ||
                               !std::all_of(filename.begin() + static_cast<std::ptrdiff_t>(dot) + 1,
                                            filename.end(), is_ascii_alpha));
}

// "python/./pkg/" → "python/pkg"; nullopt for what leaves the tree.
std::optional<std::string> inside_tree(const std::string& path) {
  if (path.find('\0') != std::string::npos || path.find('\\') != std::string::npos || begins(path, "/"))
    return std::nullopt;
  std::vector<std::string> kept;
  for (const std::string_view part : split(path, '/')) {
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") kept.emplace_back(part);
  }
  return join(kept, "/");
}

std::optional<ParseError> read_egg(std::string_view text, SourceUrl& out) {
  std::string_view extras;
  if (const std::size_t bracket = text.find('['); bracket != std::string_view::npos && text.back() == ']') {
    extras = text.substr(bracket + 1, text.size() - bracket - 2);
    text = text.substr(0, bracket);
  }
  auto name = PackageName::parse(text);
  if (!name) return ParseError{"`egg` is not a name: " + name.error().message, 0};
  out.name = std::move(*name);
  if (extras.empty()) return std::nullopt;
  for (const std::string_view part : split(extras, ',')) {
    auto extra = ExtraName::parse(trim(part));
    if (!extra) return ParseError{"`egg` has an extra that is not valid: " + extra.error().message, 0};
    out.extras.insert(std::move(*extra));
  }
  return std::nullopt;
}

std::optional<ParseError> read_fragment(std::string_view fragment, SourceUrl& out) {
  for (const std::string_view part : split(fragment, '&')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = part.substr(0, equals);
    const std::string value = percent_decode(part.substr(equals + 1));
    if (key == "subdirectory") {
      auto path = inside_tree(value);
      if (!path) return ParseError{"`subdirectory` leaves the source tree: " + quote(value), 0};
      out.subdirectory = std::move(*path);
    } else if (key == "egg") {
      if (auto error = read_egg(value, out)) return error;
    } else if (auto digest = Digest::parse(key, value)) {
      out.digests.push_back(std::move(*digest));
    } else if (key == "sha256" || key == "sha384" || key == "sha512" || key == "md5") {
      return ParseError{"`" + std::string(key) + "` is not a hash: " + digest.error().message, 0};
    }
  }
  return std::nullopt;
}

// A text that ssh would take as an option.
bool is_option(std::string_view part) { return begins(percent_decode(part), "-"); }

Expected<SourceUrl> parse_git(std::string_view text) {
  text.remove_prefix(kGit.size());
  const std::size_t fragment = std::min(text.find('#'), text.size());
  std::string_view location = text.substr(0, fragment);
  SourceUrl out;
  out.kind = SourceKind::Git;
  const std::size_t authority = location.find("://");
  if (authority == std::string_view::npos)
    return parse_error("a git URL is git+https://…, git+ssh://… or git+file://…");
  const std::size_t path = std::min(location.find('/', authority + 3), location.size());
  if (const std::size_t at = location.rfind('@'); at != std::string_view::npos && at > path) {
    out.revision = percent_decode(location.substr(at + 1));
    location = location.substr(0, at);
    if (!is_git_revision(out.revision))
      return parse_error(quote(out.revision) + " is not a branch, tag or commit of git");
  }
  auto url = Url::parse(location);
  if (!url) return tl::unexpected(std::move(url.error()));
  if (url->scheme() != "https" && url->scheme() != "ssh" && url->scheme() != "file")
    return parse_error("git is asked over https, ssh and file only, not " + quote(url->scheme()));
  if (is_option(url->host()) || is_option(url->userinfo()) || url->path().size() < 2)
    return parse_error("that is not the address of a git repository");
  out.url = std::move(*url);
  const std::string_view rest = fragment < text.size() ? text.substr(fragment + 1) : std::string_view();
  if (auto error = read_fragment(rest, out)) return tl::unexpected(std::move(*error));
  return out;
}

}  // namespace

bool is_git_revision(std::string_view text) {
  constexpr std::string_view kRefused = " ~^:?*[\\\x7f";
  return !text.empty() && text.front() != '-' && text.front() != '/' &&
         text.find("..") == std::string_view::npos && text.find("@{") == std::string_view::npos &&
         std::none_of(text.begin(), text.end(), [&](char c) {
           return (static_cast<unsigned char>(c) < 0x20) || kRefused.find(c) != std::string_view::npos;
         });
}

namespace {

// RFC 8089 also has file:/path, which pip-compile writes.
std::optional<std::string> with_authority(std::string_view text) {
  for (const std::string_view scheme : {std::string_view("git+file:"), std::string_view("file:")})
    if (begins(text, scheme) && text.substr(scheme.size()).starts_with('/') &&
        !text.substr(scheme.size()).starts_with("//"))
      return std::string(scheme) + "//" + std::string(text.substr(scheme.size()));
  return std::nullopt;
}

}  // namespace

Expected<SourceUrl> SourceUrl::parse(std::string_view text) {
  if (const auto whole = with_authority(text)) return parse(*whole);
  if (const auto other = other_version_control(text))
    return parse_error("moat takes sources from git only: " + std::string(*other) + " is not supported");
  if (begins(text, kGit)) return parse_git(text);
  auto url = Url::parse(text);
  if (!url) return tl::unexpected(std::move(url.error()));
  if (url->scheme() != "http" && url->scheme() != "https" && url->scheme() != "file")
    return parse_error("packages come from http, https, file and git+ URLs, not from " +
                       quote(url->scheme() + ":"));
  SourceUrl out;
  if (auto error = read_fragment(url->fragment(), out)) return tl::unexpected(std::move(*error));
  out.url = url->without_fragment();
  const std::string filename = url->last_segment();
  if (filename.size() > 4 && filename.substr(filename.size() - 4) == ".whl")
    out.kind = SourceKind::Wheel;
  else if (archive_kind(filename))
    out.kind = SourceKind::Archive;
  else if (url->scheme() == "file")
    out.kind = SourceKind::Directory;
  else if (may_be_anything(filename))
    out.kind = SourceKind::Archive;
  else
    return parse_error(quote(filename) + " is the name of neither a wheel nor a source archive");
  return out;
}

namespace {

// So that it is read as it is: `pkg@1.0` names a tag, and the last `@` begins a revision.
std::string escaped(std::string_view revision) {
  std::string out;
  for (const char c : revision) {
    if (c == '%')
      out += "%25";
    else if (c == '@')
      out += "%40";
    else if (c == '#')
      out += "%23";
    else
      out += c;
  }
  return out;
}

std::string text_of(const SourceUrl& source, std::string url, const std::string& revision) {
  if (source.kind == SourceKind::Git) url.insert(0, kGit);
  if (!revision.empty()) url += "@" + escaped(revision);
  if (!source.subdirectory.empty()) url += "#subdirectory=" + percent_encode_path(source.subdirectory);
  return url;
}

}  // namespace

std::string SourceUrl::display() const { return text_of(*this, url.display(), revision); }

bool same_reference(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const auto one = SourceUrl::parse(a);
  const auto other = SourceUrl::parse(b);
  return one && other && one->kind == other->kind && one->revision == other->revision &&
         one->subdirectory == other->subdirectory && one->digests == other->digests &&
         one->url.without_credentials() == other->url.without_credentials();
}

std::string pinned_text(const SourceUrl& source) {
  return text_of(source, source.url.to_string(), source.commit.empty() ? source.revision : source.commit);
}

}  // namespace moat
