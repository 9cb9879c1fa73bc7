// native.search; the shapes are those of lib/addon/native.ts.
#pragma once

#include <napi.h>

namespace fixelf::addon {

// search(path, {store, hashes}, cancellation?) → Promise<Searched>
Napi::Value searchPath(const Napi::CallbackInfo& call);

}  // namespace fixelf::addon
