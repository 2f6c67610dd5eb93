// libsolv's pool in our own verbs: solvables that stand for whatever the caller chooses, and dependencies
// that are met by explicit lists of solvables. libsolv never sees versions, comparable names, or
// provides.
//
// Two properties of the library shape this interface. Solvables provide nothing, so the index of providers is
// built once, on the empty pool, and adding a solvable later is free; every dependency carries its list of
// solvables from the start. And an empty list must be a dependency that nothing meets: any other form is
// silently satisfied by the library (tests/resolver/solv pins this down).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

struct s_Pool;
struct s_Repo;

namespace moat::solv {

// Index of a solvable; consecutive within a block. Among the solvables still to be decided, those with a
// higher id have their requirements decided first.
using SolvableId = int;
// An interned text that tells solvables apart; two solvables of the same name are ordered by rank.
using NameId = int;

struct Dep {
  int id = 0;
  friend bool operator==(const Dep&, const Dep&) = default;
};

struct PoolDelete {
  void operator()(s_Pool* pool) const;
};

// Not thread-safe: one pool a thread. Running out of memory aborts the process (the library's choice).
class Pool {
 public:
  Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  NameId name(std::string_view text);  // REQUIRES: text does not begin with '/'

  // `count` new solvables with consecutive ids, of which the first is returned; describe() each before a
  // solve.
  SolvableId add(int count);
  // A solvable whose id is lower than that of all taken before it (as long as the reserve lasts): its
  // requirements are decided after theirs.
  SolvableId add_before();
  // Among several acceptable solvables of one name, the highest rank is taken.
  void describe(SolvableId solvable, NameId name, int rank);

  // Met by this solvable and no other.
  Dep only(SolvableId solvable);
  // Met by any of these; an empty list is never().
  Dep one_of(std::span<const SolvableId> solvables);
  // Met by nothing.
  Dep never();

  void add_requirement(SolvableId of, Dep dep);
  // The solvable excludes all that meet `dep`.
  void add_conflict(SolvableId of, Dep dep);

  // The solvable of an only() dependency, 0 for others.
  SolvableId solvable_of(Dep dep) const;

  // How much of the library's list of lists is in use; it must not grow from solve to solve.
  std::size_t lists_size() const;

 private:
  friend class Solver;
  Dep make_dep(std::span<const SolvableId> solvables);
  int rank_text(int rank);

  std::unique_ptr<s_Pool, PoolDelete> pool_;
  s_Repo* repo_ = nullptr;
  std::vector<int> rank_texts_;
  std::vector<Dep> only_;                // by solvable; id 0: not made yet
  std::vector<SolvableId> only_by_dep_;  // by number of the dependency
  Dep never_;
  NameId list_name_ = 0;
  int next_list_ = 0;
  SolvableId reserve_begin_ = 0, reserve_next_ = 0;
  SolvableId impossible_ = 0;  // requires never(): stands in for an empty list in a goal
  int solvers_ = 0;            // alive; nothing may be added meanwhile
};

}  // namespace moat::solv
