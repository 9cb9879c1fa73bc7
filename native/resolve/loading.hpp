// The loading of one program: the objects in memory, and how the next one is found. What differs
// between glibc and musl is in a class for each (glibc.hpp, musl.hpp).
#pragma once

#include <array>
#include <map>
#include <memory_resource>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolve/acceptance.hpp"
#include "resolve/installed_loader.hpp"
#include "resolve/opening_program.hpp"
#include "resolve/resolution.hpp"
#include "resolve/search_list.hpp"

namespace fixelf {

// As $ORIGIN has it.
std::string directoryOf(const std::string& path);

// One loaded object, a link_map.
struct Object {
  static constexpr size_t kNone = SIZE_MAX;

  Interned path;  // as opened, absolute
  Interned neededBy;
  const Lookup* file = nullptr;
  size_t loader = kNone;  // l_loader: the object that first needed it
  bool queued = false;    // it is already in the order
  bool visited = false;   // its needs have been looked for

  // $ORIGIN, and the directories of its lists; none until needed.
  std::optional<std::string> origin;
  std::optional<SearchList> rpath;
  std::optional<SearchList> runpath;

  [[nodiscard]] const Facts& facts() const { return *file->facts; }
  [[nodiscard]] const LoadedNames& names() const { return *file->names; }
};

// From the names that the loader knows to objects.
using LoadedObjects = std::pmr::unordered_map<Interned, size_t>;

class Loading {
 public:
  Loading(const Loading&) = delete;
  Loading& operator=(const Loading&) = delete;
  virtual ~Loading() = default;

  virtual Status run(const Lookup& program) = 0;

 protected:
  static constexpr size_t kNone = Object::kNone;
  // How many searches one program may cause: a library that is not found is looked for again for
  // the next object that needs it.
  static constexpr size_t kMostSearches = 100'000;

  // `opener` is null unless the file is a module and its program is known.
  Loading(Files& files, InstalledLoader& loader, const OpeningProgram* opener,
          const ResolveOptions& options, Resolution& resolution);

  void addProgram(const Lookup& program);
  // It is in memory before any search.
  void addInterpreter();
  [[nodiscard]] const LoaderProfile& profile() const { return loader_.profile(); }
  [[nodiscard]] Status withinLimits() const;
  const std::string& originOf(size_t object);

  // A new entry for a name; none if there are too many, or if the name is settled. What was not
  // found is looked for again: another object may find it by a search path of its own. `key` is the
  // name that is really looked for.
  Library* announce(size_t requester, Interned written, Interned key, const std::string& source,
                    LibraryKind kind);
  // To be called at the end of the search. A second failure for the same name is dropped.
  void settle(const Library& library);

  virtual Verdict judge(const Lookup& lookup) const = 0;
  // Tries one path, and notes why it is not taken. If Found, the file is in found_.
  Step tryPath(Library& library, Interned path);
  // What the opener has loaded under that name.
  Step tryOpener(Library& library, Interned name);
  Step tryDirectories(Library& library, const std::string& name, const SearchList& directories,
                      const char* kind, Interned owner = {});
  void note(Library& library, Interned path, Refusal refusal, const std::string& why);
  Step stopAt(Library& library, Interned path, Refusal refusal, const std::string& why);
  static void take(Library& library, Interned path, Interned reason);
  void take(Library& library, Interned path, const std::string& reason) {
    take(library, path, files_.interned(reason));
  }
  void takeInterpreter(Library& library);
  void takeLoaded(Library& library, size_t object);
  // The loaded object that is the same file as found_; kNone if there is none.
  [[nodiscard]] size_t sameFile() const;
  // Whether `library` is the same file as a loaded one, which is taken instead.
  bool takeSameFile(Library& library, size_t object);
  size_t addObject(const Library& library, size_t requester);
  // Whether nothing stops the loader before it looks up symbols.
  [[nodiscard]] bool reachesSymbols() const;
  // At the end of the order, unless already in it, or kNone.
  void enqueue(size_t object);
  // Before `next` in the order; moved there if it is behind it.
  void insertBefore(size_t object, size_t next);

  // Enough for most programs' maps: so many small pieces from the heap would take a third of the
  // time.
  std::array<std::byte, 16'384> room_;
  std::pmr::monotonic_buffer_resource memory_{room_.data(), room_.size()};

  Files& files_;
  InstalledLoader& loader_;
  const OpeningProgram* opener_;
  const ResolveOptions& options_;
  Resolution& resolution_;
  FileHeader program_;
  const Lookup* found_ = nullptr;  // by the latest search that found anything
  std::vector<Object> objects_;    // the program first
  std::vector<size_t> order_;      // of objects_, as the loader lists them
  size_t interpreter_ = kNone;
  LoadedObjects byName_{&memory_};

 private:
  using FileIdentity = std::pair<uint64_t, uint64_t>;

  size_t searches_ = 0;
  Interned announced_;     // the key
  size_t before_ = kNone;  // the entry that it already has
  std::pmr::map<FileIdentity, size_t> byFile_{&memory_};
  LoadedObjects listed_{&memory_};  // key to its latest entry in the resolution
};

}  // namespace fixelf
