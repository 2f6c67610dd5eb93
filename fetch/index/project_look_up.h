// One project in all places that are asked for it: which indexes, and what their answers make together.
#pragma once

#include "fetch/index/find_links.h"
#include "fetch/index/index.h"
#include "fetch/index/index_pages.h"
#include "resolver/solve/candidate.h"

#include <functional>
#include <variant>
#include <vector>

namespace moat {

// The indexes that may have it: the one it is pinned to, else all. Error(BadInput) if no index has the name
// of the pin; Error(Refused) if what one of them answers could be changed on the way.
std::vector<Index> indexes_for(const PackageName& project, const IndexList& list);

// The next index is only asked if this one does not have the project (IndexStrategy::FirstIndex).
bool leads_to_next_index(const IndexPages::Answer& answer);

using FoundProject = std::variant<Project, Error>;

// What the answers make together; `answers[i]` is that of `indexes[i]`. Files of equal versions are merged,
// in the order of the places. An index that forbids it, or that has no page stored offline, is ignored if
// another place has the project; if none has it, this is the reason.
FoundProject merge_answers(const PackageName& project, const std::vector<Index>& indexes,
                           std::vector<IndexPages::Answer> answers, FindLinks::Answer from_links);

// Asks the indexes, in turn or all of them, then the links. `pages` and `links` outlive it. `done` is called
// exactly once, on a thread of the pool or at once, unless their background was closed.
void look_up_project(const PackageName& project, std::vector<Index> indexes, IndexStrategy strategy,
                     bool refresh, IndexPages& pages, FindLinks& links,
                     std::function<void(FoundProject)> done);

}  // namespace moat
