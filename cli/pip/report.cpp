#include "cli/pip/report.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace moat {
namespace {

using Json = nlohmann::ordered_json;

struct Field {
  std::string_view name;
  bool list = false;
};
constexpr std::array kFields = {
    Field{"Metadata-Version"},
    Field{"Name"},
    Field{"Version"},
    Field{"Dynamic", true},
    Field{"Platform", true},
    Field{"Supported-Platform", true},
    Field{"Summary"},
    Field{"Description"},
    Field{"Description-Content-Type"},
    Field{"Keywords"},
    Field{"Home-page"},
    Field{"Download-URL"},
    Field{"Author"},
    Field{"Author-email"},
    Field{"Maintainer"},
    Field{"Maintainer-email"},
    Field{"License"},
    Field{"License-Expression"},
    Field{"License-File", true},
    Field{"Classifier", true},
    Field{"Requires-Dist", true},
    Field{"Requires-Python"},
    Field{"Requires-External", true},
    Field{"Project-URL", true},
    Field{"Provides-Extra", true},
    Field{"Provides-Dist", true},
    Field{"Obsoletes-Dist", true},
    Field{"Import-Name", true},
    Field{"Import-Namespace", true},
};

std::string json_name(std::string_view field) {
  std::string out = ascii_lower(field);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

Json keywords(std::string_view text) {
  Json out = Json::array();
  const bool commas = text.find(',') != text.npos;
  std::string word;
  const auto finish = [&] {
    if (commas || !word.empty()) out.push_back(std::string(trim(word)));
    word.clear();
  };
  for (const char c : text)
    if (commas ? c == ',' : is_ascii_space(c))
      finish();
    else
      word += c;
  finish();
  return out;
}

Json archive_info(const std::string& url, const Digest& digest) {
  const Expected<Url> parsed = Url::parse(url);
  return {{"url", parsed ? parsed->without_credentials().without_fragment().to_string() : url},
          {"archive_info",
           {{"hashes", {{digest.algorithm, digest.hex}}}, {"hash", digest.algorithm + "=" + digest.hex}}}};
}

const RootRequirement* root_of(const Goal& goal, const PackageName& name) {
  const auto found = std::find_if(goal.requirements.begin(), goal.requirements.end(),
                                  [&](const RootRequirement& root) { return root.requirement.name == name; });
  return found == goal.requirements.end() ? nullptr : &*found;
}

Json report_of(const Goal& goal, const Step& step, const WantedPackage& wanted) {
  const RootRequirement* root = root_of(goal, wanted.name);
  const Artifact& artifact = step.package->file.artifact;
  const std::string url = artifact.url.to_string();
  // For a source distribution the report names the downloaded file, not the wheel built from it.
  const Digest* own = step.package->file.wheel ? nullptr : artifact.strongest_digest();
  const Digest& digest = own == nullptr ? wanted.wheel.digest : *own;
  Json out{{"download_info", wanted.direct_url ? Json::parse(*wanted.direct_url) : archive_info(url, digest)},
           {"is_direct", wanted.direct_url.has_value()},
           {"is_yanked", artifact.yanked.has_value()},
           {"requested", root != nullptr},
           {"metadata", metadata_json(read_file(wanted.wheel.tree / wanted.wheel.dist_info / "METADATA"))}};
  if (root != nullptr && !root->requirement.extras.empty()) {
    Json extras = Json::array();
    for (const ExtraName& extra : root->requirement.extras) extras.push_back(extra.display());
    out["requested_extras"] = std::move(extras);
  }
  return out;
}

}  // namespace

Json metadata_json(std::string_view metadata) {
  const MetadataFields fields = parse_metadata_fields(metadata);
  Json out = Json::object();
  for (const Field& field : kFields) {
    const std::vector<std::string_view> values = fields.find_all(field.name);
    if (values.empty()) continue;
    if (field.list)
      out[json_name(field.name)] = values;
    else if (field.name == "Keywords")
      out["keywords"] = keywords(values.front());
    else
      out[json_name(field.name)] = values.front();
  }
  if (!fields.body.empty()) out["description"] = fields.body;
  return out;
}

Json marker_environment_json(const MarkerEnvironment& environment) {
  Json out;
  for (const char* name : {"implementation_name", "implementation_version", "os_name", "platform_machine",
                           "platform_release", "platform_system", "platform_version", "python_full_version",
                           "platform_python_implementation", "python_version", "sys_platform"})
    if (const std::string* value = environment.find(name)) out[name] = *value;
  return out;
}

Json installation_report(const Goal& goal, const InstallPlan& plan, const TransactionRequest& request,
                         const MarkerEnvironment& environment) {
  Json install = Json::array();
  for (const WantedPackage& wanted : request.install) {
    const auto step = std::find_if(plan.steps.begin(), plan.steps.end(),
                                   [&](const Step& one) { return one.package->name == wanted.name; });
    if (step != plan.steps.end()) install.push_back(report_of(goal, *step, wanted));
  }
  return {{"version", "1"},
          {"pip_version", reported_version()},
          {"install", std::move(install)},
          {"environment", marker_environment_json(environment)}};
}

void write_report(const Json& report, const std::string& file, Session& session) {
  if (file == "-")
    session.output().document(report);
  else
    write_output_file(session.settings().working_directory / file,
                      report.dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string python_json(const Json& value) {
  const auto text = [](const Json& one) { return one.dump(-1, ' ', true, Json::error_handler_t::replace); };
  if (!value.is_structured()) return text(value);
  std::string out;
  for (const auto& [key, element] : value.items())
    out += fmt::format("{}{}{}", out.empty() ? "" : ", ", value.is_object() ? text(Json(key)) + ": " : "",
                       python_json(element));
  return value.is_object() ? "{" + out + "}" : "[" + out + "]";
}

std::string reported_version() { return MOAT_VERSION "+moat"; }

}  // namespace moat
