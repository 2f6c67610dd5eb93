#include "resolver/solv/solver.h"

#include "resolver/solv/queue.h"

#include <solv/pool.h>
#include <solv/problems.h>
#include <solv/rules.h>
#include <solv/solver.h>

#include <algorithm>

namespace moat::solv {

void SolverDelete::operator()(s_Solver* solver) const { solver_free(solver); }

Solver::Solver(Pool& pool)
    : pool_(pool), lists_before_(pool.lists_size()), solver_(solver_create(pool.pool_.get())) {
  ++pool_.solvers_;
  solver_set_flag(solver_.get(), SOLVER_FLAG_IGNORE_RECOMMENDED, 1);
  solver_set_flag(solver_.get(), SOLVER_FLAG_NO_INFARCHCHECK, 1);
}

Solver::~Solver() {
  solver_.reset();
  --pool_.solvers_;
  // Learned clauses stay in the pool's list of lists for good; with nothing added since, all of its tail is
  // theirs.
  s_Pool* pool = pool_.pool_.get();
  const auto before = static_cast<Offset>(lists_before_);
  pool->whatprovidesdataleft += static_cast<int>(pool->whatprovidesdataoff - before);
  pool->whatprovidesdataoff = before;
}

bool Solver::solve(const Goal& goal) {
  IdQueue jobs;
  for (const Goal::Item& item : goal.items_) {
    if (!item.install) {
      jobs.push(SOLVER_ERASE | SOLVER_SOLVABLE, item.solvables.front());
    } else if (item.solvables.empty()) {
      // An empty ONE_OF is ignored by the library.
      jobs.push(SOLVER_INSTALL | SOLVER_SOLVABLE, pool_.impossible_);
    } else if (item.solvables.size() == 1) {
      jobs.push(SOLVER_INSTALL | SOLVER_SOLVABLE, item.solvables.front());
    } else {
      const Id list = pool_ids2whatprovides(pool_.pool_.get(), const_cast<Id*>(item.solvables.data()),
                                            static_cast<int>(item.solvables.size()));
      jobs.push(SOLVER_INSTALL | SOLVER_SOLVABLE_ONE_OF, list);
    }
  }
  return solver_solve(solver_.get(), jobs.get()) == 0;
}

std::vector<SolvableId> Solver::installed() const {
  IdQueue decisions;
  solver_get_decisionqueue(solver_.get(), decisions.get());
  std::vector<SolvableId> installed;
  for (const Id decision : decisions.ids())
    if (decision > SYSTEMSOLVABLE) installed.push_back(decision);
  std::sort(installed.begin(), installed.end());
  return installed;
}

std::vector<Reason> Solver::refutation() const {
  IdQueue rules;
  solver_findallproblemrules(solver_.get(), 1, rules.get());
  std::vector<Reason> reasons;
  for (const Id rule : rules.ids()) {
    Id from = 0, to = 0, dep = 0;
    switch (solver_ruleinfo(solver_.get(), rule, &from, &to, &dep)) {
      case SOLVER_RULE_JOB:
      case SOLVER_RULE_JOB_NOTHING_PROVIDES_DEP:
        // `from` counts the queue's numbers, of which a job has two; 0 is the first job, not "none".
        reasons.push_back({.kind = Reason::Kind::Goal, .item = static_cast<std::size_t>(from) / 2});
        break;
      case SOLVER_RULE_PKG_REQUIRES:
        reasons.push_back({.kind = Reason::Kind::Requires, .from = from, .dep = {dep}});
        break;
      case SOLVER_RULE_PKG_CONFLICTS:
        reasons.push_back({.kind = Reason::Kind::Conflicts, .from = from, .to = to, .dep = {dep}});
        break;
      case SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP:
      case SOLVER_RULE_PKG_NOT_INSTALLABLE:
      case SOLVER_RULE_PKG_SELF_CONFLICT:
        reasons.push_back({.kind = Reason::Kind::Unavailable, .from = from, .dep = {dep}});
        break;
      default:
        break;  // rules of parts of the library that are not used
    }
  }
  return reasons;
}

}  // namespace moat::solv
