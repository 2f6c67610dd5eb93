#include "fetch/http/page_files.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <exception>

namespace moat {

PageFiles::PageFiles(const std::filesystem::path& cache, std::string_view key) {
  const std::string hash = hash_bytes(key).hex;
  directory_ = cache / hash.substr(0, 2);
  name_ = hash.substr(2);
}

std::optional<PageHead> PageFiles::load_head() const {
  try {
    const auto text = read_file_if_exists(head_file());
    return text ? parse_page_head(*text) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<std::string> PageFiles::load_body(const PageHead& head) const {
  try {
    std::string body = read_file_if_exists(body_file(head)).value_or("");
    if (body.size() != head.size || hash_bytes(body).hex != head.sha256) return std::nullopt;
    return body;
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool PageFiles::has_body(const PageHead& head) const {
  struct stat status {};
  return ::stat(body_file(head).c_str(), &status) == 0 &&
         static_cast<std::uint64_t>(status.st_size) == head.size;
}

// Body before head, so that a head in place always has its body.
void PageFiles::store(const PageHead& head, std::string_view body,
                      const std::optional<PageHead>& before) const noexcept {
  try {
    make_directories(directory_.parent_path());
    make_directories_beneath(directory_);
    if (head.status == 200) write_file_atomically(body_file(head), body);
    write_file_atomically(head_file(), to_text(head));
    const bool is_same_body = head.status == 200 && before && body_file(*before) == body_file(head);
    if (!is_same_body) remove_body(before);
  } catch (const std::exception&) {  // then it is simply not stored
  }
}

void PageFiles::store_head(const PageHead& head) const noexcept {
  try {
    write_file_atomically(head_file(), to_text(head));
  } catch (const std::exception&) {  // then the next run asks again
  }
}

void PageFiles::remove(const std::optional<PageHead>& before) const noexcept {
  try {
    ::unlink(head_file().c_str());
    remove_body(before);
  } catch (const std::exception&) {  // out of memory
  }
}

void PageFiles::remove_body(const std::optional<PageHead>& before) const {
  if (before && before->status == 200) ::unlink(body_file(*before).c_str());
}

}  // namespace moat
