// libsolv's solver in our own verbs: a goal in, a choice of solvables or a refutation out.
#pragma once

#include "resolver/solv/pool.h"

#include <cstddef>
#include <memory>
#include <vector>

struct s_Solver;

namespace moat::solv {

// The goal of a solve. Earlier items are decided first: among the choices that satisfy all items, the first
// item gets its highest rank.
class Goal {
 public:
  // Literal: an empty list makes the goal unreachable.
  void install_one_of(std::vector<SolvableId> solvables) { items_.push_back({true, std::move(solvables)}); }
  void forbid(SolvableId solvable) { items_.push_back({false, {solvable}}); }

 private:
  friend class Solver;
  struct Item {
    bool install;
    std::vector<SolvableId> solvables;
  };
  std::vector<Item> items_;
};

// One line of a refutation.
struct Reason {
  enum class Kind {
    Goal,         // the goal's item number `item`
    Requires,     // `from` requires `dep`
    Conflicts,    // `from` and `to` exclude each other
    Unavailable,  // `from` requires what nothing meets
  };
  Kind kind = Kind::Goal;
  std::size_t item = 0;
  SolvableId from = 0;
  SolvableId to = 0;
  Dep dep;
};

struct SolverDelete {
  void operator()(s_Solver* solver) const;
};

// Answers several goals over one pool: the rules are made by the first solve, later ones cost a fraction.
// While a Solver lives nothing may be added to the pool. A solve cannot be interrupted.
class Solver {
 public:
  explicit Solver(Pool& pool);
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;
  ~Solver();  // gives back what the solves left behind in the pool

  bool solve(const Goal& goal);

  // After solve() returned true: what is installed, ascending. May hold solvables that nothing needs.
  std::vector<SolvableId> installed() const;
  // After solve() returned false: rules that together are contradictory, in no fixed order. Not minimal.
  std::vector<Reason> refutation() const;

 private:
  Pool& pool_;
  std::size_t lists_before_;
  std::unique_ptr<s_Solver, SolverDelete> solver_;
};

}  // namespace moat::solv
