// The facts about an environment's Python that are known without running it.
#pragma once

#include "envs/environment/environment.h"
#include "envs/python/discovery.h"
#include "envs/python/interpreter.h"
#include "fetch/store/store.h"
#include "resolver/solve/target.h"

#include <functional>

namespace moat {

// Did the user name the environment, by an option or variable? One that was found may be part of a checkout.
enum class IsNamed { No, Yes };

// May its Python be started just to ask it something? If the user named the environment; else only if moat
// made it and it belongs to us: one that was found may be another user's.
bool may_ask_python(const Environment& environment, IsNamed is_named);

// Gives the store. Called only where a Python has to be asked: a question about an environment of moat's own
// opens no store, which may not be there, nor writable, nor free.
using StoreIfNeeded = std::function<const Store&()>;

// The target of its packages: for moat's own from their facts; for others from their Python if it may be
// asked, else from pyvenv.cfg, the folders, and tables.
Target target_of(const Environment& environment, IsNamed is_named, const StoreIfNeeded& store);

// A Python to resolve and build with: the environment's own or, if that may not be asked, one of this machine
// with the same version. Error(NoInterpreter) if there is none.
Interpreter interpreter_like(const Environment& environment, IsNamed is_named,
                             const DiscoveryOptions& discovery, const StoreIfNeeded& store);

}  // namespace moat
