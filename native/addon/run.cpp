#include "addon/run.hpp"

#include "addon/convert.hpp"
#include "addon/promise.hpp"
#include "run/commands.hpp"
#include "run/entrance_file.hpp"
#include "run/memory_file.hpp"
#include "run/replace_process.hpp"

namespace fixelf::addon {

Napi::Value entrance(const Napi::CallbackInfo& call) {
  auto descriptor = openEntrance();
  if (!descriptor) throw toError(call.Env(), descriptor.error());
  return Napi::Number::New(call.Env(), *descriptor);
}

Napi::Value memoryFile(const Napi::CallbackInfo& call) {
  const auto bytes = call[0].As<Napi::Uint8Array>();
  auto file =
      makeMemoryFile("fixelf", {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()});
  if (!file) throw toError(call.Env(), file.error());
  return Napi::Number::New(call.Env(), file->release());
}

Napi::Value replaceThisProcess(const Napi::CallbackInfo& call) {
  const auto object = call[0].As<Napi::Object>();
  Replacing replacing;
  const Napi::Value file = object.Get("file");
  if (file.IsNumber()) {
    replacing.descriptor = file.As<Napi::Number>().Int32Value();
  } else {
    replacing.path = toPath(file);
  }
  replacing.arguments = toTexts(object.Get("arguments"));
  replacing.variables = toTexts(object.Get("variables"));
  const auto inherited = object.Get("inherited").As<Napi::Array>();
  for (uint32_t index = 0; index < inherited.Length(); ++index) {
    replacing.inherited.push_back(inherited.Get(index).As<Napi::Number>().Int32Value());
  }
  throw toError(call.Env(), replaceProcess(replacing));
}

Napi::Value runCommands(const Napi::CallbackInfo& call) {
  using Ends = std::vector<Result<CommandEnd>>;
  const auto array = call[0].As<Napi::Array>();
  std::vector<Command> commands;
  for (uint32_t index = 0; index < array.Length(); ++index) {
    const auto object = array.Get(index).As<Napi::Object>();
    commands.push_back({toPath(object.Get("file")), toTexts(object.Get("arguments")),
                        toTexts(object.Get("environment")), toPaths(object.Get("subjects"))});
  }
  const std::chrono::milliseconds patience(call[1].As<Napi::Number>().Int64Value());
  return PromisedWork<Ends>::start(
      call,
      [commands = std::move(commands), patience](const std::stop_token& stop) {
        return runAll(commands, patience, stop);
      },
      [](Napi::Env env, Ends& ends) {
        return toArray(env, ends, [&](const Result<CommandEnd>& end) -> Napi::Value {
          if (!end) return toFailure(env, end.error());
          Napi::Object value = Napi::Object::New(env);
          value["exitCode"] =
              end->exitCode ? Napi::Number::New(env, *end->exitCode).As<Napi::Value>() : env.Null();
          value["output"] = toText(env, end->output);
          value["errors"] = toText(env, end->errors);
          return value;
        });
      });
}

}  // namespace fixelf::addon
