#include "addon/watch_object.hpp"

#include "addon/promise.hpp"
#include "watch/peek.hpp"

namespace fixelf::addon {

namespace {

using Arrivals = Result<std::vector<Arrival>>;

const char* nameOf(Arrival::Kind kind) {
  switch (kind) {
    case Arrival::Appeared:
      return "appeared";
    case Arrival::Complete:
      return "complete";
    case Arrival::Directory:
      return "directory";
    case Arrival::Gone:
      return "gone";
    case Arrival::Unwatched:
      return "unwatched";
    case Arrival::Present:
      return "present";
    case Arrival::Absent:
      return "absent";
    case Arrival::Overflow:
      return "overflow";
  }
  return "";
}

const char* nameOf(Peek peek) {
  switch (peek) {
    case Peek::Gone:
      return "gone";
    case Peek::Writing:
      return "writing";
    case Peek::Elf:
      return "elf";
    case Peek::Script:
      return "script";
    case Peek::Link:
      return "link";
    case Peek::Other:
      return "other";
  }
  return "";
}

Napi::Value toValue(Napi::Env env, const std::vector<Arrival>& arrivals) {
  return toArray(env, arrivals, [&](const Arrival& arrival) -> Napi::Value {
    Napi::Object value = Napi::Object::New(env);
    value["kind"] = nameOf(arrival.kind);
    value["path"] = arrival.path;
    if (arrival.kind == Arrival::Unwatched) value["failure"] = toFailure(env, arrival.failure);
    return value;
  });
}

// Called on the JavaScript thread; `given` is null at the end.
void hand(Napi::Env env, Napi::Function function, std::nullptr_t* /*context*/, Arrivals* given) {
  const std::unique_ptr<Arrivals> arrivals(given);
  // No environment: it is being torn down, and nobody is there to be told.
  if (env == nullptr || function == nullptr) return;
  const Napi::HandleScope scope(env);
  if (!arrivals) {
    function.Call({env.Null(), env.Null()});
  } else if (*arrivals) {
    function.Call({env.Null(), toValue(env, **arrivals)});
  } else {
    function.Call({toError(env, arrivals->error()).Value(), env.Null()});
  }
}

using Call = Napi::TypedThreadSafeFunction<std::nullptr_t, Arrivals, hand>;

void waitForArrivals(WatchedTrees& trees, Call& call) {
  for (bool more = true; more;) {
    auto arrivals = std::make_unique<Arrivals>(trees.next());
    more = *arrivals && !(**arrivals).empty();
    if (*arrivals && !more) break;
    if (call.BlockingCall(arrivals.get()) != napi_ok) break;
    (void)arrivals.release();  // hand() has it now
  }
  (void)call.BlockingCall(nullptr);
  call.Release();
}

}  // namespace

Napi::Function WatchObject::define(Napi::Env env) {
  return DefineClass(env, "Watch",
                     {InstanceMethod<&WatchObject::refresh>("refresh"),
                      InstanceMethod<&WatchObject::stop>("stop")});
}

WatchObject::WatchObject(const Napi::CallbackInfo& call) : Napi::ObjectWrap<WatchObject>(call) {
  const Napi::Env env = call.Env();
  auto trees = WatchedTrees::open(toPaths(call[0]));
  if (!trees) throw toError(env, trees.error());
  trees_ = std::make_shared<WatchedTrees>(std::move(*trees));
  auto thread = std::make_shared<std::thread>();
  // One lot waits at most. When the function is let go, also because Node ends, the thread ends.
  Call function = Call::New(
      env, call[1].As<Napi::Function>(), "fixelf watch", 1, 1, nullptr,
      [thread, trees = trees_](Napi::Env, void*, std::nullptr_t*) {
        trees->stop();
        if (thread->joinable()) thread->join();
      },
      static_cast<void*>(nullptr));
  *thread =
      std::thread([trees = trees_, function]() mutable { waitForArrivals(*trees, function); });
}

void WatchObject::refresh(const Napi::CallbackInfo& /*call*/) {
  trees_->refresh();
}

void WatchObject::stop(const Napi::CallbackInfo& /*call*/) {
  trees_->stop();
}

Napi::Value peekAtFiles(const Napi::CallbackInfo& call) {
  using Peeks = std::vector<Peek>;
  return PromisedWork<Peeks>::start(
      call.Env(),
      [paths = toPaths(call[0])]() -> Result<Peeks> {
        Peeks peeks;
        peeks.reserve(paths.size());
        for (const std::string& path : paths)
          peeks.push_back(peek(path));
        return peeks;
      },
      [](Napi::Env env, Peeks& peeks) {
        return toArray(env, peeks, [&](Peek peek) { return Napi::String::New(env, nameOf(peek)); });
      });
}

}  // namespace fixelf::addon
