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

// ELF_RTYPE_CLASS_PLT.
bool wantsDefinition(uint8_t uses) {
  return (uses & (kDefinition | kLazyFunction)) != 0;
}

// A name as one object wants it.
struct Wanted {
  HashedName name;
  const NumberedVersion* version = nullptr;
  bool definition = false;  // an undefined entry won't do, whatever its value
  bool copy = false;
};

enum class Match { None, Found, Unversioned };

// What an object has for a name.
struct Definition {
  Match match = Match::None;
  SymbolEntry symbol;
  size_t place = 0;  // the object's, in the scope
};

// do_lookup_x and check_match of glibc's elf/dl-lookup.c.
class GlibcRule {
 public:
  // `named`: whether the object is the one that the version is needed from.
  static Definition find(const SymbolTable& table, const Wanted& wanted, bool named,
                         uint64_t& budget) {
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
    if (unversioned) return {Match::Unversioned, {}};
    if (!found && others == 1) found = other;
    if (!found || isHidden(*found) || !isVisible(*found)) return {};
    return {Match::Found, *found};
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
  static Definition find(const SymbolTable& table, const Wanted& wanted, uint64_t& budget) {
    Definition found;
    table.visitNamed(wanted.name, budget, [&](uint32_t index) {
      const SymbolEntry symbol = table.symbol(index);
      if (table.name(symbol) != wanted.name.text) return false;
      if (table.versioned() && (table.versionNumber(index) & 0x8000U) != 0) return false;
      if (defines(symbol, wanted)) found = {Match::Found, symbol};
      return true;
    });
    return found;
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
        loader_(*resolution.loader),
        musl_(loader_.libc == LoaderProfile::Musl) {}

  // Whether the symbols of all objects can be read.
  bool open() {
    for (const size_t index : scope_) {
      tables_.push_back(files_.symbols(objects_[index].path));
      if (tables_.back() == nullptr) return false;
    }
    return true;
  }

  // Whether the loader fails at a table, of whichever object.
  bool reportDamage(bool bindNow, Resolution& resolution) {
    for (size_t place = 0; place < scope_.size(); ++place) {
      const auto damage = damageOf(place, bindNow);
      if (!damage) continue;
      const Interned path = objects_[scope_[place]].path;
      resolution.loadProblems.push_back({path, files_.interned(*damage), false});
      return true;
    }
    return false;
  }

  [[nodiscard]] bool exhausted() const { return budget_ == 0; }

  // Whether the program has functions that libraries may not bind at start: it is relocated last.
  [[nodiscard]] bool refusesIndirect() const {
    return loader_.refusesIndirect() && isX86() && tables_[0]->definesIndirect();
  }

  // For the object at `place` in the scope.
  Bindings bind(size_t place, bool bindNow) {
    Bindings bindings;
    const SymbolTable& own = *tables_[place];
    const Object& object = objects_[scope_[place]];
    const bool now = musl_ || bindsNow(place, bindNow);
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
      const Wanted wanted{HashedName(*name), version, wantsDefinition(bound), (bound & kCopy) != 0};
      const Definition found = find(wanted);
      if (found.match == Match::Found) {
        used[found.place] = true;
        if (!musl_) checkUse(bindings, place, symbol, *name, bound, found);
      } else if (found.match == Match::Unversioned && version != nullptr) {
        // That matters only if a version is wanted.
        problem(bindings, found.place,
                "it has no versions at all, and " + *object.path + " needs " + std::string(*name) +
                    " of it in version " + version->name +
                    ": its loader stops (`! _dl_name_match_p')");
      } else if (bindingOf(symbol) != kBindWeak) {
        bindings.missing.push_back(missing(*name, version, object));
      }
    }
    for (size_t each = 0; each < used.size(); ++each)
      if (used[each]) bindings.providers.push_back(objects_[scope_[each]].path);
    return bindings;
  }

 private:
  // As a sentence without the path.
  [[nodiscard]] std::optional<std::string> damageOf(size_t place, bool bindNow) const {
    const SymbolTable& table = *tables_[place];
    if (table.damage()) return table.damage();
    const UnknownRelocations& unknown = table.unknown();
    const auto type = musl_                      ? unknown.byMusl
                      : bindsNow(place, bindNow) ? unknown.atOnce
                                                 : unknown.lazily;
    if (!type) return std::nullopt;
    return "it has relocations of type " + std::to_string(*type) +
           ", which its loader does not know";
  }

  [[nodiscard]] bool bindsNow(size_t place, bool bindNow) const {
    return bindNow || objects_[scope_[place]].facts().bindsNow;
  }

  [[nodiscard]] bool isX86() const {
    const uint16_t machine = objects_[0].facts().header.machine;
    return machine == EM_X86_64 || machine == EM_386;
  }

  Definition find(const Wanted& wanted) {
    for (size_t place = 0; place < scope_.size(); ++place) {
      const Object& object = objects_[scope_[place]];
      if (wanted.copy && scope_[place] == 0) continue;  // not from the program itself
      Definition found = musl_ ? MuslRule::find(*tables_[place], wanted, budget_)
                               : GlibcRule::find(*tables_[place], wanted,
                                                 isNamed(object, wanted.version), budget_);
      found.place = place;
      if (found.match != Match::None) return found;
    }
    return {};
  }

  // What glibc's loader objects to in a definition that it has found.
  void checkUse(Bindings& bindings, size_t user, const SymbolEntry& reference,
                std::string_view name, uint8_t bound, const Definition& found) {
    const Object& provider = objects_[scope_[found.place]];
    if ((bound & kFixedPlace) != 0 && provider.facts().threadLocalSize == 0)
      problem(bindings, user,
              "it needs " + std::string(name) + " as a thread-local variable, and in " +
                  *provider.path + " it is none");
    else if (scope_[user] == 0)
      checkProtected(bindings, reference, name, bound, found);
    else if (scope_[found.place] == 0 && typeOf(found.symbol) == STT_GNU_IFUNC &&
             found.symbol.section != SHN_UNDEF && loader_.refusesIndirect() && isX86())
      problem(bindings, found.place,
              *objects_[scope_[user]].path + " binds its indirect function " + std::string(name) +
                  " (IFUNC) before the program itself is relocated, so its loader stops");
  }

  void checkProtected(Bindings& bindings, const SymbolEntry& reference, std::string_view name,
                      uint8_t bound, const Definition& found) {
    const bool isProtected = (found.symbol.other & 3U) == STV_PROTECTED;
    const bool copied = (bound & kCopy) != 0;
    const bool ownAddress =
        wantsDefinition(bound) && reference.value != 0 && reference.section == SHN_UNDEF;
    if (!isProtected || !(copied || ownAddress) || !loader_.checksProtected() || !isX86() ||
        !objects_[scope_[found.place]].facts().notes.indirectExternAccess ||
        objects_[0].facts().notes.indirectExternAccess)
      return;
    problem(bindings, found.place,
            "its note GNU_PROPERTY_1_NEEDED_INDIRECT_EXTERN_ACCESS forbids " + *objects_[0].path +
                (copied ? " to copy its variable " : " to have an address of its own for ") +
                std::string(name));
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

  // The loader stops at the first one.
  void problem(Bindings& bindings, size_t place, const std::string& why) {
    if (bindings.problems.empty())
      bindings.problems.push_back({objects_[scope_[place]].path, files_.interned(why), false});
  }

  Files& files_;
  const std::vector<Object>& objects_;
  const std::vector<size_t>& scope_;
  const LoaderProfile& loader_;
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
  if (check.reportDamage(bindNow, resolution)) return;
  const bool refusesIndirect = check.refusesIndirect();
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
    // A result still holds if the same objects are loaded, whatever others are, unless it matters
    // which one comes first.
    const bool again = fresh || (known.complete() && !refusesIndirect &&
                                 std::ranges::all_of(known.providers, [&](Interned path) {
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
