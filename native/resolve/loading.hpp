// The loading of one program: the objects that are in memory, and how the next one is found. What
// differs between glibc and musl is in a class for each (glibc.hpp, musl.hpp).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolve/acceptance.hpp"
#include "resolve/resolver.hpp"
#include "resolve/search_list.hpp"

namespace fixelf {

// One loaded object, a link_map.
struct Object {
  static constexpr size_t kNone = SIZE_MAX;

  std::string path;  // as it was opened, absolute
  std::string origin;
  std::string neededBy;
  std::shared_ptr<const Facts> facts;
  size_t loader = kNone;  // l_loader: the object that first needed it

  // Their directories; none until they are asked for.
  std::optional<SearchList> rpath;
  std::optional<SearchList> runpath;
};

class Loading {
 public:
  Loading(const Loading&) = delete;
  Loading& operator=(const Loading&) = delete;
  virtual ~Loading() = default;

  virtual Status run(std::shared_ptr<const Facts> program) = 0;

 protected:
  static constexpr size_t kNone = Object::kNone;
  // Searches that one program may ask for: a library that is not found is looked for again by
  // whoever needs it next.
  static constexpr size_t kMostSearches = 100'000;

  Loading(Resolver& resolver, const ResolveOptions& options, Resolution& resolution);

  void addProgram(std::shared_ptr<const Facts> facts);
  // It is in memory before anything is searched.
  void addInterpreter();
  [[nodiscard]] const LoaderProfile& profile() const { return resolution_.loader; }
  [[nodiscard]] Status withinLimits() const;

  // A new entry for a name; none where there are too many already, or where the name is settled.
  // What was not found is looked for again: another may find it by a search path of its own.
  // `key` is the name that is really looked for.
  Library* announce(size_t requester, const std::string& written, const std::string& key,
                    const std::string& source, LibraryKind kind);
  // To be called when the search has ended. A second failure for the same name goes.
  void settle(const Library& library);

  virtual Verdict judge(const Lookup& lookup) const = 0;
  // Tries one path, and notes why it is not taken.
  Step tryPath(Library& library, const std::string& path);
  Step tryDirectories(Library& library, const std::string& name, const SearchList& directories,
                      const char* kind, const std::string& owner = {});
  void note(Library& library, const std::string& path, Refusal refusal, std::string why) const;
  Step stopAt(Library& library, const std::string& path, Refusal refusal,
              const std::string& why) const;
  static void take(Library& library, const std::string& path, const std::string& reason);
  void takeInterpreter(Library& library);
  void takeLoaded(Library& library, size_t object);
  // The loaded object that is the same file as the library's path; kNone where there is none.
  [[nodiscard]] size_t sameFile(const Library& library);
  // Whether `library` was the same file as one that is loaded, which is taken instead.
  bool takeSameFile(Library& library, size_t object);
  size_t addObject(const Library& library, size_t requester);
  // At the end of the order, unless it is in it, or kNone.
  void enqueue(size_t object);
  // Before `next` in the order; moved there if it stands behind.
  void insertBefore(size_t object, size_t next);

  Resolver& resolver_;
  Files& files_;
  const ResolveOptions& options_;
  Resolution& resolution_;
  FileHeader program_;
  std::vector<Object> objects_;  // the program first
  std::vector<size_t> order_;    // of objects_, as the loader lists them
  size_t interpreter_ = kNone;
  std::unordered_map<std::string, size_t> byName_;

 private:
  using FileIdentity = std::pair<uint64_t, uint64_t>;

  std::vector<bool> queued_;  // for each object, whether order_ holds it
  size_t searches_ = 0;
  std::string announced_;  // the key
  size_t before_ = kNone;  // the entry that it has already
  std::map<FileIdentity, size_t> byFile_;
  std::unordered_map<std::string, size_t> listed_;  // key to its latest entry in the resolution
};

}  // namespace fixelf
