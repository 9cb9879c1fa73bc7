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
    value["kind"] = toText(env, nameOf(arrival.kind));
    value["path"] = toText(env, arrival.path);
    if (arrival.kind == Arrival::Unwatched) value["failure"] = toFailure(env, arrival.failure);
    return value;
  });
}

}  // namespace

class WatchObject::Lot final : public Message {
 public:
  // No arrivals means the end.
  Lot(WatchObject& watch, std::optional<Arrivals> arrivals)
      : watch_(watch), arrivals_(std::move(arrivals)) {}

  void tell(Napi::Env env) override {
    const Napi::Function function = watch_.function_.Value();
    if (!arrivals_) {
      Environment::of(env).release();
      watch_.trees_.reset();  // its descriptors must not wait for a garbage collection
      watch_.Unref();
      function.Call({env.Null(), env.Null()});
    } else if (*arrivals_) {
      function.Call({env.Null(), toValue(env, **arrivals_)});
    } else {
      function.Call({toError(env, arrivals_->error()).Value(), env.Null()});
    }
  }

 private:
  WatchObject& watch_;
  std::optional<Arrivals> arrivals_;
};

Napi::Function WatchObject::define(Napi::Env env) {
  return DefineClass(env, "Watch",
                     {InstanceMethod<&WatchObject::refresh>("refresh"),
                      InstanceMethod<&WatchObject::stop>("stop")});
}

WatchObject::WatchObject(const Napi::CallbackInfo& call)
    : Napi::ObjectWrap<WatchObject>(call),
      function_(Napi::Persistent(call[1].As<Napi::Function>())) {
  const Napi::Env env = call.Env();
  auto trees = WatchedTrees::open(toPaths(call[0]));
  if (!trees) throw toError(env, trees.error());
  trees_ = std::make_unique<WatchedTrees>(std::move(*trees));
  Environment& environment = Environment::of(env);
  if (!environment.startThread(stop_, [this, &environment] { watch(environment); })) {
    throw toError(env, {ErrorCode::LimitExceeded,
                        "cannot watch directories: this user or this group of processes may start "
                        "no more threads",
                        {},
                        0});
  }
  // Both until the end has been told.
  environment.hold();
  Ref();
}

void WatchObject::watch(Environment& environment) {
  {
    const std::stop_callback stopped(stop_.get_token(), [this] { trees_->stop(); });
    for (bool more = true; more;) {
      Arrivals arrivals = trees_->next();
      more = arrivals && !arrivals->empty();
      if (arrivals && !more) break;
      if (!environment.tell(std::make_unique<Lot>(*this, std::move(arrivals)))) return;
    }
  }
  environment.tell(std::make_unique<Lot>(*this, std::nullopt));
}

void WatchObject::refresh(const Napi::CallbackInfo& /*call*/) {
  if (trees_) trees_->refresh();
}

void WatchObject::stop(const Napi::CallbackInfo& /*call*/) {
  stop_.request_stop();
}

Napi::Value peekAtFiles(const Napi::CallbackInfo& call) {
  using Peeks = std::vector<Peek>;
  return PromisedWork<Peeks>::start(
      call,
      [paths = toPaths(call[0])](const std::stop_token& stop) -> Result<Peeks> {
        Peeks peeks;
        peeks.reserve(paths.size());
        for (const std::string& path : paths) {
          if (stop.stop_requested()) return cancelled("the look at files");
          peeks.push_back(peek(path));
        }
        return peeks;
      },
      [](Napi::Env env, Peeks& peeks) {
        return toArray(env, peeks, [&](Peek peek) { return toText(env, nameOf(peek)); });
      });
}

}  // namespace fixelf::addon
