// Environments that never change: releases that were deployed (envs/deploy/release.h).
#pragma once

#include <filesystem>

namespace moat {

inline constexpr const char* kReleaseFile = "release.json";

bool is_release(const std::filesystem::path& environment);
// Error(Refused).
void refuse_release(const std::filesystem::path& environment);

}  // namespace moat
