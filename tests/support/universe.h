// Small random universes of packages, and an oracle that answers each by trying everything.
#pragma once

#include "resolver/solve/solve.h"
#include "tests/support/fake_source.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace moat::testing {

// When a requirement is in force, beside its Python: with which extras of its package.
enum class When { Always, First, Second, Either, Both, NotFirst };

struct Need {
  int name = 0;
  std::string specifier;
  std::string url;  // then there is no specifier
  std::set<int> extras;
  When when = When::Always;
  bool elsewhere = false;  // for another platform only
  bool says_here = false;  // has a marker that holds here

  bool in_force(const std::set<int>& with) const;
};

struct Row {
  std::string version;
  std::string url;           // not on the index, only there
  bool yanked = false;       // all files
  bool half_yanked = false;  // the better one of two files
  bool broken = false;       // found out with its metadata
  std::vector<Need> needs;

  bool is_prerelease() const { return version.find("rc") != std::string::npos; }
};

struct Traits {
  bool prereleases = false;
  bool extras = false;
  bool self_extras = false;  // extras that ask for others of the same package
  bool markers = false;
  bool two_extras = false;  // `extra == "x0" and extra == "x1"`
  bool not_extras = false;  // `extra != "x0"`
  bool yanked = false;
  bool dates = false;
  bool urls = false;
};

std::string name_of(int name);
std::string text_of(const Need& need);

class Universe {
 public:
  Universe(std::uint64_t seed, const Traits& traits);

  // Rows of the index, oldest first, then those of URLs.
  const std::vector<std::vector<Row>>& projects() const { return projects_; }
  const std::vector<Row>& rows(int name) const { return projects_[static_cast<std::size_t>(name)]; }
  const std::vector<Need>& requests() const { return requests_; }
  void fill(FakeSource& source) const;
  ResolveRequest request() const;
  std::string to_string() const;  // for a failing test
  // Of a resolution: the row of each package.
  std::map<int, std::size_t> rows_of(const Resolution& resolution) const;

 private:
  int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint64_t>(limit)); }
  bool chance(int percent) { return below(100) < percent; }
  std::vector<Row> versions(int name);
  std::string specifier(bool of_request);
  Need need(int name, bool of_request);
  void add_needs(int name, Row& row);

  std::mt19937_64 random_;
  Traits traits_;
  std::vector<std::vector<Row>> projects_;
  std::vector<Need> requests_;
};

class Oracle {
 public:
  Oracle(const Universe& universe, bool prereleases) : universe_(universe), prereleases_(prereleases) {}

  using Chosen = std::map<int, std::size_t>;  // rows by name

  // Can the requests be met? pinned: with these rows where the names are needed.
  bool solvable(const std::vector<Need>& requests, const Chosen& pinned = {});
  // May the row be chosen, whatever needs it?
  bool eligible(int name, std::size_t index) const;
  bool admits(const Need& need, std::size_t index) const;
  // Do the extras that are asked for with these rows agree with what asks for them? (`extra != "x"` may not.)
  bool settles(const std::vector<Need>& requests, const Chosen& chosen) const;
  // Everything that is in force with these rows; nullopt where something is missing or not admitted, or where
  // it does not settle.
  std::optional<std::vector<Need>> in_force(const std::vector<Need>& requests, const Chosen& chosen) const;
  // Is `a` taken before `b` where both will do?
  bool is_preferred(int name, std::size_t a, std::size_t b) const;

 private:
  struct State {
    Chosen chosen;
    std::map<int, std::set<int>> extras;
    std::set<const Need*> opened;
    std::vector<const Need*> open;
  };
  using Extras = std::map<int, std::set<int>>;
  struct Followed {
    std::vector<Need> needs;
    Extras extras;
  };
  // From the requests on. known: the extras that markers see; nullptr: those met so far.
  Followed followed(const std::vector<Need>& requests, const Chosen& chosen, const Extras* known) const;
  std::optional<Followed> settled(const std::vector<Need>& requests, const Chosen& chosen) const;
  void open_needs(int name, State& state) const;
  bool search(State state) const;
  bool urls_are_asked_for(const State& state) const;

  const Universe& universe_;
  bool prereleases_;
  const std::vector<Need>* requests_ = nullptr;
  const Chosen* pinned_ = nullptr;
  mutable std::map<std::pair<std::string, std::string>, bool> admitted_;
};

}  // namespace moat::testing
