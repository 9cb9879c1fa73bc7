#include "addon/scan_object.hpp"

#include <cstring>

#include "addon/convert.hpp"
#include "addon/promise.hpp"
#include "scan/store_path.hpp"

namespace fixelf::addon {

namespace {

// The columns of one batch in one buffer: JavaScript's buffers take longer to make than to fill.
class ColumnBuffer {
 public:
  ColumnBuffer(Napi::Env env, size_t size)
      : env_(env), buffer_(Napi::ArrayBuffer::New(env, size)) {}

  // The bytes that a column takes.
  static size_t sizeOf(const Column& column) {
    size_t size = aligned(column.validity) + aligned(column.offsets) + aligned(column.values);
    for (const Column& child : column.children)
      size += sizeOf(child);
    return size;
  }

  Napi::Value toValue(const Column& column) {
    Napi::Object object = Napi::Object::New(env_);
    object["name"] = toText(env_, column.name);
    object["type"] = toText(env_, columnTypeName(column.type));
    object["length"] = Napi::Number::New(env_, column.length);
    object["nulls"] = Napi::Number::New(env_, column.nulls);
    object["validity"] = column.validity.empty()
                             ? env_.Null()
                             : view<Napi::Uint8Array>(column.validity, column.validity.size());
    object["offsets"] = column.offsets.empty()
                            ? env_.Null()
                            : view<Napi::Int32Array>(column.offsets, column.offsets.size());
    object["values"] = values(column);
    object["children"] =
        toArray(env_, column.children, [&](const Column& child) { return toValue(child); });
    return object;
  }

 private:
  // Each begins at an address that is aligned for eight-byte numbers.
  template <class Item>
  static size_t aligned(const std::vector<Item>& items) {
    return (items.size() * sizeof(Item) + 7) / 8 * 8;
  }

  // The view that fits the values: JavaScript's typed arrays count elements, not bytes.
  Napi::Value values(const Column& column) {
    switch (column.type) {
      case Column::Type::UInt32:
        return view<Napi::Uint32Array>(column.values, column.length);
      case Column::Type::UInt64:
        return view<Napi::BigUint64Array>(column.values, column.length);
      default:
        return view<Napi::Uint8Array>(column.values, column.values.size());
    }
  }

  template <class Array, class Item>
  Napi::Value view(const std::vector<Item>& items, size_t elements) {
    if (!items.empty()) {
      std::memcpy(static_cast<uint8_t*>(buffer_.Data()) + used_, items.data(),
                  items.size() * sizeof(Item));
    }
    const size_t offset = used_;
    used_ += aligned(items);
    return {env_, Array::New(env_, elements, buffer_, offset)};
  }

  Napi::Env env_;
  Napi::ArrayBuffer buffer_;
  size_t used_ = 0;
};

Napi::Value toValue(Napi::Env env, const Batch& batch) {
  const std::vector<Column>& columns = batch.facts.columns();
  size_t size = ColumnBuffer::sizeOf(batch.branches) + ColumnBuffer::sizeOf(batch.lines);
  for (const Column& column : columns)
    size += ColumnBuffer::sizeOf(column);
  ColumnBuffer buffer(env, size);
  Napi::Object object = Napi::Object::New(env);
  object["rows"] = Napi::Number::New(env, batch.facts.rows());
  object["columns"] =
      toArray(env, columns, [&](const Column& column) { return buffer.toValue(column); });
  object["branches"] = buffer.toValue(batch.branches);
  object["lines"] = buffer.toValue(batch.lines);
  object["failures"] = toArray(env, batch.failures, [&](const Error& error) -> Napi::Value {
    auto value = toFailure(env, error).As<Napi::Object>();
    const std::string_view storePath = storePathOf(error.path);
    value["storePath"] = storePath.empty() ? env.Null() : toText(env, storePath);
    return value;
  });
  object["links"] = toArray(env, batch.links, [&](const Link& link) -> Napi::Value {
    Napi::Object value = Napi::Object::New(env);
    value["path"] = toText(env, link.path);
    value["target"] = toText(env, link.target);
    return value;
  });
  return object;
}

std::vector<WalkRoot> toRoots(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<WalkRoot> roots;
  for (uint32_t index = 0; index < array.Length(); ++index) {
    const auto object = array.Get(index).As<Napi::Object>();
    roots.push_back({toPath(object.Get("host")), toPath(object.Get("shown")),
                     object.Get("entry").As<Napi::Boolean>()});
  }
  return roots;
}

ScanOptions toOptions(const Napi::Object& object) {
  ScanOptions options;
  options.threads = object.Get("threads").As<Napi::Number>();
  options.diskOrder = object.Get("diskOrder").As<Napi::Boolean>();
  options.shard = object.Get("shard").As<Napi::Number>().Uint32Value();
  options.shards = object.Get("shards").As<Napi::Number>().Uint32Value();
  options.libraryLinks = object.Get("libraryLinks").As<Napi::Boolean>();
  options.lines = object.Get("lines").As<Napi::Boolean>();
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
      stop_(stopOf(call)),
      scan_(std::make_shared<Scan>(toRoots(call[0]), toOptions(call[1].As<Napi::Object>()),
                                   stop_.get_token())) {
  if (!Environment::of(call.Env()).startThread(stop_, [scan = scan_] { scan->run(); }))
    scan_->runInNext();
}

Napi::Value ScanObject::next(const Napi::CallbackInfo& call) {
  using Next = std::unique_ptr<Batch>;
  return PromisedWork<Next>::start(
      call, [scan = scan_] { return scan->next(); },
      [](Napi::Env env, Next& batch) { return batch ? toValue(env, *batch) : env.Null(); });
}

void ScanObject::cancel(const Napi::CallbackInfo& /*call*/) {
  stop_.request_stop();
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
