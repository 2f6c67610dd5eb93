// Where a user's environments and their commands are.
#pragma once

#include <filesystem>

namespace moat {

struct CommandPlaces {
  std::filesystem::path bin_dir;   // ~/.local/bin
  std::filesystem::path data_dir;  // a link into it is moat's
  std::filesystem::path user_env, tools_dir;
};

}  // namespace moat
