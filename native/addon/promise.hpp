// Work off the JavaScript thread, and a promise of its result.
#pragma once

#include <napi.h>

#include <functional>
#include <optional>

#include "addon/convert.hpp"

namespace fixelf::addon {

// Runs `work` on a thread of libuv's pool; `convert` makes the JavaScript value when it is done.
template <class Value>
class PromisedWork final : public Napi::AsyncWorker {
 public:
  using Work = std::function<Result<Value>()>;
  using Convert = std::function<Napi::Value(Napi::Env, Value&)>;

  static Napi::Value start(Napi::Env env, Work work, Convert convert) {
    auto* worker = new PromisedWork(env, std::move(work), std::move(convert));
    const Napi::Value promise = worker->deferred_.Promise();
    worker->Queue();  // N-API deletes it after OnOK or OnError
    return promise;
  }

 protected:
  void Execute() override { result_.emplace(work_()); }
  void OnOK() override {
    const Napi::HandleScope scope(Env());
    if (*result_) {
      deferred_.Resolve(convert_(Env(), **result_));
    } else {
      deferred_.Reject(toError(Env(), result_->error()).Value());
    }
  }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  PromisedWork(Napi::Env env, Work work, Convert convert)
      : Napi::AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        work_(std::move(work)),
        convert_(std::move(convert)) {}

  Napi::Promise::Deferred deferred_;
  Work work_;
  Convert convert_;
  std::optional<Result<Value>> result_;
};

}  // namespace fixelf::addon
