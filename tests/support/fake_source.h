// A CandidateSource from a table, with a clock of its own: every request takes one trip (or a random time),
// so a test can count requests and the round trips that they take one after another.
#pragma once

#include "resolver/solve/candidate.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat::testing {

PackageName package_name(std::string_view text);
Version version(std::string_view text);
Requirement requirement(std::string_view text);

// What a table says of one release.
struct FakeRelease {
  std::string name, version;
  std::vector<std::string> requirements;
  std::vector<std::string> extras;  // declared; those that requirements' markers name need not be
  std::optional<std::string> yanked;
  std::string index_python;                          // Requires-Python as the index tells it
  std::string python;                                // … as only the metadata tells it
  std::string date;                                  // 2024-05-31
  std::vector<std::string> tags = {"py3-none-any"};  // of one wheel each; empty: no wheel
  bool sdist = false;
  std::optional<std::string> sdist_sha256;  // of the sdist, where it is not `sha256`
  std::vector<std::string> yanked_files;    // tags of wheels (or "sdist") that are yanked, where not all are
  std::string version_text;                 // in file names, where it is not the normal form
  std::string sha256;                       // of all its files, shortened: repeated to full length
  std::string unusable, mended;
  std::string url;           // not on the index, only there
  bool needs_build = false;  // its metadata takes a build
};

class FakeSource : public CandidateSource {
 public:
  void add(const FakeRelease& release);
  void set_status(const std::string& name, const std::string& status, const std::string& reason);
  // This page, or the metadata of this release, fails with Error(Network); or as it is told.
  void fail(const std::string& name, const std::string& version = "", ErrorKind kind = ErrorKind::Network,
            const std::string& message = "");
  // Answers take random times from now on.
  void shuffle(std::uint64_t seed) { random_.emplace(seed); }
  // Answers are there at once.
  void set_warm() { warm_ = true; }

  void pin_to_url(const PackageName& name, const std::string& url) override;
  void unpin(const PackageName& name) override;
  void request_project(const PackageName& name) override;
  void request_metadata(const PackageName& name, const Release& release, const ReleaseFile& file) override;
  const Project* find_project(const PackageName& name) override;
  const ReleaseMetadata* find_metadata(const PackageName& name, const Release& release) override;
  void stop_building() override { builds_ = false; }
  Arrival wait() override;

  int pages() const { return pages_; }
  int metadata_files() const { return metadata_files_; }
  int builds() const { return built_; }
  // Time that passed, in trips.
  double trips() const { return now_; }
  // "a", "a 1.0": in the order of asking.
  const std::vector<std::string>& asked() const { return asked_; }

 private:
  using Key = std::pair<PackageName, const Release*>;
  Project& project(const PackageName& name);
  void deliver_later(const PackageName& name, const Release* release);

  std::map<PackageName, Project> projects_;
  std::map<std::pair<PackageName, std::string>, Project> by_url_;
  std::map<PackageName, std::string> pinned_;
  std::map<const Release*, ReleaseMetadata> metadata_;
  struct Failure {
    ErrorKind kind;
    std::string message;
  };
  std::map<PackageName, Failure> failing_pages_;
  std::map<const Release*, Failure> failing_metadata_;
  std::set<const Release*> to_build_;
  std::set<Key> arrived_;
  std::set<Key> asked_for_;
  std::multimap<double, Key> underway_;
  double now_ = 0;
  std::optional<std::mt19937_64> random_;
  bool warm_ = false;
  bool builds_ = true;
  int pages_ = 0, metadata_files_ = 0, built_ = 0;
  std::vector<std::string> asked_;
};

// 2024-05-31 → seconds since the epoch.
UnixTime unix_time(std::string_view date);

}  // namespace moat::testing
