#include "resolver/solv/pool.h"

#include <solv/pool.h>
#include <solv/repo.h>

#include <cassert>
#include <string>

namespace moat::solv {
namespace {

// Enough for every name of all but the largest stacks; a further block costs the order across blocks only.
constexpr int kReserve = 2048;

// libsolv's own macro for this is an old-style cast.
int relation_number(Id dep) { return static_cast<int>(static_cast<unsigned>(dep) ^ 0x80000000U); }

}  // namespace

void PoolDelete::operator()(s_Pool* pool) const { pool_free(pool); }

Pool::Pool() : pool_(pool_create()) {
  // The build's default differs between distributions; plain decimal ranks compare right under this one.
  pool_setdisttype(pool_.get(), DISTTYPE_RPM);
  pool_setdebuglevel(pool_.get(), 0);
  pool_setdebugmask(pool_.get(), 0);
  pool_set_flag(pool_.get(), POOL_FLAG_NOWHATPROVIDESAUX, 1);
  repo_ = repo_create(pool_.get(), "candidates");
  // Called once, on the empty pool. A second call would free every interned list, and the remaining offsets
  // would name other packages.
  pool_createwhatprovides(pool_.get());
  list_name_ = name("[list]");
  never_ = make_dep({});
  impossible_ = add(1);
  describe(impossible_, name("[impossible]"), 0);
  add_requirement(impossible_, never_);
}

Pool::~Pool() { assert(solvers_ == 0); }

NameId Pool::name(std::string_view text) {
  assert(!text.starts_with('/'));
  return pool_strn2id(pool_.get(), text.data(), static_cast<unsigned>(text.size()), 1);
}

SolvableId Pool::add(int count) {
  assert(solvers_ == 0 && count > 0);
  return repo_add_solvable_block(repo_, count);
}

SolvableId Pool::add_before() {
  if (reserve_next_ == reserve_begin_) {
    reserve_begin_ = add(kReserve);
    reserve_next_ = reserve_begin_ + kReserve;
    // Out of sight until taken.
    for (SolvableId s = reserve_begin_; s < reserve_next_; ++s)
      pool_id2solvable(pool_.get(), s)->repo = nullptr;
  }
  --reserve_next_;
  pool_id2solvable(pool_.get(), reserve_next_)->repo = repo_;
  return reserve_next_;
}

int Pool::rank_text(int rank) {
  const auto index = static_cast<std::size_t>(rank);
  while (rank_texts_.size() <= index) rank_texts_.push_back(name(std::to_string(rank_texts_.size() + 1)));
  return rank_texts_[index];
}

void Pool::describe(SolvableId solvable, NameId name, int rank) {
  Solvable* s = pool_id2solvable(pool_.get(), solvable);
  s->name = name;
  s->evr = rank_text(rank);
  s->arch = ARCH_NOARCH;
}

Dep Pool::make_dep(std::span<const SolvableId> solvables) {
  assert(solvers_ == 0);
  // A relation of its own for each list. It is never evaluated: its providers are written into the table
  // here.
  const Id dep = pool_rel2id(pool_.get(), list_name_, rank_text(next_list_++), REL_NAMESPACE, 1);
  // 1 is the library's empty list. (As the answer of a namespace callback the same 1 would mean "satisfied".)
  const Id list = solvables.empty() ? 1
                                    : pool_ids2whatprovides(pool_.get(), const_cast<Id*>(solvables.data()),
                                                            static_cast<int>(solvables.size()));
  pool_->whatprovides_rel[relation_number(dep)] = static_cast<Offset>(list);
  return Dep{dep};
}

Dep Pool::only(SolvableId solvable) {
  const auto index = static_cast<std::size_t>(solvable);
  if (only_.size() <= index) only_.resize(index + 1);
  if (only_[index].id == 0) {
    only_[index] = make_dep(std::span(&solvable, 1));
    const auto number = static_cast<std::size_t>(relation_number(only_[index].id));
    if (only_by_dep_.size() <= number) only_by_dep_.resize(number + 1);
    only_by_dep_[number] = solvable;
  }
  return only_[index];
}

Dep Pool::one_of(std::span<const SolvableId> solvables) {
  if (solvables.empty()) return never_;
  if (solvables.size() == 1) return only(solvables.front());
  return make_dep(solvables);
}

Dep Pool::never() { return never_; }

void Pool::add_requirement(SolvableId of, Dep dep) {
  assert(solvers_ == 0);
  Solvable* s = pool_id2solvable(pool_.get(), of);
  s->dep_requires = repo_addid_dep(repo_, s->dep_requires, dep.id, 0);
}

void Pool::add_conflict(SolvableId of, Dep dep) {
  assert(solvers_ == 0);
  Solvable* s = pool_id2solvable(pool_.get(), of);
  s->dep_conflicts = repo_addid_dep(repo_, s->dep_conflicts, dep.id, 0);
}

SolvableId Pool::solvable_of(Dep dep) const {
  if (dep.id >= 0) return 0;
  const auto number = static_cast<std::size_t>(relation_number(dep.id));
  return number < only_by_dep_.size() ? only_by_dep_[number] : 0;
}

std::size_t Pool::lists_size() const { return pool_->whatprovidesdataoff; }

}  // namespace moat::solv
