#include "envs/place/direct_url.h"

#include "resolver/base/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

using Json = nlohmann::ordered_json;

// "${NAME}"
bool is_variable(std::string_view text) {
  return text.size() > 3 && text.substr(0, 2) == "${" && text.back() == '}' &&
         std::all_of(text.begin() + 2, text.end() - 1, [](char c) { return is_ascii_alnum(c) || c == '_'; });
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json* object_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

std::optional<Digest> archive_digest(const Json& info) {
  if (const Json* hashes = object_at(info, "hashes"))
    if (auto digest = Digest::parse("sha256", text_at(*hashes, "sha256"))) return std::move(*digest);
  auto digest = Digest::parse(text_at(info, "hash"));  // the older spelling, "sha256=…"
  return digest && digest->algorithm == "sha256" ? std::optional(std::move(*digest)) : std::nullopt;
}

}  // namespace

Url without_secrets(const Url& url) {
  const std::string userinfo = url.userinfo();
  const auto parts = split(userinfo, ':');
  const bool harmless =
      userinfo == "git" || (parts.size() <= 2 && std::all_of(parts.begin(), parts.end(), is_variable));
  return harmless ? url : url.without_credentials();
}

std::optional<DirectUrl> DirectUrl::parse(std::string_view text) {
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  DirectUrl out;
  out.url = text_at(document, "url");
  // Other installers leave the password in.
  if (const Expected<Url> url = Url::parse(out.url)) out.url = without_secrets(*url).to_string();
  out.subdirectory = text_at(document, "subdirectory");
  if (out.url.empty()) return std::nullopt;
  if (const Json* git = object_at(document, "vcs_info")) {
    out.kind = SourceKind::Git;
    out.vcs = text_at(*git, "vcs");
    out.commit = text_at(*git, "commit_id");
    out.requested_revision = text_at(*git, "requested_revision");
  } else if (const Json* folder = object_at(document, "dir_info")) {
    out.kind = SourceKind::Directory;
    const auto editable = folder->find("editable");
    out.editable = editable != folder->end() && editable->is_boolean() && editable->get<bool>();
  } else if (const Json* archive = object_at(document, "archive_info")) {
    out.sha256 = archive_digest(*archive);
  } else {
    return std::nullopt;
  }
  return out;
}

DirectUrl DirectUrl::of(const SourceUrl& source, const std::optional<Digest>& sha256, bool editable) {
  DirectUrl out;
  out.kind = source.kind;
  out.url = without_secrets(source.url).without_fragment().to_string();
  out.subdirectory = source.subdirectory;
  switch (source.kind) {
    case SourceKind::Git:
      out.vcs = "git";
      out.commit = source.commit;
      out.requested_revision = source.revision;
      break;
    case SourceKind::Directory:
      out.editable = editable;
      break;
    case SourceKind::Wheel:
    case SourceKind::Archive:
      out.sha256 = sha256;
      break;
  }
  return out;
}

std::string DirectUrl::to_text() const {
  Json document = Json::object();
  switch (kind) {
    case SourceKind::Git: {
      Json info{{"commit_id", commit}};
      if (!requested_revision.empty()) info["requested_revision"] = requested_revision;
      info["vcs"] = vcs;
      document["vcs_info"] = info;
      break;
    }
    case SourceKind::Directory:
      document["dir_info"] = Json::object();
      if (editable) document["dir_info"]["editable"] = true;
      break;
    case SourceKind::Wheel:
    case SourceKind::Archive:
      document["archive_info"] = Json::object();
      if (sha256)
        document["archive_info"] = {{"hash", "sha256=" + sha256->hex}, {"hashes", {{"sha256", sha256->hex}}}};
      break;
  }
  if (!subdirectory.empty()) document["subdirectory"] = subdirectory;
  document["url"] = url;
  return document.dump();
}

std::string DirectUrl::reference() const {
  std::string out = url, fragment;
  if (kind == SourceKind::Git) out = vcs + "+" + url + "@" + commit;
  if ((kind == SourceKind::Archive || kind == SourceKind::Wheel) && sha256)
    fragment = "sha256=" + sha256->hex;
  if (!subdirectory.empty())
    fragment +=
        (fragment.empty() ? "" : "&") + std::string("subdirectory=") + percent_encode_path(subdirectory);
  return fragment.empty() ? out : out + "#" + fragment;
}

std::string DirectUrl::place() const {
  const auto parsed = Url::parse(url);
  if (kind == SourceKind::Directory && parsed && parsed->scheme() == "file")
    return parsed->file_path() + (subdirectory.empty() ? "" : "/" + subdirectory);
  DirectUrl without_hash = *this;
  without_hash.sha256.reset();
  return without_hash.reference();
}

std::string frozen_line(const PackageName& name, const DirectUrl& from) {
  if (!from.editable) return name.display() + " @ " + from.reference();
  const auto url = Url::parse(from.url);
  // A path with blanks would be several words of a requirements file.
  const bool plain = url && url->scheme() == "file" && from.subdirectory.empty() &&
                     url->file_path().find_first_of(" \t\"'\\#") == std::string::npos;
  return "-e " + (plain ? url->file_path() : from.reference());
}

}  // namespace moat
