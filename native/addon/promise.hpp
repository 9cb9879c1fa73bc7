// Work off the JavaScript thread, and a promise of its result.
#pragma once

#include <napi.h>

#include <concepts>
#include <exception>
#include <functional>
#include <new>
#include <optional>
#include <stop_token>

#include "addon/convert.hpp"
#include "addon/environment.hpp"

namespace fixelf::addon {

// What JavaScript holds to end calls: cancellation() makes one, and cancel(it) ends all calls that
// received it as their last argument.
using Cancellation = Napi::External<std::stop_source>;

Napi::Value newCancellation(const Napi::CallbackInfo& call);
Napi::Value cancel(const Napi::CallbackInfo& call);
// What ends this call: the cancellation in its last argument, or one of its own.
std::stop_source stopOf(const Napi::CallbackInfo& call);

// Runs `work` on another thread; `convert` makes the JavaScript value when it is done.
//
// Work is told to stop when the caller cancels it or the environment ends. What has not begun by
// then, and what returns Cancelled, rejects; what could no longer stop (a write that has begun)
// settles as usual.
template <class Value>
class PromisedWork final : public Errand {
 public:
  using Work = std::function<Result<Value>(const std::stop_token&)>;
  using Convert = std::function<Napi::Value(Napi::Env, Value&)>;

  // `work` takes the std::stop_token if it can stop, otherwise nothing.
  template <class Given>
  static Napi::Value start(const Napi::CallbackInfo& call, Given work, Convert convert) {
    const Napi::Env env = call.Env();
    const auto deferred = Napi::Promise::Deferred::New(env);
    Environment::of(env).start(std::unique_ptr<PromisedWork>(
        new PromisedWork(stopOf(call), deferred, stoppable(std::move(work)), std::move(convert))));
    return deferred.Promise();
  }

 private:
  PromisedWork(std::stop_source stop, Napi::Promise::Deferred deferred, Work work, Convert convert)
      : Errand(std::move(stop)),
        deferred_(deferred),
        work_(std::move(work)),
        convert_(std::move(convert)) {}

  template <class Given>
  static Work stoppable(Given work) {
    if constexpr (std::invocable<Given&, const std::stop_token&>) {
      return work;
    } else {
      return [work = std::move(work)](const std::stop_token&) mutable -> Result<Value> {
        return work();
      };
    }
  }

  void run() override {
    const std::stop_token token = stop().get_token();
    if (token.stop_requested()) {
      result_.emplace(cancelled("the call"));
      return;
    }
    try {
      result_.emplace(work_(token));
    } catch (const std::bad_alloc&) {
      result_.emplace(Error{ErrorCode::LimitExceeded, "there is not enough memory", {}, 0});
    } catch (const std::exception& unexpected) {
      result_.emplace(Error{ErrorCode::Io, unexpected.what(), {}, 0});
    }
  }

  void tell(Napi::Env env) override {
    try {
      if (*result_) {
        deferred_.Resolve(convert_(env, **result_));
      } else {
        deferred_.Reject(toError(env, result_->error()).Value());
      }
    } catch (const Napi::Error& thrown) {
      deferred_.Reject(thrown.Value());
    }
  }

  Napi::Promise::Deferred deferred_;
  Work work_;
  Convert convert_;
  std::optional<Result<Value>> result_;
};

}  // namespace fixelf::addon
