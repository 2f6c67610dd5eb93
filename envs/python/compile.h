// When the bytecode of what is installed is made. It is derived data: no state of an environment depends on
// it.
#pragma once

namespace moat {

enum class Compile {
  Now,         // before the command returns
  Background,  // what the store has is placed at once, the rest is made behind (envs/place/bytecode_behind.h)
  Never,       // by Python, on the first import
};

}  // namespace moat
