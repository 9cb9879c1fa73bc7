#include "addon/resolutions.hpp"

#include "addon/text.hpp"

namespace fixelf::addon {

Transcript::Transcript(Files& files, std::span<const Result<Resolution>> answers) : files_(files) {
  text(Interned());
  numbers_.clear();
  for (const Result<Resolution>& answer : answers) {
    number(answer ? 1 : 0);
    if (answer) {
      write(*answer);
    } else {
      write(answer.error());
    }
  }
}

void Transcript::write(const Resolution& resolution) {
  const LoaderProfile& loader = *resolution.loader;
  text(resolution.path);
  text(resolution.interpreter ? files_.interned(*resolution.interpreter) : Interned());
  number(resolution.interpreterFound ? 1 : 0);
  number(resolution.interpreterAssumed ? 1 : 0);
  text(resolution.interpreterReason);
  text(libcName(loader.libc));
  number(loader.defaultDirectories.size());
  number(resolution.libraries.size());
  number(resolution.versionProblems.size());
  number(resolution.unversionedLibraries.size());
  number(resolution.isaProblems.size());
  number(resolution.relrProblems.size());
  number(resolution.loadProblems.size());
  number(resolution.missingSymbols.size());
  for (const std::string& directory : loader.defaultDirectories)
    text(directory);
  for (const Library& library : resolution.libraries)
    write(library);
  for (const VersionProblem& problem : resolution.versionProblems) {
    text(problem.version);
    text(problem.library);
    text(problem.providerPath);
    text(problem.neededBy);
    number(problem.weak ? 1 : 0);
  }
  for (const UnversionedLibrary& found : resolution.unversionedLibraries) {
    text(found.library);
    text(found.providerPath);
    text(found.neededBy);
  }
  for (const IsaProblem& problem : resolution.isaProblems) {
    text(problem.path);
    number(problem.missing);
  }
  for (const Interned path : resolution.relrProblems)
    text(path);
  for (const LoadProblem& problem : resolution.loadProblems) {
    text(problem.path);
    text(problem.why);
    number(problem.opened ? 1 : 0);
  }
  for (const MissingSymbol& missing : resolution.missingSymbols) {
    text(missing.symbol);
    text(missing.version);
    text(missing.library);
    text(missing.neededBy);
  }
}

void Transcript::write(const Library& library) {
  text(library.soname);
  text(library.path);
  text(library.reason);
  text(library.neededBy);
  number(library.wrongMachineSeen ? 1 : 0);
  number(library.optional ? 1 : 0);
  text(libraryKindName(library.kind));
  number(library.tried.size());
  for (const Tried& tried : library.tried) {
    text(tried.path);
    text(refusalCode(tried.refusal));
    text(tried.why);
  }
}

void Transcript::write(const Error& error) {
  text(errorCodeName(error.code));
  text(error.message);
  text(error.path);
}

void Transcript::text(Interned text) {
  const auto [found, added] = places_.try_emplace(text, static_cast<uint32_t>(texts_.size()));
  if (added) texts_.push_back(text);
  number(found->second);
}

Napi::Value Transcript::toValue(Napi::Env env) const {
  Napi::Object object = Napi::Object::New(env);
  Napi::Array texts = Napi::Array::New(env, texts_.size());
  for (uint32_t index = 0; index < texts_.size(); ++index) {
    const Interned text = texts_[index];
    texts[index] = text ? toText(env, *text) : env.Null();
  }
  object["texts"] = texts;
  Napi::Uint32Array numbers = Napi::Uint32Array::New(env, numbers_.size());
  std::copy(numbers_.begin(), numbers_.end(), numbers.Data());
  object["numbers"] = numbers;
  return object;
}

}  // namespace fixelf::addon
