// native/run for JavaScript.
#pragma once

#include <napi.h>

namespace fixelf::addon {

// A descriptor of the program that enters a namespace.
Napi::Value entrance(const Napi::CallbackInfo& call);
// (bytes) → a descriptor of a file that holds them, closed on exec.
Napi::Value memoryFile(const Napi::CallbackInfo& call);
// Throws on failure; otherwise it never returns.
Napi::Value replaceThisProcess(const Napi::CallbackInfo& call);

// (commands, milliseconds for each) → how each ended, or why it could not be started.
Napi::Value runCommands(const Napi::CallbackInfo& call);

}  // namespace fixelf::addon
