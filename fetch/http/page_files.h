// One entry of the cache of pages: a small head and one body file, both renamed into place.
#pragma once

#include "fetch/http/page_head.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace moat {

// Safe between processes. A damaged or unreadable entry counts as absent, and one that cannot be written is
// not an error.
class PageFiles {
 public:
  // `key`: what the page was asked for by.
  PageFiles(const std::filesystem::path& cache, std::string_view key);

  std::optional<PageHead> load_head() const;
  // nullopt if it is missing or damaged.
  std::optional<std::string> load_body(const PageHead& head) const;
  // As far as its size tells.
  bool has_body(const PageHead& head) const;

  // `before`: the head that this one replaces; a body that nobody needs then is removed.
  void store(const PageHead& head, std::string_view body,
             const std::optional<PageHead>& before) const noexcept;
  void store_head(const PageHead& head) const noexcept;
  void remove(const std::optional<PageHead>& before) const noexcept;

 private:
  std::filesystem::path head_file() const { return directory_ / (name_ + ".head"); }
  // Named by its contents, so that a head never gets another head's body.
  std::filesystem::path body_file(const PageHead& head) const {
    return directory_ / (name_ + "." + head.sha256.substr(0, 16));
  }
  void remove_body(const std::optional<PageHead>& before) const;

  std::filesystem::path directory_;
  std::string name_;
};

}  // namespace moat
