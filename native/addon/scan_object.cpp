#include "addon/scan_object.hpp"

#include <cstring>

#include "addon/convert.hpp"
#include "addon/promise.hpp"

namespace fixelf::addon {

namespace {

template <class Array, class Item>
Napi::Value copied(Napi::Env env, const std::vector<Item>& items) {
  Array array = Array::New(env, items.size());
  if (!items.empty()) std::memcpy(array.Data(), items.data(), items.size() * sizeof(Item));
  return {env, array};
}

// The view that fits the values: JavaScript's typed arrays count elements, not bytes.
Napi::Value values(Napi::Env env, const Column& column) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, column.values.size());
  if (!column.values.empty())
    std::memcpy(buffer.Data(), column.values.data(), column.values.size());
  switch (column.type) {
    case Column::Type::UInt32:
      return {env, Napi::Uint32Array::New(env, column.length, buffer, 0)};
    case Column::Type::UInt64:
      return {env, Napi::BigUint64Array::New(env, column.length, buffer, 0)};
    default:
      return {env, Napi::Uint8Array::New(env, column.values.size(), buffer, 0)};
  }
}

Napi::Value toValue(Napi::Env env, const Column& column) {
  Napi::Object object = Napi::Object::New(env);
  object["name"] = Napi::String::New(env, column.name);
  object["type"] = Napi::String::New(env, columnTypeName(column.type));
  object["length"] = Napi::Number::New(env, column.length);
  object["nulls"] = Napi::Number::New(env, column.nulls);
  object["validity"] =
      column.validity.empty() ? env.Null() : copied<Napi::Uint8Array>(env, column.validity);
  object["offsets"] =
      column.offsets.empty() ? env.Null() : copied<Napi::Int32Array>(env, column.offsets);
  object["values"] = values(env, column);
  Napi::Array children = Napi::Array::New(env, column.children.size());
  for (uint32_t index = 0; index < column.children.size(); ++index)
    children[index] = toValue(env, column.children[index]);
  object["children"] = children;
  return object;
}

Napi::Value toValue(Napi::Env env, const Batch& batch) {
  Napi::Object object = Napi::Object::New(env);
  object["rows"] = Napi::Number::New(env, batch.facts.rows());
  const std::vector<Column>& columns = batch.facts.columns();
  object["columns"] =
      toArray(env, columns, [&](const Column& column) { return toValue(env, column); });
  object["branches"] = toArray(env, batch.branches, [&](const BatchBranch& branch) -> Napi::Value {
    Napi::Object value = Napi::Object::New(env);
    value["path"] = Napi::String::New(env, branch.path);
    value["firstRow"] = Napi::Number::New(env, branch.firstRow);
    value["rows"] = Napi::Number::New(env, branch.rows);
    value["last"] = Napi::Boolean::New(env, branch.last);
    return value;
  });
  object["failures"] =
      toArray(env, batch.failures, [&](const Error& error) { return toFailure(env, error); });
  object["links"] = toArray(env, batch.links, [&](const Link& link) -> Napi::Value {
    Napi::Object value = Napi::Object::New(env);
    value["path"] = Napi::String::New(env, link.path);
    value["target"] = Napi::String::New(env, link.target);
    return value;
  });
  return object;
}

std::vector<WalkRoot> toRoots(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<WalkRoot> roots;
  for (uint32_t index = 0; index < array.Length(); ++index) {
    const auto object = array.Get(index).As<Napi::Object>();
    roots.push_back({toPath(object.Get("host")), toPath(object.Get("shown"))});
  }
  return roots;
}

WalkOptions toOptions(const Napi::Object& object) {
  WalkOptions options;
  options.threads = object.Get("threads").As<Napi::Number>();
  options.diskOrder = object.Get("diskOrder").As<Napi::Boolean>();
  options.shard = object.Get("shard").As<Napi::Number>().Uint32Value();
  options.shards = object.Get("shards").As<Napi::Number>().Uint32Value();
  options.libraryLinks = object.Get("libraryLinks").As<Napi::Boolean>();
  return options;
}

}  // namespace

Napi::Function ScanObject::define(Napi::Env env) {
  return DefineClass(
      env, "Scan",
      {InstanceMethod<&ScanObject::next>("next"), InstanceMethod<&ScanObject::cancel>("cancel"),
       InstanceMethod<&ScanObject::progress>("progress")});
}

ScanObject::ScanObject(const Napi::CallbackInfo& call)
    : Napi::ObjectWrap<ScanObject>(call),
      scan_(std::make_shared<Scan>(toRoots(call[0]), toOptions(call[1].As<Napi::Object>()))) {}

Napi::Value ScanObject::next(const Napi::CallbackInfo& call) {
  using Next = std::unique_ptr<Batch>;
  return PromisedWork<Next>::start(
      call.Env(), [scan = scan_] { return scan->next(); },
      [](Napi::Env env, Next& batch) { return batch ? toValue(env, *batch) : env.Null(); });
}

void ScanObject::cancel(const Napi::CallbackInfo& /*call*/) {
  scan_->cancel();
}

Napi::Value ScanObject::progress(const Napi::CallbackInfo& call) {
  const WalkProgress& progress = scan_->progress();
  Napi::Object object = Napi::Object::New(call.Env());
  const auto set = [&](const char* name, const std::atomic<uint64_t>& value) {
    object[name] = Napi::Number::New(call.Env(), static_cast<double>(value.load()));
  };
  set("files", progress.files);
  set("elf", progress.elf);
  set("failures", progress.failures);
  set("bytes", progress.bytes);
  set("branches", progress.branches);
  set("branchesDone", progress.branchesDone);
  return object;
}

}  // namespace fixelf::addon
