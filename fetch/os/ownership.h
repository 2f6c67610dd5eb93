// Which files moat obeys when the user did not name them. A folder above the working directory may be
// everybody's (/tmp) or another user's: files there are ignored.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// Does the file, and its link target, belong to the running user, to root, or to the owner of the working
// directory? The last does not count if everybody may write into that folder. (So root may work in a checkout
// of user 1001, as containers do.)
bool is_obeyed(const std::filesystem::path& file, const std::filesystem::path& working_directory);

// The running user's own, or root's.
bool is_ours(const std::filesystem::path& file);

// "alice (uid 1001)", "uid 1001".
std::string owner_of(const std::filesystem::path& file);

struct FoundUpwards {
  std::optional<std::filesystem::path> path;
  std::vector<std::filesystem::path> passed_over;  // nearer ones that are not obeyed
};
// The nearest obeyed `name` in the folder or above it. `is_one`: does this path qualify?
FoundUpwards find_upwards(const std::filesystem::path& working_directory, const std::string& name,
                          const std::function<bool(const std::filesystem::path&)>& is_one);

}  // namespace moat
