#include "addon/search.hpp"

#include "addon/convert.hpp"
#include "addon/promise.hpp"
#include "scan/search.hpp"

namespace fixelf::addon {

namespace {

const char* nameOf(MentionKind kind) {
  switch (kind) {
    case MentionKind::StorePath:
      return "store-path";
    case MentionKind::Hash:
      return "hash";
    case MentionKind::Interpreter:
      return "interpreter";
    case MentionKind::Soname:
      return "soname";
  }
  return "";
}

const char* nameOf(Spelling spelling) {
  switch (spelling) {
    case Spelling::Plain:
      return "plain";
    case Spelling::Escaped:
      return "escaped";
    case Spelling::PercentEncoded:
      return "percent-encoded";
    case Spelling::Utf16:
      return "utf-16";
    case Spelling::LineWrapped:
      return "line-wrapped";
  }
  return "";
}

const char* nameOf(Place place) {
  switch (place) {
    case Place::FileName:
      return "file-name";
    case Place::LinkTarget:
      return "link-target";
    case Place::Content:
      return "content";
  }
  return "";
}

const char* nameOf(Compression kind) {
  switch (kind) {
    case Compression::Gzip:
      return "gzip";
    case Compression::Xz:
      return "xz";
    case Compression::Zstd:
      return "zstd";
    case Compression::Bzip2:
      return "bzip2";
    case Compression::Zip:
      return "zip";
    case Compression::Squashfs:
      return "squashfs";
  }
  return "";
}

// An array of objects, each filled by `fill`.
Napi::Array objects(Napi::Env env, const auto& items, auto fill) {
  Napi::Array values = Napi::Array::New(env, items.size());
  uint32_t index = 0;
  for (const auto& item : items) {
    // Without a scope for each, all handles would live until the last object is made.
    const Napi::HandleScope scope(env);
    Napi::Object object = Napi::Object::New(env);
    fill(object, item);
    values[index++] = object;
  }
  return values;
}

Napi::Value toValue(Napi::Env env, const Found& found) {
  Napi::Object value = Napi::Object::New(env);
  value["mentions"] =
      objects(env, found.answer.mentions, [&](Napi::Object& object, const Mention& mention) {
        object["kind"] = toText(env, nameOf(mention.kind));
        object["spelling"] = toText(env, nameOf(mention.spelling));
        object["text"] = toText(env, mention.text);
        object["path"] = toText(env, *mention.path);
        object["place"] = toText(env, nameOf(mention.place));
        object["offset"] = toNumber(env, mention.offset);
        object["count"] = toNumber(env, mention.count);
      });
  value["moreMentions"] = toNumber(env, found.answer.moreMentions);
  value["compressed"] =
      objects(env, found.answer.compressed, [&](Napi::Object& object, const Compressed& one) {
        object["kind"] = toText(env, nameOf(one.kind));
        object["path"] = toText(env, *one.path);
        object["offset"] = toNumber(env, one.offset);
        object["count"] = toNumber(env, one.count);
      });
  value["moreCompressed"] = toNumber(env, found.answer.moreCompressed);
  value["failures"] = objects(env, found.failures, [&](Napi::Object& object, const Error& failure) {
    object["path"] = toText(env, failure.path);
    object["code"] = toText(env, errorCodeName(failure.code));
    object["message"] = toText(env, failure.message);
  });
  value["moreFailures"] = toNumber(env, found.moreFailures);
  value["files"] = toNumber(env, found.files);
  value["bytes"] = toNumber(env, found.bytes);
  return value;
}

}  // namespace

Napi::Value searchPath(const Napi::CallbackInfo& call) {
  const auto object = call[1].As<Napi::Object>();
  std::string store = toBytes(object.Get("store"));
  std::string hashes = toBytes(object.Get("hashes"));
  return PromisedWork<Found>::start(
      call,
      [path = toPath(call[0]), store = std::move(store),
       hashes = std::move(hashes)](const std::stop_token& stop) {
        SearchOptions options;
        options.store = store;
        options.hashes = HashSet(hashes);
        options.stop = stop;
        return search(path, std::move(options));
      },
      [](Napi::Env env, Found& found) { return toValue(env, found); });
}

}  // namespace fixelf::addon
