#include "addon/files_object.hpp"

#include "addon/promise.hpp"

namespace fixelf::addon {

namespace {

ResolveOptions toResolveOptions(const Napi::Value& value) {
  ResolveOptions options;
  if (!value.IsObject()) return options;
  const auto object = value.As<Napi::Object>();
  const auto text = [](const Napi::Object& of, const char* name) -> std::optional<std::string> {
    const Napi::Value member = of.Get(name);
    if (!member.IsString()) return std::nullopt;
    return member.As<Napi::String>().Utf8Value();
  };
  options.interpreter = text(object, "interpreter");
  options.libraryPath = text(object, "libraryPath").value_or("");
  options.preload = text(object, "preload").value_or("");
  options.processor = text(object, "processor");
  const Napi::Value secure = object.Get("secure");
  options.secure = secure.IsBoolean() && secure.As<Napi::Boolean>();
  if (const Napi::Value nixLd = object.Get("nixLd"); nixLd.IsObject()) {
    const auto given = nixLd.As<Napi::Object>();
    options.nixLd =
        NixLd{text(given, "loader").value_or(""), text(given, "libraryPath").value_or("")};
  }
  return options;
}

}  // namespace

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
      shared_(std::make_shared<Shared>(call[0].As<Napi::String>().Utf8Value())) {}

Napi::Value FilesObject::realPath(const Napi::CallbackInfo& call) {
  auto path = shared_->files.realPath(toPath(call[0]));
  if (!path) throw toError(call.Env(), path.error());
  return Napi::String::New(call.Env(), *path);
}

Napi::Value FilesObject::hostPath(const Napi::CallbackInfo& call) {
  return Napi::String::New(call.Env(), shared_->files.hostPath(toPath(call[0])));
}

Napi::Value FilesObject::look(const Napi::CallbackInfo& call) {
  return toValue(call.Env(), shared_->files.look(toPath(call[0])));
}

Napi::Value FilesObject::resolve(const Napi::CallbackInfo& call) {
  return PromisedWork<Resolution>::start(
      call.Env(),
      [shared = shared_, path = toPath(call[0]), options = toResolveOptions(call[1])] {
        return shared->resolver.resolve(path, options);
      },
      [](Napi::Env env, Resolution& resolution) { return toValue(env, resolution); });
}

Napi::Value FilesObject::override(const Napi::CallbackInfo& call) {
  const std::string path = toPath(call[0]);
  const Lookup& lookup = shared_->files.look(path);
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
  shared_->files.replace(path, std::move(facts));
  return call.Env().Undefined();
}

Napi::Value FilesObject::passThrough(const Napi::CallbackInfo& call) {
  shared_->files.passThrough(toPath(call[0]));
  return call.Env().Undefined();
}

}  // namespace fixelf::addon
