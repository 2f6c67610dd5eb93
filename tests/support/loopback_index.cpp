#include "tests/support/loopback_index.h"

#include "fetch/bytes/hasher.h"
#include "resolver/base/url.h"
#include "resolver/pep/dist_filename.h"
#include "resolver/pep/name.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace moat::testing {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string file_path(const std::string& filename) { return "/files/" + percent_encode_path(filename); }

}  // namespace

LoopbackIndex::LoopbackIndex(LoopbackIndexOptions options) : options_(std::move(options)) {}

void LoopbackIndex::add(const WheelBuilder& wheel, FileFacts facts) {
  const std::string filename = wheel.filename();
  const PackageName project = WheelFilename::parse(filename).value().name;
  std::string bytes = wheel.build();
  File file{filename, std::move(facts), hash_bytes(bytes).hex, "", bytes.size()};
  if (options_.sidecars) {
    const std::string metadata = file.facts.metadata.value_or(wheel.metadata_text());
    file.metadata_sha256 = file.facts.metadata_sha256.value_or(hash_bytes(metadata).hex);
    if (!file.facts.sidecar_missing) serve_file(filename + ".metadata", metadata);
  }
  serve_file(filename, std::move(bytes));
  list(project.normalized(), std::move(file));
}

void LoopbackIndex::add_file(const std::string& project, const std::string& filename, std::string bytes,
                             FileFacts facts) {
  File file{filename, std::move(facts), hash_bytes(bytes).hex, "", bytes.size()};
  serve_file(filename, std::move(bytes));
  list(PackageName::parse(project).value().normalized(), std::move(file));
}

void LoopbackIndex::set_status(const std::string& project, std::string status, std::string reason) {
  projects_[project].status = std::move(status);
  projects_[project].reason = std::move(reason);
  serve_page(project);
}

void LoopbackIndex::answer(const std::string& project, LoopbackReply reply) {
  server_.route("/simple/" + project + "/",
                [reply = std::move(reply)](const LoopbackRequest&) { return reply; });
}

void LoopbackIndex::serve_file(const std::string& filename, std::string bytes) {
  server_.serve(file_path(filename), {.body = std::move(bytes),
                                      .etag = options_.file_etags ? "\"" + filename + "\"" : "",
                                      .ranges = options_.ranges,
                                      .user_password = options_.user_password});
}

void LoopbackIndex::list(const std::string& project, File file) {
  if (file.facts.sha256) file.sha256 = *file.facts.sha256;
  projects_[project].files.push_back(std::move(file));
  serve_page(project);
}

void LoopbackIndex::serve_page(const std::string& project) {
  const bool is_json = options_.form == PageForm::Json;
  LoopbackResource page{
      .body = is_json ? json_page(project) : html_page(project),
      .content_type = is_json ? "application/vnd.pypi.simple.v1+json" : "text/html; charset=utf-8",
      .cache_control = options_.cache_control,
      .user_password = options_.user_password};
  if (options_.page_etags) page.etag = '"' + hash_bytes(page.body).hex.substr(0, 16) + '"';
  server_.serve("/simple/" + project + "/", std::move(page));
}

std::string LoopbackIndex::json_page(const std::string& name) const {
  const Project& project = projects_.at(name);
  nlohmann::json page{{"meta", {{"api-version", "1.1"}}}, {"name", name}, {"files", nlohmann::json::array()}};
  if (!project.status.empty())
    page["project-status"] = {{"status", project.status}, {"reason", project.reason}};
  for (const File& file : project.files) {
    nlohmann::json entry{{"filename", file.filename},
                         {"url", "../../files/" + percent_encode_path(file.filename)},
                         {"hashes", nlohmann::json::object()},
                         {"yanked", false}};
    if (options_.hashes) entry["hashes"]["sha256"] = file.sha256;
    if (options_.sizes) entry["size"] = file.size;
    if (file.facts.yanked)
      entry["yanked"] =
          file.facts.yanked->empty() ? nlohmann::json(true) : nlohmann::json(*file.facts.yanked);
    if (!file.facts.requires_python.empty()) entry["requires-python"] = file.facts.requires_python;
    if (!file.facts.upload_time.empty()) entry["upload-time"] = file.facts.upload_time;
    if (!file.metadata_sha256.empty()) entry["core-metadata"] = {{"sha256", file.metadata_sha256}};
    page["files"].push_back(std::move(entry));
  }
  return page.dump();
}

std::string LoopbackIndex::html_page(const std::string& name) const {
  const Project& project = projects_.at(name);
  std::string out = "<!DOCTYPE html><html><head><meta name=\"pypi:repository-version\" content=\"1.1\">";
  if (!project.status.empty())
    out += fmt::format("<meta name=\"pypi:project-status\" content=\"{}\">", escaped(project.status));
  out += "<title>Links for " + name + "</title></head><body>\n";
  for (const File& file : project.files) {
    out += fmt::format("<a href=\"../../files/{}", percent_encode_path(file.filename));
    if (options_.hashes) out += "#sha256=" + file.sha256;
    out += '"';
    if (file.facts.yanked) out += fmt::format(" data-yanked=\"{}\"", escaped(*file.facts.yanked));
    if (!file.facts.requires_python.empty())
      out += fmt::format(" data-requires-python=\"{}\"", escaped(file.facts.requires_python));
    if (!file.metadata_sha256.empty()) out += " data-core-metadata=\"sha256=" + file.metadata_sha256 + '"';
    out += ">" + escaped(file.filename) + "</a><br>\n";
  }
  return out + "</body></html>\n";
}

std::size_t LoopbackIndex::page_requests() const {
  const std::vector<LoopbackRequest> all = server_.requests();
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const LoopbackRequest& request) {
    return request.path.starts_with("/simple/");
  }));
}

std::size_t LoopbackIndex::page_requests(const std::string& project) const {
  return server_.count("/simple/" + project + "/");
}

std::size_t LoopbackIndex::metadata_requests() const {
  const std::vector<LoopbackRequest> all = server_.requests();
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const LoopbackRequest& request) {
    return request.path.ends_with(".metadata");
  }));
}

std::size_t LoopbackIndex::file_requests(const std::string& filename) const {
  return server_.count(file_path(filename));
}

std::string LoopbackIndex::file_url(const std::string& filename) const {
  return server_.address(file_path(filename));
}

}  // namespace moat::testing
