#include "cli/session/install_pipeline.h"

#include "cli/session/audit_exceptions.h"
#include "cli/session/install_terms.h"
#include "cli/session/tools.h"
#include "cli/settings/index_list.h"

#include <fmt/format.h>

#include <ctime>
#include <utility>
#include <variant>

namespace moat {
ResolveTools resolve_tools(const Goal& goal, Session& session) {
  session.warn_of_unheeded();
  InstallRequest terms = install_request(goal, session.settings());
  IndexSourceOptions indexes = session.index_options(terms.indexes);
  const Tools tools = tools_for(terms.indexes, session);
  return {std::move(terms), std::move(indexes), tools,
          [&session, &http = tools.http](const std::vector<const ResolvedPackage*>& chosen) {
            KnownAdvisories& known = session.advisories();
            const UnixTime now = std::time(nullptr);
            return exclude_vulnerable(chosen, known, audit_exceptions(session.settings(), now), now, http);
          }};
}

Resolution resolve_goal(const Goal& goal, const ResolvePolicy& policy, const Target& target,
                        const std::map<PackageName, Version>& preferences, Session& session) {
  return answer_of(resolve_goal(goal, policy, target, preferences, resolve_tools(goal, session)));
}

Resolution resolve_for(Goal& goal, const ResolvePolicy& policy, const Target& target,
                       const InstalledGraph& graph, const Present& present, Session& session,
                       OffersFix offers) {
  return answer_of(resolve_for(goal, policy, target, graph, present, resolve_tools(goal, session)), offers);
}

Resolution locked_resolution(const std::vector<SelectedPackage>& selected, const fs::path& lock_directory,
                             Session& session) {
  IndexList links = index_list(session.settings());
  links.indexes.clear();
  return locked_resolution(selected, lock_directory,
                           {.tools = tools_for(index_list(session.settings()), session),
                            .sources = session.sources(),
                            .near = session.index_options(links),
                            .only_near = session.settings().no_index});
}

WheelTools wheel_tools(const Goal& goal, Session& session) {
  const Settings& settings = session.settings();
  return {.tools = tools_for(goal, session),
          .sources = session.sources(),
          .bad_records = {settings.allow_bad_records, settings.allowed_bad_records}};
}

TransactionRequest with_wheels(const InstallPlan& plan, const Present& present, bool reinstall,
                               const std::shared_future<Runtime>& runtime, const Goal& goal,
                               Session& session) {
  if (plan.steps.empty()) return {.mark_requested = plan.mark_requested};  // without starting a client
  const bool compiles = session.settings().compile == Compile::Now;
  return with_wheels(plan, present, reinstall, compiles ? runtime : std::shared_future<Runtime>(),
                     wheel_tools(goal, session));
}

std::string cost_text(const DiskCost& cost) {
  return fmt::format("this takes {} of the disk; `--link-mode shared-binaries` would take {}",
                     human_bytes(cost.all), human_bytes(cost.unshared));
}

PlaceTerms place_terms(const Session& session) {
  const Settings& settings = session.settings();
  return {.link_mode = settings.link_mode,
          .compile = settings.compile,
          .strict_files = settings.strict_files,
          .durable = settings.durable,
          .reason = session.command_line(),
          .tell_cost = [&output = session.output()](const DiskCost& cost) { output.say(cost_text(cost)); }};
}

TransactionResult apply(TransactionRequest request, const Environment& environment, Session& session) {
  return apply(std::move(request), environment, place_terms(session), session.store(), session.workers(),
               session.reporter());
}

}  // namespace moat
