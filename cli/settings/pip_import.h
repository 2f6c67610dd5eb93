// Converts pip's configuration into moat's own settings: `moat config import-pip`.
#pragma once

#include "cli/settings/pip_config.h"
#include "cli/settings/settings.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moat {

struct PipImport {
  struct Taken {
    PipSetting pip;
    SettingTold moat;
  };
  struct Left {
    PipSetting pip;
    std::string why;  // "moat has no such setting"
  };
  std::vector<Taken> taken;
  std::vector<Left> left;
};

// Pure. `all`: lowest priority first (read_pip_settings); takes those that apply to `pip install`. Each
// setting ends up in one of the two lists. Throws Error(Usage) for a flag that is neither yes nor no.
PipImport import_pip_settings(const std::vector<PipSetting>& all, const std::filesystem::path& home);

}  // namespace moat
