#include "fetch/index/known_advisories.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>
#include <utility>

namespace moat {

KnownAdvisories::KnownAdvisories(const std::optional<std::filesystem::path>& folder, Reporter& reporter)
    : reporter_(reporter) {
  if (folder) folder_ = AdvisoryFolder::read(*folder);
}

void KnownAdvisories::learn(const std::vector<IndexedRelease>& releases,
                            const std::function<HttpClient&()>& client) {
  std::vector<IndexedRelease> unknown;
  for (const IndexedRelease& release : releases)
    if (const auto [entry, is_new] = known_.try_emplace({release.name, release.version}); is_new) {
      if (folder_)
        entry->second = folder_->of(release.name, release.version);
      else if (!release.index.empty())
        unknown.push_back(release);
    }
  if (!unknown.empty()) ask_indexes(unknown, client());
}

const std::vector<Advisory>& KnownAdvisories::of(const PackageName& name, const Version& version) const {
  return known_.at({name, version});
}

void KnownAdvisories::tell_silent(const std::string& index) {
  if (!silent_.insert(index).second) return;
  reporter_.warn(fmt::format(
      "{} does not report vulnerabilities; the setting `advisories` takes a folder of OSV records", index));
}

void KnownAdvisories::ask_indexes(const std::vector<IndexedRelease>& releases, HttpClient& http) {
  struct Asked {
    const IndexedRelease* release;
    Url url;
    std::future<HttpClient::Result> answer;
  };
  std::vector<Asked> asked;
  for (const IndexedRelease& release : releases) {
    // The client has the credentials; a URL that was shown has a mark in their place.
    const Expected<Url> index = Url::parse(release.index);
    const std::optional<Url> url =
        index ? release_json_url(index->without_credentials(), release.name, release.version) : std::nullopt;
    if (!url) {
      tell_silent(release.index);
      continue;
    }
    const auto promise = std::make_shared<std::promise<HttpClient::Result>>();
    asked.push_back({&release, *url, promise->get_future()});
    http.send({.url = *url}, [promise](HttpClient::Result result) { promise->set_value(std::move(result)); });
  }
  for (Asked& one : asked) {
    HttpClient::Result result = one.answer.get();
    if (const Error* error = std::get_if<Error>(&result)) throw Error(*error);
    const HttpResponse& response = std::get<HttpResponse>(result);
    if (response.status == 404 || response.status == 410) {
      tell_silent(one.release->index);
      continue;
    }
    if (response.status != 200)
      throw Error(ErrorKind::Network,
                  fmt::format("{} answers with HTTP status {}", one.url.display(), response.status));
    Expected<std::vector<Advisory>> advisories = parse_release_advisories(response.body);
    if (!advisories)
      throw Error(ErrorKind::Network,
                  fmt::format("cannot read {}: {}", one.url.display(), advisories.error().message));
    known_[{one.release->name, one.release->version}] = std::move(*advisories);
  }
}

std::vector<RootRequirement> exclude_vulnerable(const std::vector<const ResolvedPackage*>& packages,
                                                KnownAdvisories& known,
                                                const std::vector<AuditException>& exceptions, UnixTime now,
                                                HttpClient& http) {
  const auto counts = [&](const Advisory& advisory) {
    return std::ranges::none_of(exceptions, [&](const AuditException& exception) {
      return !exception.is_over(now) && advisory.goes_by(exception.id);
    });
  };
  std::vector<IndexedRelease> releases;
  for (const ResolvedPackage* package : packages)
    if (!package->file.direct) releases.push_back({package->name, package->version, package->index});
  known.learn(releases, [&]() -> HttpClient& { return http; });
  std::vector<RootRequirement> out;
  for (const IndexedRelease& release : releases) {
    const std::vector<Advisory>& against = known.of(release.name, release.version);
    const auto found = std::ranges::find_if(against, counts);
    if (found == against.end()) continue;
    const std::string text = fmt::format("{}!={}", release.name.normalized(), release.version.to_string());
    if (Expected<Requirement> requirement = Requirement::parse(text))
      out.push_back({*std::move(requirement), {fmt::format("--no-vulnerable, {}", found->id)}, {}});
  }
  return out;
}

}  // namespace moat
