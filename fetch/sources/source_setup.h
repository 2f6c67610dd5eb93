// Where sources come from and who builds them, for as long as a command runs.
#pragma once

#include "fetch/sources/source_builder.h"
#include "fetch/sources/sources.h"

#include <memory>

namespace moat {

struct SourceSetup {
  std::unique_ptr<Sources> sources;  // nullptr: sources are not candidates
  std::unique_ptr<SourceBuilder> builder;
  SourcePolicy policy;  // asks the builder, or another one that asks it
};

}  // namespace moat
