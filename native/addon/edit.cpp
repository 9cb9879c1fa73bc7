#include "addon/edit.hpp"

#include "addon/promise.hpp"

namespace fixelf::addon {

namespace {

SearchPathChange toSearchPathChange(const Napi::Object& object) {
  using enum SearchPathChange::Kind;
  SearchPathChange change;
  const Napi::Value tag = object.Get("tag");
  if (tag.IsString() && toBytes(tag) == "rpath") change.tag = SearchPathTag::Rpath;
  if (object.Has("set")) {
    change.value = toBytes(object.Get("set"));
  } else if (object.Has("add")) {
    change.kind = Add;
    change.value = toBytes(object.Get("add"));
  } else if (object.Has("remove")) {
    change.kind = Remove;
  } else if (const Napi::Value shrink = object.Get("shrink"); shrink.IsObject()) {
    change.kind = Shrink;
    change.allowedPrefixes = toTexts(shrink.As<Napi::Object>().Get("allowedPrefixes"));
  } else {
    throw Napi::TypeError::New(object.Env(), "searchPath must set, add, remove or shrink");
  }
  return change;
}

EditRequest toEditRequest(const Napi::Object& object) {
  EditRequest request;
  request.edits = toEditsWithoutPlaces(object);
  const Napi::Value searchPath = object.Get("searchPath");
  if (searchPath.IsObject()) request.searchPath = toSearchPathChange(searchPath.As<Napi::Object>());
  request.resolutionCache = object.Get("resolutionCache").ToBoolean();
  return request;
}

}  // namespace

Napi::Value layOutRequest(const Napi::CallbackInfo& call) {
  return promisedPlan(call,
                      [path = toPath(call[0]), request = toEditRequest(call[1].As<Napi::Object>())](
                          const std::stop_token& stop) { return planEdit(path, request, stop); });
}

Napi::Value promisedPlan(const Napi::CallbackInfo& call,
                         std::function<Result<PlannedEdit>(const std::stop_token&)> plan) {
  return PromisedWork<PlannedEdit>::start(
      call, std::move(plan), [](Napi::Env env, PlannedEdit& edit) {
        Napi::Value layout =
            toValue(env, std::make_shared<const PlannedLayout>(std::move(edit.planned)));
        layout.As<Napi::Object>()["noCache"] = noCacheValue(env, edit.noCache);
        return layout;
      });
}

Napi::Value noCacheValue(Napi::Env env, const std::optional<NoCache>& why) {
  return why ? toText(env, noCacheName(*why)) : env.Null();
}

}  // namespace fixelf::addon
