#include "cli/session/tools.h"

#include "cli/settings/index_list.h"

namespace moat {

Tools tools_for(const IndexList& indexes, Session& session) {
  return {session.http(indexes), session.store(), session.workers(), session.reporter(), session.stop()};
}

Tools tools_for(const Goal& goal, Session& session) {
  return tools_for(index_list(session.settings(), goal.file_options), session);
}

}  // namespace moat
