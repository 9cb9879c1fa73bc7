#include "resolve/symbol_check.hpp"

#include <algorithm>
#include <set>

namespace fixelf {

namespace {

constexpr size_t kMostMissing = 1000;
// Hash table entries examined for one program: real ones need a few thousand.
constexpr uint64_t kMostSteps = 50'000'000;

constexpr uint8_t kBindWeak = 2;     // STB_WEAK
constexpr uint8_t kBindUnique = 10;  // STB_GNU_UNIQUE
constexpr uint8_t kTypeTls = 6;      // STT_TLS

uint8_t bindingOf(const SymbolEntry& symbol) {
  return symbol.info >> 4U;
}

uint8_t typeOf(const SymbolEntry& symbol) {
  return symbol.info & 0xfU;
}

// dl_symbol_visibility_binds_local_p of glibc's sysdeps/generic/ldsodefs.h.
bool isHidden(const SymbolEntry& symbol) {
  const uint8_t visibility = symbol.other & 3U;
  return visibility == STV_HIDDEN || visibility == STV_INTERNAL;
}

bool isVisible(const SymbolEntry& symbol) {
  const uint8_t binding = bindingOf(symbol);
  return binding == STB_GLOBAL || binding == kBindWeak || binding == kBindUnique;
}

// A name as one object wants it.
struct Wanted {
  HashedName name;
  const NumberedVersion* version = nullptr;
  bool definition = false;  // an undefined entry won't do, whatever its value
  bool copy = false;
};

enum class Match { None, Found, Unversioned };

// do_lookup_x and check_match of glibc's elf/dl-lookup.c.
class GlibcRule {
 public:
  // `named`: whether the object is the one that the version is needed from.
  static Match find(const SymbolTable& table, const Wanted& wanted, bool named, uint64_t& budget) {
    std::optional<SymbolEntry> found;
    std::optional<SymbolEntry> other;  // of a version that was not requested
    int others = 0;
    bool unversioned = false;
    table.visitNamed(wanted.name, budget, [&](uint32_t index) {
      const SymbolEntry symbol = table.symbol(index);
      if (!defines(symbol, wanted) || table.name(symbol) != wanted.name.text) return false;
      if (wanted.version != nullptr && !table.versioned()) {
        // "Assertion `version->filename == NULL || ! _dl_name_match_p (version->filename, map)'"
        unversioned = named;
      } else if (wanted.version != nullptr) {
        if (!isVersion(table, index, *wanted.version)) return false;
      } else if (table.versioned() && (table.versionNumber(index) & kNumber) > kFirstVersion) {
        if ((table.versionNumber(index) & kHidden) == 0 && others++ == 0) other = symbol;
        return false;
      }
      found = symbol;
      return true;
    });
    if (unversioned) return Match::Unversioned;
    if (!found && others == 1) found = other;
    return found && !isHidden(*found) && isVisible(*found) ? Match::Found : Match::None;
  }

 private:
  static constexpr uint16_t kNumber = 0x7fff;
  static constexpr uint16_t kHidden = 0x8000;
  static constexpr uint16_t kFirstVersion =
      2;  // the version that an unversioned program was linked with

  static bool defines(const SymbolEntry& symbol, const Wanted& wanted) {
    // STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_COMMON, STT_TLS, STT_GNU_IFUNC.
    constexpr unsigned kAllowed = 1U << 0U | 1U << 1U | 1U << 2U | 1U << 5U | 1U << 6U | 1U << 10U;
    if (symbol.value == 0 && symbol.section != SHN_ABS && typeOf(symbol) != kTypeTls) return false;
    if (wanted.definition && symbol.section == SHN_UNDEF) return false;
    return (kAllowed >> typeOf(symbol) & 1U) != 0;
  }

  static bool isVersion(const SymbolTable& table, uint32_t index, const NumberedVersion& wanted) {
    const uint16_t number = table.versionNumber(index);
    const NumberedVersion* own = table.version(number);
    if (own != nullptr) return own->hash == wanted.hash && own->name == wanted.name;
    // An entry without a version matches, unless a version is required or the entry is hidden.
    return !wanted.hidden && (number & kHidden) == 0;
  }
};

// find_sym2 of musl's ldso/dynlink.c; versions only hide those that are not the default.
class MuslRule {
 public:
  static Match find(const SymbolTable& table, const Wanted& wanted, bool, uint64_t& budget) {
    bool found = false;
    table.visitNamed(wanted.name, budget, [&](uint32_t index) {
      const SymbolEntry symbol = table.symbol(index);
      if (table.name(symbol) != wanted.name.text) return false;
      if (table.versioned() && (table.versionNumber(index) & 0x8000U) != 0) return false;
      found = defines(symbol, wanted);
      return true;
    });
    return found ? Match::Found : Match::None;
  }

 private:
  static bool defines(const SymbolEntry& symbol, const Wanted& wanted) {
    // OK_TYPES: STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_COMMON, STT_TLS.
    constexpr unsigned kAllowed = 1U << 0U | 1U << 1U | 1U << 2U | 1U << 5U | 1U << 6U;
    const uint8_t type = typeOf(symbol);
    if (symbol.section == SHN_UNDEF && (wanted.definition || type == kTypeTls)) return false;
    if (symbol.value == 0 && type != kTypeTls) return false;
    return (kAllowed >> type & 1U) != 0 && isVisible(symbol);
  }
};

class Check {
 public:
  Check(Files& files, const std::vector<Object>& objects, const std::vector<size_t>& scope,
        const Resolution& resolution)
      : files_(files),
        objects_(objects),
        scope_(scope),
        musl_(resolution.loader->libc == LoaderProfile::Musl) {}

  // Whether the symbols of all objects can be read.
  bool open() {
    for (const size_t index : scope_) {
      tables_.push_back(files_.symbols(objects_[index].path));
      if (tables_.back() == nullptr) return false;
    }
    return true;
  }

  // Whether the loader fails at a table, of whichever object.
  bool reportDamage(Resolution& resolution) {
    for (size_t place = 0; place < scope_.size(); ++place) {
      const auto& damage = tables_[place]->damage();
      if (!damage) continue;
      const Interned path = objects_[scope_[place]].path;
      resolution.loadProblems.push_back({path, files_.interned(*damage), false});
      return true;
    }
    return false;
  }

  [[nodiscard]] bool exhausted() const { return budget_ == 0; }

  // For the object at `place` in the scope.
  Bindings bind(size_t place, bool bindNow) {
    Bindings bindings;
    const SymbolTable& own = *tables_[place];
    const Object& object = objects_[scope_[place]];
    const bool now = bindNow || musl_ || object.facts().bindsNow;
    std::vector<bool> used(scope_.size());
    for (const auto& [index, uses] : own.references()) {
      const uint8_t bound = now ? uses : uses & ~kLazyFunction;
      if (bound == 0 || bindings.missing.size() >= kMostMissing) continue;
      const SymbolEntry symbol = own.symbol(index);
      if (bindingOf(symbol) == STB_LOCAL || (!musl_ && isHidden(symbol))) continue;
      const auto name = own.name(symbol);
      if (!name) {
        bindings.problems.push_back(
            {object.path, files_.interned("its symbols have names outside of its string table"),
             false});
        return bindings;
      }
      const NumberedVersion* version =
          !musl_ && own.versioned() ? own.version(own.versionNumber(index)) : nullptr;
      const Wanted wanted{HashedName(*name), version, (bound & (kDefinition | kLazyFunction)) != 0,
                          (bound & kCopy) != 0};
      const auto [match, provider] = find(wanted);
      if (match == Match::Found) {
        used[provider] = true;
      } else if (match == Match::Unversioned && version != nullptr) {
        // That matters only if a version is wanted.
        problem(bindings, object, objects_[scope_[provider]], *name, *version);
      } else if (bindingOf(symbol) != kBindWeak) {
        bindings.missing.push_back(missing(*name, version, object));
      }
    }
    for (size_t each = 0; each < used.size(); ++each)
      if (used[each]) bindings.providers.push_back(objects_[scope_[each]].path);
    return bindings;
  }

 private:
  std::pair<Match, size_t> find(const Wanted& wanted) {
    for (size_t place = 0; place < scope_.size(); ++place) {
      const Object& object = objects_[scope_[place]];
      if (wanted.copy && scope_[place] == 0) continue;  // not from the program itself
      const Match match = musl_ ? MuslRule::find(*tables_[place], wanted, false, budget_)
                                : GlibcRule::find(*tables_[place], wanted,
                                                  isNamed(object, wanted.version), budget_);
      if (match != Match::None) return {match, place};
    }
    return {Match::None, 0};
  }

  // _dl_name_match_p: by its path, or by a name under which it was needed.
  static bool isNamed(const Object& object, const NumberedVersion* version) {
    if (version == nullptr || version->library.empty()) return false;
    const Interned soname = object.names().soname;
    return *object.path == version->library || (soname && *soname == version->library) ||
           object.path->ends_with("/" + version->library);
  }

  MissingSymbol missing(std::string_view name, const NumberedVersion* version,
                        const Object& object) {
    return {files_.interned(name), version == nullptr ? Interned() : files_.interned(version->name),
            version == nullptr ? Interned() : files_.interned(version->library), object.path};
  }

  void problem(Bindings& bindings, const Object& object, const Object& library,
               std::string_view name, const NumberedVersion& version) {
    if (!bindings.problems.empty()) return;
    const std::string why = "it has no versions at all, and " + *object.path + " needs " +
                            std::string(name) + " of it in version " + version.name +
                            ": its loader stops (`! _dl_name_match_p')";
    bindings.problems.push_back({library.path, files_.interned(why), false});
  }

  Files& files_;
  const std::vector<Object>& objects_;
  const std::vector<size_t>& scope_;
  bool musl_;
  std::vector<std::shared_ptr<const SymbolTable>> tables_;
  uint64_t budget_ = kMostSteps;
};

}  // namespace

void checkSymbols(Files& files, InstalledLoader& loader, const std::vector<Object>& objects,
                  const std::vector<size_t>& scope, bool bindNow, Resolution& resolution) {
  // A library's may be defined by whatever program loads it.
  if (objects[0].facts().kind == Kind::Shared) return;
  const auto libc = resolution.loader->libc;
  if (libc == LoaderProfile::Unknown) return;
  Check check(files, objects, scope, resolution);
  if (!check.open()) return;
  if (check.reportDamage(resolution)) return;
  std::set<Interned> loaded;
  for (const size_t index : scope)
    loaded.insert(objects[index].path);
  for (size_t place = 0; place < scope.size(); ++place) {
    const Object& object = objects[scope[place]];
    // It binds its own symbols before all others (elf/rtld.c, _dl_start).
    if (*object.path == resolution.loader->path) continue;
    bool fresh = false;
    const Bindings& known = loader.bindings(object.path, bindNow, [&] {
      fresh = true;
      return check.bind(place, bindNow);
    });
    // A result still holds if the same objects are loaded, whatever others are.
    const bool again =
        fresh || (known.complete() && std::ranges::all_of(known.providers, [&](Interned path) {
                    return loaded.contains(path);
                  }));
    const Bindings bindings = again ? known : check.bind(place, bindNow);
    if (check.exhausted()) return;
    resolution.loadProblems.insert(resolution.loadProblems.end(), bindings.problems.begin(),
                                   bindings.problems.end());
    for (const MissingSymbol& each : bindings.missing)
      if (resolution.missingSymbols.size() < kMostMissing)
        resolution.missingSymbols.push_back(each);
  }
}

}  // namespace fixelf
