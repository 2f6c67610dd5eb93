#include "cli/session/changes.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

Paint paint_of(OperationKind kind) {
  switch (kind) {
    case OperationKind::Install:
      return Paint::Good;
    case OperationKind::Remove:
      return Paint::Bad;
    case OperationKind::Change:
    case OperationKind::Reinstall:
      return Paint::Change;
  }
  return Paint::Plain;
}

std::string_view action(OperationKind kind) {
  switch (kind) {
    case OperationKind::Install:
      return "install";
    case OperationKind::Change:
      return "change";
    case OperationKind::Reinstall:
      return "reinstall";
    case OperationKind::Remove:
      return "remove";
  }
  return "";
}

nlohmann::ordered_json version_json(const std::optional<Version>& version) {
  return version ? nlohmann::ordered_json(version->to_string()) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json file_json(const PlannedFile& file) {
  nlohmann::ordered_json hashes = nlohmann::ordered_json::object();
  for (const Digest& digest : file.artifact.digests) hashes[digest.algorithm] = digest.hex;
  const auto or_null = [](const std::string& text) {
    return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
  };
  nlohmann::ordered_json out{{"name", file.artifact.filename},
                             {"url", file.artifact.url.without_credentials().to_string()},
                             {"index", or_null(file.index)},
                             {"hashes", std::move(hashes)},
                             {"size", nullptr},
                             {"yanked", file.artifact.yanked ? nlohmann::ordered_json(*file.artifact.yanked)
                                                             : nlohmann::ordered_json(nullptr)},
                             {"requested", file.requested}};
  if (file.artifact.size) out["size"] = *file.artifact.size;
  return out;
}

// "412 ms: resolve 210 ms, download 120 ms, install 60 ms"
std::string times_text(const Progress& progress) {
  std::string out;
  for (const PhaseTime& phase : progress.times())
    if (phase.time >= std::chrono::milliseconds(1))
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", phase.name, human_time(phase.time));
  return out;
}

}  // namespace

std::string change_text(const Operation& operation) {
  const std::string& name = operation.name.display();
  switch (operation.kind) {
    case OperationKind::Install:
      return fmt::format("+ {} {}", name, operation.to->to_string());
    case OperationKind::Remove:
      return fmt::format("- {} {}", name, operation.from->to_string());
    case OperationKind::Change:
      return fmt::format("~ {} {} → {}", name, operation.from->to_string(), operation.to->to_string());
    case OperationKind::Reinstall:
      return fmt::format("~ {} {} (reinstalled)", name, operation.to->to_string());
  }
  return {};
}

nlohmann::ordered_json change_json(const Operation& operation) {
  return {{"action", action(operation.kind)},
          {"name", operation.name.normalized()},
          {"from", version_json(operation.from)},
          {"to", version_json(operation.to)}};
}

void ChangeReport::take(TransactionResult result) {
  operations = std::move(result.operations);
  state = result.state;
  lacks_bytecode = lacks_bytecode || result.lacks_bytecode;
  warnings = std::move(result.warnings);
}

void ChangeReport::take_files(const InstallPlan& plan) {
  for (const Step& step : plan.steps)
    files.insert_or_assign(step.package->name,
                           PlannedFile{step.package->file.artifact, step.package->index, step.requested});
}

nlohmann::ordered_json changes_document(const ChangeReport& report) {
  nlohmann::ordered_json operations = nlohmann::ordered_json::array();
  for (const Operation& operation : report.operations) {
    operations.push_back(change_json(operation));
    if (const auto file = report.files.find(operation.name); file != report.files.end())
      operations.back()["file"] = file_json(file->second);
  }
  return {{"schema", 1},
          {"environment", report.environment.native()},
          {"created", report.created},
          {"dry_run", report.dry_run},
          {"state", report.state},
          {"operations", operations},
          {"warnings", report.warnings}};
}

void report_changes(const ChangeReport& report, Session& session) {
  Output& output = session.output();
  for (const std::string& warning : report.warnings) output.warn(warning);
  if (report.lacks_bytecode) session.lacks_bytecode(report.environment);
  if (output.json()) {
    output.document(changes_document(report));
    return;
  }
  if (output.verbosity() < -1) return;  // errors only
  for (const Operation& operation : report.operations)
    output.result(output.out(paint_of(operation.kind), change_text(operation)));
  if (report.operations.empty()) {
    output.say(report.nothing);
    return;
  }
  const std::string changed = counted(report.operations.size(), "package");
  if (report.dry_run) {
    output.say(fmt::format("{} would change (dry run)", changed));
    return;
  }
  const std::string times = times_text(session.reporter());
  output.say(
      output.err(Paint::Dim, fmt::format("{} changed{}{}", changed, times.empty() ? "" : ": ", times)));
}

}  // namespace moat
