// What a change guarantees in case of a power failure.
#pragma once

namespace moat {

// Auto: the environment is either as before the change or as after it; changes of the last minute may be
// lost. Always: changes of finished commands are never lost; for deployments. Never: no guarantee; for
// temporary environments.
enum class Durable { Auto, Always, Never };

}  // namespace moat
