// The addon's entry point: what JavaScript sees of the native half. Arguments are checked by
// lib/, which is the only caller.
#include <napi.h>

#include "addon/files_object.hpp"
#include "addon/promise.hpp"
#include "patch/undo.hpp"

namespace fixelf::addon {

namespace {

Napi::Value version(const Napi::CallbackInfo& call) {
  return Napi::String::New(call.Env(), FIXELF_VERSION);
}

Napi::Value inspect(const Napi::CallbackInfo& call) {
  return PromisedWork<Facts>::start(
      call.Env(), [path = toPath(call[0])] { return readFacts(path); },
      [](Napi::Env env, Facts& facts) { return toValue(env, facts); });
}

Napi::Value walkTree(const Napi::CallbackInfo& call) {
  return PromisedWork<Walked>::start(
      call.Env(), [root = toPath(call[0])] { return walk(root); },
      [](Napi::Env env, Walked& walked) { return toValue(env, walked); });
}

Napi::Value layOutFile(const Napi::CallbackInfo& call) {
  return PromisedWork<PlannedLayout>::start(
      call.Env(),
      [path = toPath(call[0]),
       edits = toEdits(call[1].As<Napi::Object>())]() -> Result<PlannedLayout> {
        auto source = FileSource::open(path);
        if (!source) return source.error();
        auto layout = layOut(**source, edits);
        if (!layout) return std::move(layout.error()).at(path);
        return PlannedLayout{std::move(*layout), (*source)->identity()};
      },
      [](Napi::Env env, PlannedLayout& planned) { return toValue(env, planned); });
}

Napi::Value applyJobs(const Napi::CallbackInfo& call) {
  const auto array = call[0].As<Napi::Array>();
  std::vector<WriteJob> jobs;
  for (uint32_t index = 0; index < array.Length(); ++index) {
    jobs.push_back(toWriteJob(array.Get(index).As<Napi::Object>()));
  }
  WriteOptions options;
  options.recordDirectory = call[1].As<Napi::String>().Utf8Value();
  using Answers = std::vector<Status>;
  return PromisedWork<Answers>::start(
      call.Env(),
      [jobs = std::move(jobs), options = std::move(options)]() -> Result<Answers> {
        return writeAll(jobs, options);
      },
      [](Napi::Env env, Answers& answers) -> Napi::Value {
        Napi::Array values = Napi::Array::New(env, answers.size());
        uint32_t index = 0;
        for (const Status& answer : answers) {
          values[index++] = answer ? env.Null() : toError(env, answer.error()).Value();
        }
        return values;
      });
}

Napi::Value undoFile(const Napi::CallbackInfo& call) {
  return PromisedWork<Done>::start(
      call.Env(),
      [path = toPath(call[0]), directory = toPath(call[1])] { return undo(path, directory); },
      [](Napi::Env env, Done&) { return env.Undefined(); });
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  const auto define = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  define("version", version);
  define("inspect", inspect);
  define("walk", walkTree);
  define("layOut", layOutFile);
  define("apply", applyJobs);
  define("undo", undoFile);
  exports.Set("Files", FilesObject::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(fixelf, initialize)

}  // namespace fixelf::addon
