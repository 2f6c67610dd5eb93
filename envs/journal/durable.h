// What a change promises for the case of a power failure.
#pragma once

namespace moat {

// Auto: the environment is then as it was before the change or as after it; what the last minute changed may
// be lost. Always: nothing of a command that ended is lost; for deployments. Never: nothing is promised; for
// environments that are thrown away.
enum class Durable { Auto, Always, Never };

}  // namespace moat
