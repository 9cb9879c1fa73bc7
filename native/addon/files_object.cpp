#include "addon/files_object.hpp"

#include "addon/promise.hpp"

namespace fixelf::addon {

Napi::Function FilesObject::define(Napi::Env env) {
  return DefineClass(
      env, "Files",
      {InstanceMethod<&FilesObject::realPath>("realPath"),
       InstanceMethod<&FilesObject::hostPath>("hostPath"),
       InstanceMethod<&FilesObject::look>("look"), InstanceMethod<&FilesObject::resolve>("resolve"),
       InstanceMethod<&FilesObject::override>("override"),
       InstanceMethod<&FilesObject::passThrough>("passThrough")});
}

FilesObject::FilesObject(const Napi::CallbackInfo& call)
    : Napi::ObjectWrap<FilesObject>(call),
      files_(std::make_shared<Files>(call[0].As<Napi::String>().Utf8Value())) {}

Napi::Value FilesObject::realPath(const Napi::CallbackInfo& call) {
  auto path = files_->realPath(toPath(call[0]));
  if (!path) throw toError(call.Env(), path.error());
  return Napi::String::New(call.Env(), *path);
}

Napi::Value FilesObject::hostPath(const Napi::CallbackInfo& call) {
  return Napi::String::New(call.Env(), files_->hostPath(toPath(call[0])));
}

Napi::Value FilesObject::look(const Napi::CallbackInfo& call) {
  return toValue(call.Env(), files_->look(toPath(call[0])));
}

Napi::Value FilesObject::resolve(const Napi::CallbackInfo& call) {
  ResolveOptions options;
  if (call[1].IsObject()) {
    const auto object = call[1].As<Napi::Object>();
    const Napi::Value interpreter = object.Get("interpreter");
    if (interpreter.IsString()) options.interpreter = interpreter.As<Napi::String>();
    const Napi::Value libraryPath = object.Get("libraryPath");
    if (libraryPath.IsString()) options.libraryPath = libraryPath.As<Napi::String>();
  }
  return PromisedWork<Resolution>::start(
      call.Env(),
      [files = files_, path = toPath(call[0]), options = std::move(options)] {
        return fixelf::resolve(*files, path, options);
      },
      [](Napi::Env env, Resolution& resolution) { return toValue(env, resolution); });
}

Napi::Value FilesObject::override(const Napi::CallbackInfo& call) {
  const std::string path = toPath(call[0]);
  const Lookup& lookup = files_->look(path);
  if (!lookup.facts) {
    throw toError(call.Env(),
                  Error{ErrorCode::NotElf, "no ELF file to assume changes of", path, 0});
  }
  Facts facts = *lookup.facts;
  const auto object = call[1].As<Napi::Object>();
  for (auto [name, field] :
       {std::pair{"interpreter", &facts.interpreter}, std::pair{"runpath", &facts.runpath},
        std::pair{"rpath", &facts.rpath}}) {
    const Napi::Value value = object.Get(name);
    if (value.IsString()) *field = value.As<Napi::String>().Utf8Value();
    if (value.IsNull()) field->reset();
  }
  files_->replace(path, std::move(facts));
  return call.Env().Undefined();
}

Napi::Value FilesObject::passThrough(const Napi::CallbackInfo& call) {
  files_->passThrough(toPath(call[0]));
  return call.Env().Undefined();
}

}  // namespace fixelf::addon
