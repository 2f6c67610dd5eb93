// A Simple index on 127.0.0.1: wheels from WheelBuilder in, pages and files out.
#pragma once

#include "tests/support/loopback_server.h"
#include "tests/support/wheel_builder.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat::testing {

enum class PageForm { Json, Html };

struct LoopbackIndexOptions {
  PageForm form = PageForm::Json;
  bool sidecars = true;  // PEP 658 metadata files
  bool ranges = true;    // the file server does byte ranges
  bool hashes = true;
  bool sizes = true;
  std::string cache_control;  // of pages: "max-age=600"
  bool page_etags = false;
  bool file_etags = true;
  std::string user_password;  // asked for pages and files
};

// LoopbackIndex index;
// index.add(WheelBuilder("foo", "1.0").requires_dist("bar"));
// … index.url() …  index.page_requests("foo") == 1
// Files may be added at any time, from one thread.
class LoopbackIndex {
 public:
  explicit LoopbackIndex(LoopbackIndexOptions options = {});

  struct FileFacts {
    std::optional<std::string> yanked;
    std::string requires_python;                 // of the page; "" : what METADATA says is not repeated
    std::string upload_time;                     // "2024-01-01T00:00:00Z"
    std::optional<std::string> sha256;           // a lie
    std::optional<std::string> metadata_sha256;  // a lie
    std::optional<std::string> metadata;         // what the sidecar holds instead
    bool sidecar_missing = false;                // promised, and 404
  };
  void add(const WheelBuilder& wheel) { add(wheel, FileFacts()); }
  void add(const WheelBuilder& wheel, FileFacts facts);
  // Any file, e.g. an sdist: no sidecar.
  void add_file(const std::string& project, const std::string& filename, std::string bytes) {
    add_file(project, filename, std::move(bytes), FileFacts());
  }
  void add_file(const std::string& project, const std::string& filename, std::string bytes, FileFacts facts);
  // From now on the project's page is this answer.
  void answer(const std::string& project, LoopbackReply reply);
  void set_status(const std::string& project, std::string status, std::string reason);

  std::string url() const { return server_.address("/simple/"); }
  // Where a file is.
  std::string file_url(const std::string& filename) const;

  std::size_t page_requests() const;  // all pages
  std::size_t page_requests(const std::string& project) const;
  std::size_t metadata_requests() const;  // sidecars
  std::size_t file_requests(const std::string& filename) const;
  std::size_t requests() const { return server_.requests().size(); }
  LoopbackServer& server() { return server_; }

 private:
  struct File {
    std::string filename;
    FileFacts facts;
    std::string sha256;
    std::string metadata_sha256;  // "": no sidecar
    std::size_t size = 0;
  };
  struct Project {
    std::vector<File> files;
    std::string status, reason;
  };
  void list(const std::string& project, File file);
  void serve_page(const std::string& project);
  void serve_file(const std::string& filename, std::string bytes);
  std::string json_page(const std::string& name) const;
  std::string html_page(const std::string& name) const;

  LoopbackIndexOptions options_;
  std::map<std::string, Project> projects_;  // by normalised name
  LoopbackServer server_;
};

}  // namespace moat::testing
