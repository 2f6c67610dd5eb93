#include "resolver/solve/candidate_filter.h"

#include <algorithm>
#include <tuple>

namespace moat {
namespace {

enum class HashVerdict { Known, Unknown, Wrong };

// A file is wrong if the index lists a digest of the same algorithm as the user's, with another value. If the
// two cannot be compared, the download decides.
HashVerdict judge_hash(const Artifact& artifact, const std::vector<Digest>& allowed) {
  bool comparable = allowed.empty();
  for (const Digest& digest : artifact.digests) {
    for (const Digest& candidate : allowed) {
      if (digest == candidate) return HashVerdict::Known;
      comparable |= digest.algorithm == candidate.algorithm;
    }
  }
  return comparable ? HashVerdict::Wrong : HashVerdict::Unknown;
}

// Is one of the allowed hashes listed for no file of the release? Then it may belong to a file for which the
// index lists no hash, or one of another algorithm.
bool has_hashes_left(const std::vector<Digest>* allowed, const Release& release) {
  if (allowed == nullptr) return false;
  return std::any_of(allowed->begin(), allowed->end(), [&](const Digest& digest) {
    return std::none_of(release.files().begin(), release.files().end(), [&](const ReleaseFile& file) {
      const std::vector<Digest>& promised = file.artifact.digests;
      return std::find(promised.begin(), promised.end(), digest) != promised.end();
    });
  });
}

}  // namespace

bool BinaryPolicy::wheels(const PackageName& name) const {
  const auto found = by_name.find(name);
  return found == by_name.end() ? allow_wheels : found->second.first;
}

bool BinaryPolicy::sdists(const PackageName& name) const {
  const auto found = by_name.find(name);
  return found == by_name.end() ? allow_sdists : found->second.second;
}

Prereleases PrereleasePolicy::of(const PackageName& name) const {
  const auto found = by_name.find(name);
  return found == by_name.end() ? otherwise : found->second;
}

namespace {

// As it was written, for ===.
std::string_view version_text(const Release& release) {
  for (const ReleaseFile& file : release.files())
    if (file.wheel) return file.wheel->version_text;
  return "";
}

}  // namespace

bool admits(const SpecifierSet& specifiers, const Release& release) {
  const bool compares_texts = std::ranges::any_of(
      specifiers.clauses(), [](const Specifier& clause) { return clause.op() == Operator::ArbitraryEqual; });
  return specifiers.contains(release.version, compares_texts ? version_text(release) : std::string_view());
}

CandidateFilter::CandidateFilter(const ResolveRequest& request) : request_(request), hashes_(request) {
  for (const auto* lines : {&request.requirements, &request.constraints}) {
    for (const RootRequirement& line : *lines) {
      const Requirement& requirement = line.requirement;
      if (requirement.marker && !requirement.marker->evaluate(request.target.environment)) continue;
      if (requirement.specifier.pinned_version()) pins_[requirement.name].push_back(requirement.specifier);
    }
  }
}

bool CandidateFilter::python_admitted(std::string_view requires_python) {
  if (requires_python.empty() || request_.ignore_requires_python) return true;
  auto known = python_admitted_.find(requires_python);
  if (known == python_admitted_.end()) {
    // A Requires-Python that does not parse excludes nothing here; the metadata decides later.
    const auto specifiers = SpecifierSet::parse(requires_python);
    const auto admits = [&](const Version& python) { return !specifiers || specifiers->contains(python); };
    const bool here = admits(request_.target.python);
    const bool everywhere = here && std::all_of(request_.also_for.begin(), request_.also_for.end(), admits);
    known = python_admitted_.emplace(requires_python, Admitted{here, everywhere}).first;
  }
  return wants_everywhere_ ? known->second.everywhere : known->second.here;
}

bool CandidateFilter::yanked_is_pinned(const PackageName& name, const Version& version) const {
  if (request_.may_use_yanked.contains({name, version})) return true;
  const auto pins = pins_.find(name);
  return pins != pins_.end() && std::any_of(pins->second.begin(), pins->second.end(),
                                            [&](const SpecifierSet& pin) { return pin.contains(version); });
}

std::optional<std::size_t> CandidateFilter::rank(const std::vector<Tag>& tags) {
  const auto [entry, is_new] = ranks_.try_emplace(&tags);
  if (is_new) entry->second = request_.target.tags.rank(tags);
  return entry->second;
}

CandidateFilter::FileVerdict CandidateFilter::judge(const PackageName& name, const Release& release,
                                                    std::size_t place, Rules rules) {
  const FileTraits& file = release.traits()[place];
  FileVerdict out{.place = place, .is_wheel = file.is_wheel(), .yanked = file.yanked};
  const auto stops_at = [&out](Verdict verdict) {
    out.verdict = verdict;
    return out;
  };
  if (rules != Rules::FromUrl &&
      !(file.is_wheel() ? request_.binary.wheels(name) : request_.binary.sdists(name)))
    return stops_at(Verdict::KindForbidden);
  // Without a date, nothing shows that a file is old enough.
  if (rules == Rules::All && request_.exclude_newer && !file.direct &&
      (!file.upload_time || *file.upload_time > *request_.exclude_newer))
    return stops_at(Verdict::CutByDate);
  if (const std::vector<Digest>* allowed = hashes_.of(name)) {
    const HashVerdict hash = judge_hash(release.files()[place].artifact, *allowed);
    if (hash == HashVerdict::Wrong) return stops_at(Verdict::WrongHash);
    out.hash_known = hash == HashVerdict::Known;
  } else if (request_.require_hashes) {
    return stops_at(Verdict::WrongHash);
  }
  if (file.is_wheel()) {
    const auto found = rank(*file.tags);
    if (!found) return stops_at(Verdict::WrongTags);
    out.tag_rank = *found;
  }
  if (!python_admitted(file.requires_python)) return stops_at(Verdict::WrongPython);
  if (file.may_need_build() && !request_.can_build) return stops_at(Verdict::OnlySdist);
  return stops_at(Verdict::Eligible);
}

// Hash allowed > not yanked > wheel before sdist > tag rank > build tag.
bool CandidateFilter::is_better(const FileVerdict& a, const FileVerdict& b, const Release& release) {
  const auto key = [](const FileVerdict& one) {
    return std::tuple(one.hash_known, !one.yanked, one.is_wheel);
  };
  if (key(a) != key(b)) return key(a) > key(b);
  if (!a.is_wheel) return false;
  if (a.tag_rank != b.tag_rank) return a.tag_rank < b.tag_rank;
  return release.files()[a.place].wheel->build > release.files()[b.place].wheel->build;
}

// Fills in the candidate's file; it is one where the verdict is Eligible.
Verdict CandidateFilter::judge_release(const PackageName& name, Rules rules, Candidate& candidate) {
  const Release& release = *candidate.release;
  Verdict verdict = Verdict::NoFiles;
  std::optional<FileVerdict> best;
  const bool hashes_left = has_hashes_left(hashes_.of(name), release);
  for (std::size_t place = 0; place < release.traits().size(); ++place) {
    FileVerdict judged = judge(name, release, place, rules);
    verdict = std::max(verdict, judged.verdict);
    if (judged.verdict != Verdict::Eligible) continue;
    // A wheel that may have one of the hashes comes before an sdist that has another: the lines name both.
    judged.hash_known = judged.hash_known || (hashes_left && judged.is_wheel);
    if (const auto& uploaded = release.traits()[place].upload_time;
        uploaded && (!candidate.uploaded || *uploaded < *candidate.uploaded))
      candidate.uploaded = uploaded;
    if (!best || is_better(judged, *best, release)) best = judged;
  }
  if (!best) return verdict;
  candidate.place = best->place;
  candidate.yanked = best->yanked;
  if (best->yanked && !yanked_is_pinned(name, candidate.version())) return Verdict::Yanked;
  return verdict;
}

FilteredProject CandidateFilter::filter(const Project& project, bool from_url) {
  if (!request_.also_for.empty()) {
    wants_everywhere_ = true;
    FilteredProject out = judge_all(project, from_url);
    wants_everywhere_ = false;
    if (!out.candidates.empty()) return out;
  }
  return judge_all(project, from_url);
}

FilteredProject CandidateFilter::judge_all(const Project& project, bool from_url) {
  ranks_.clear();
  FilteredProject out;
  out.verdicts.reserve(project.releases.size());
  const bool no_prereleases = !from_url && request_.prereleases.of(project.name) == Prereleases::Forbid;
  for (const std::shared_ptr<const Release>& release : project.releases) {
    Candidate candidate{release, 0, false, std::nullopt};
    Verdict verdict = judge_release(project.name, from_url ? Rules::FromUrl : Rules::All, candidate);
    if (verdict == Verdict::Eligible && no_prereleases && candidate.prerelease())
      verdict = Verdict::Prerelease;
    out.verdicts.push_back(verdict);
    if (verdict == Verdict::Eligible) out.candidates.push_back(std::move(candidate));
  }
  return out;
}

std::optional<FilteredProject> CandidateFilter::only(const Project& project, const Version& version) {
  const auto found = std::ranges::lower_bound(
      project.releases, version, {}, [](const auto& release) -> const Version& { return release->version; });
  if (found == project.releases.end() || (*found)->version != version) return std::nullopt;
  std::optional<Candidate> one = candidate(project.name, *found, false);
  const bool no_prereleases = request_.prereleases.of(project.name) == Prereleases::Forbid;
  if (!one || (no_prereleases && one->prerelease())) return std::nullopt;
  FilteredProject out;
  out.candidates.push_back(*std::move(one));
  return out;
}

std::optional<Candidate> CandidateFilter::candidate(const PackageName& name,
                                                    const std::shared_ptr<const Release>& release,
                                                    bool from_url) {
  ranks_.clear();
  Candidate candidate{release, 0, false, std::nullopt};
  if (judge_release(name, from_url ? Rules::FromUrl : Rules::All, candidate) != Verdict::Eligible)
    return std::nullopt;
  return candidate;
}

bool CandidateFilter::may_use(const PackageName& name, const std::shared_ptr<const Release>& release,
                              bool from_url) {
  // Which file is the best does not matter, unless that decides whether it was yanked.
  ranks_.clear();
  if (hashes_.of(name) == nullptr)
    for (std::size_t place = 0; place < release->traits().size(); ++place)
      if (const FileVerdict file = judge(name, *release, place, from_url ? Rules::FromUrl : Rules::All);
          file.verdict == Verdict::Eligible && !file.yanked)
        return true;
  return candidate(name, release, from_url).has_value();
}

std::optional<UnixTime> CandidateFilter::first_usable(const Project& project,
                                                      const SpecifierSet& specifiers) {
  ranks_.clear();
  std::optional<UnixTime> usable, any;
  const auto take_earlier = [](std::optional<UnixTime>& earliest, UnixTime time) {
    if (!earliest || time < *earliest) earliest = time;
  };
  for (const std::shared_ptr<const Release>& release : project.releases) {
    if (!admits(specifiers, *release)) continue;
    for (std::size_t place = 0; place < release->traits().size(); ++place) {
      const std::optional<UnixTime>& uploaded = release->traits()[place].upload_time;
      if (!uploaded) continue;
      take_earlier(any, *uploaded);
      const FileVerdict verdict = judge(project.name, *release, place, Rules::WhateverTheDate);
      if (verdict.verdict == Verdict::Eligible && !verdict.yanked) take_earlier(usable, *uploaded);
    }
  }
  return usable ? usable : any;
}

}  // namespace moat
