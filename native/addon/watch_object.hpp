// Watched directories as a JavaScript object, which calls a function with what happens in them.
#pragma once

#include <napi.h>

#include <memory>
#include <stop_token>

#include "addon/environment.hpp"
#include "watch/trees.hpp"

namespace fixelf::addon {

// Waiting takes a thread of its own: a watch waits for days. The function is called for one lot at
// a time; while it is busy, the kernel's queue fills up, and what is finally lost is reported as an
// overflow. So nothing grows without bound.
class WatchObject final : public Napi::ObjectWrap<WatchObject> {
 public:
  static Napi::Function define(Napi::Env env);
  // (roots, function of a failure or null, and of arrivals or null at the end)
  explicit WatchObject(const Napi::CallbackInfo& call);

 private:
  // What is told in one call.
  class Lot;

  void refresh(const Napi::CallbackInfo& call);
  void stop(const Napi::CallbackInfo& call);

  // On the waiting thread, until the end.
  void watch(Environment& environment);

  Napi::FunctionReference function_;
  std::stop_source stop_;
  std::unique_ptr<WatchedTrees> trees_;  // until the end has been told
};

// What is under each of many names.
Napi::Value peekAtFiles(const Napi::CallbackInfo& call);

}  // namespace fixelf::addon
