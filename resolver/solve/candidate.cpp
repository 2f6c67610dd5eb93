#include "resolver/solve/candidate.h"

#include <utility>

namespace moat {

Release::Release(Version its_version, std::vector<ReleaseFile> files)
    : version(std::move(its_version)), files_(std::move(files)) {
  own_traits_.reserve(files_.size());
  for (const ReleaseFile& file : files_)
    own_traits_.push_back({.tags = file.wheel ? &file.wheel->tags : nullptr,
                           .requires_python = file.artifact.requires_python,
                           .upload_time = file.artifact.upload_time,
                           .yanked = file.artifact.yanked.has_value(),
                           .direct = file.direct != nullptr});
  traits_ = own_traits_;
}

const std::vector<ReleaseFile>& Release::files() const {
  if (behind_ != nullptr)
    std::call_once(once_, [this] { files_ = behind_->files_of(version, traits_, place_); });
  return files_;
}

const Project& wait_for(const PackageName& name, CandidateSource& source) {
  for (;;) {
    if (const Project* project = source.find_project(name)) return *project;
    source.wait();
  }
}

}  // namespace moat
