// native/patchelf; the shapes are those of lib/addon/native.ts.
#pragma once

#include <napi.h>

namespace fixelf::addon {

// patchelf(path, changes, output, cancellation?) → Promise<PatchelfOutcome>
Napi::Value patchelfFile(const Napi::CallbackInfo& call);
// layOutPatchelf(path, changes, cancellation?) → Promise<Layout>
Napi::Value layOutPatchelf(const Napi::CallbackInfo& call);
// checkPatchelf(changes); throws `usage`
Napi::Value checkPatchelf(const Napi::CallbackInfo& call);
// parseExtraArguments(words) → PatchelfChanges; throws `usage`
Napi::Value parseExtraArguments(const Napi::CallbackInfo& call);
// runPatchelf(words) → exit code, once done: it reads and writes files, stdout and stderr
Napi::Value runPatchelf(const Napi::CallbackInfo& call);

}  // namespace fixelf::addon
