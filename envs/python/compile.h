// When the bytecode of installed packages is made. It is derived data: no state of an environment depends on
// it.
#pragma once

namespace moat {

enum class Compile {
  Now,         // before the command returns
  Background,  // the store's bytecode is placed at once, the rest later (envs/place/bytecode_behind.h)
  Never,       // by Python, on the first import
};

}  // namespace moat
