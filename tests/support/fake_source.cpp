#include "tests/support/fake_source.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace moat::testing {
namespace {

template <class T>
T valid(Expected<T> parsed, std::string_view text) {
  if (!parsed) throw std::invalid_argument(std::string(text) + ": " + parsed.error().message);
  return std::move(*parsed);
}

std::string file_stem(const FakeRelease& release) {
  return package_name(release.name).escaped() + "-" +
         (release.version_text.empty() ? release.version : release.version_text);
}

Digest sha256(std::string_view shortened) {
  std::string hex;
  while (hex.size() < 64) hex += shortened;
  return {"sha256", hex.substr(0, 64)};
}

// kind: the tag of a wheel, or "sdist".
Artifact artifact(const FakeRelease& release, const std::string& kind) {
  Artifact out;
  out.filename = file_stem(release) + (kind == "sdist" ? ".tar.gz" : "-" + kind + ".whl");
  out.url = valid(Url::parse("https://index.example/files/" + out.filename), out.filename);
  if (kind == "sdist" && release.sdist_sha256)
    out.digests.push_back(sha256(*release.sdist_sha256));
  else if (!release.sha256.empty())
    out.digests.push_back(sha256(release.sha256));
  if (!release.date.empty()) out.upload_time = unix_time(release.date);
  const auto& only = release.yanked_files;
  if (only.empty() || std::find(only.begin(), only.end(), kind) != only.end()) out.yanked = release.yanked;
  out.requires_python = release.index_python;
  out.has_metadata_file = kind != "sdist";
  return out;
}

}  // namespace

PackageName package_name(std::string_view text) { return valid(PackageName::parse(text), text); }
Version version(std::string_view text) { return valid(Version::parse(text), text); }
Requirement requirement(std::string_view text) { return valid(Requirement::parse(text), text); }

UnixTime unix_time(std::string_view date) {
  const int year = std::stoi(std::string(date.substr(0, 4)));
  const auto month = static_cast<unsigned>(std::stoi(std::string(date.substr(5, 2))));
  const auto day = static_cast<unsigned>(std::stoi(std::string(date.substr(8, 2))));
  const std::chrono::sys_days days =
      std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  return std::chrono::duration_cast<std::chrono::seconds>(days.time_since_epoch()).count();
}

Project& FakeSource::project(const PackageName& name) {
  return projects_.try_emplace(name, Project{name, {}, "", "", ""}).first->second;
}

void FakeSource::add(const FakeRelease& row) {
  const PackageName name = package_name(row.name);
  std::vector<ReleaseFile> files;
  for (const std::string& tag : row.tags) {
    Artifact wheel = artifact(row, tag);
    auto filename = valid(WheelFilename::parse(wheel.filename), wheel.filename);
    files.push_back({std::move(wheel), std::move(filename)});
  }
  if (row.sdist) files.push_back({artifact(row, "sdist"), std::nullopt});
  if (!row.url.empty()) {
    const auto direct = std::make_shared<const SourceUrl>(valid(SourceUrl::parse(row.url), row.url));
    for (ReleaseFile& file : files) file.direct = direct;
  }
  auto release = std::make_shared<Release>(version(row.version), std::move(files));
  ReleaseMetadata& metadata = metadata_[release.get()];
  for (const std::string& text : row.requirements) metadata.requires_dist.push_back(requirement(text));
  for (const std::string& text : row.extras)
    metadata.provides_extra.push_back(valid(ExtraName::parse(text), text));
  if (!row.python.empty()) metadata.requires_python = valid(SpecifierSet::parse(row.python), row.python);
  if (!row.unusable.empty()) metadata.unusable = row.unusable;
  if (row.needs_build) to_build_.insert(release.get());
  if (!row.mended.empty()) metadata.mended.push_back(row.mended);
  if (!row.url.empty()) {
    by_url_.try_emplace({name, row.url}, Project{name, {release}, "", "", ""});
    return;
  }
  project(name).index = "https://index.example/simple";
  auto& releases = project(name).releases;
  const auto place = std::upper_bound(releases.begin(), releases.end(), release->version,
                                      [](const Version& v, const auto& other) { return v < other->version; });
  releases.insert(place, std::move(release));
}

void FakeSource::set_status(const std::string& name, const std::string& status, const std::string& reason) {
  project(package_name(name)).status = status;
  project(package_name(name)).status_reason = reason;
}

void FakeSource::fail(const std::string& name, const std::string& of_version, ErrorKind kind,
                      const std::string& message) {
  if (of_version.empty()) {
    failing_pages_.emplace(
        package_name(name),
        Failure{kind, message.empty() ? "the page of " + package_name(name).display() + " failed" : message});
    return;
  }
  const Failure failure{
      kind, message.empty() ? "the metadata of " + package_name(name).display() + " failed" : message};
  for (const auto& release : project(package_name(name)).releases)
    if (release->version == version(of_version)) failing_metadata_.emplace(release.get(), failure);
}

void FakeSource::pin_to_url(const PackageName& name, const std::string& url) {
  pinned_.insert_or_assign(name, url);
  asked_for_.erase({name, nullptr});
  arrived_.erase({name, nullptr});
}

void FakeSource::unpin(const PackageName& name) {
  pinned_.erase(name);
  asked_for_.erase({name, nullptr});
  arrived_.erase({name, nullptr});
}

void FakeSource::deliver_later(const PackageName& name, const Release* release) {
  if (warm_) {
    arrived_.emplace(name, release);
    return;
  }
  const double takes = random_ ? std::uniform_real_distribution<double>(0.1, 3)(*random_) : 1;
  underway_.emplace(now_ + takes, Key{name, release});
}

void FakeSource::request_project(const PackageName& name) {
  if (!asked_for_.emplace(name, nullptr).second) return;
  ++pages_;
  asked_.push_back(name.normalized());
  deliver_later(name, nullptr);
}

void FakeSource::request_metadata(const PackageName& name, const Release& release, const ReleaseFile& file) {
  const bool of_this_release = std::any_of(release.files().begin(), release.files().end(),
                                           [&](const ReleaseFile& other) { return &other == &file; });
  if (!of_this_release) throw std::logic_error("metadata of another release's file was asked for");
  if (!asked_for_.emplace(name, &release).second) return;
  if (to_build_.contains(&release)) {
    if (builds_)
      ++built_;
    else
      failing_metadata_.emplace(
          &release, Failure{ErrorKind::Refused, "only a build could tell what " + name.display() + " needs"});
  }
  ++metadata_files_;
  asked_.push_back(name.normalized() + " " + release.version.to_string());
  deliver_later(name, &release);
}

const Project* FakeSource::find_project(const PackageName& name) {
  if (!arrived_.contains({name, nullptr})) return nullptr;
  if (const auto failure = failing_pages_.find(name); failure != failing_pages_.end())
    throw Error(failure->second.kind, failure->second.message);
  const auto pinned = pinned_.find(name);
  if (pinned == pinned_.end()) return &project(name);
  const auto found = by_url_.find({name, pinned->second});
  if (found == by_url_.end()) throw Error(ErrorKind::Network, pinned->second + " is not there");
  return &found->second;
}

const ReleaseMetadata* FakeSource::find_metadata(const PackageName& name, const Release& release) {
  if (!arrived_.contains({name, &release})) return nullptr;
  if (const auto failure = failing_metadata_.find(&release); failure != failing_metadata_.end())
    throw Error(failure->second.kind, failure->second.message);
  return &metadata_.at(&release);
}

CandidateSource::Arrival FakeSource::wait() {
  if (underway_.empty()) throw std::logic_error("waiting, but nothing is outstanding");
  const auto next = underway_.begin();
  now_ = std::max(now_, next->first);
  const Key key = next->second;
  underway_.erase(next);
  arrived_.insert(key);
  return {key.first, key.second};
}

}  // namespace moat::testing
