// native/edit; the shapes are those of lib/addon/native.ts.
#pragma once

#include <napi.h>

#include <functional>
#include <stop_token>

#include "edit/edit.hpp"

namespace fixelf::addon {

// layOutRequest(path, request, cancellation?) → Promise<RequestedLayout>
Napi::Value layOutRequest(const Napi::CallbackInfo& call);

// Plans on another thread.
Napi::Value promisedPlan(const Napi::CallbackInfo& call,
                         std::function<Result<PlannedEdit>(const std::stop_token&)> plan);

// Null if one is written, or none was requested.
Napi::Value noCacheValue(Napi::Env env, const std::optional<NoCache>& why);

}  // namespace fixelf::addon
