// native.search and what ends it; the shapes are those of lib/addon/native.ts.
#pragma once

#include <napi.h>

namespace fixelf::addon {

// search(path, {store, hashes, cancellation?}) → Promise<Searched>
Napi::Value searchPath(const Napi::CallbackInfo& call);

// cancellation() → an opaque flag for search; cancel(flag) raises it.
Napi::Value newCancellation(const Napi::CallbackInfo& call);
Napi::Value cancel(const Napi::CallbackInfo& call);

}  // namespace fixelf::addon
