// What the resolver may know of the disk.
//
// A resolution asks for the same few hundred paths again and again, for this machine or for an
// image that is unpacked somewhere (--root). Everything it learns goes through here: paths are
// looked up as seen from the root, each file is read once, and a plan can replace the facts on disk
// with those that it would leave, so that it can be resolved before anything is written.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "elf/facts.hpp"
#include "elf/symbol_table.hpp"
#include "resolve/interned.hpp"
#include "resolve/memo.hpp"

namespace fixelf {

// The names in a file's facts that a loader compares with those of other files.
struct LoadedNames {
  struct Dependency {
    DependencyKind kind = DependencyKind::Needed;
    Interned name;
  };
  struct Version {
    Interned name;
    bool weak = false;
    bool hashed = true;
  };
  struct Versions {
    Interned library;
    std::vector<Version> versions;
  };

  Interned soname;                       // none if the file has none
  std::vector<Dependency> dependencies;  // in the order of the dynamic table
  std::vector<Versions> versionsNeeded;
  std::vector<Interned> versionsDefined;  // with the base, sorted

  [[nodiscard]] bool defines(Interned version) const;
};

struct Lookup {
  enum State { Missing, NotRegular, Unreadable, NotElf, Malformed, Elf };
  State state = Missing;
  std::string message;  // a plain sentence without the path; empty for Elf
  // For Elf; shared by all paths that lead to the file: facts->path is one of them.
  std::shared_ptr<const Facts> facts;
  std::shared_ptr<const LoadedNames> names;
  uint64_t device = 0;
  uint64_t inode = 0;
  uint32_t mode = 0;          // st_mode
  bool tooManyLinks = false;  // ELOOP, at which glibc leaves a whole search list (open_path)
};

class Files {
 public:
  // "" and "/" mean this machine.
  explicit Files(std::string root);

  // From now on `hostDirectory` and everything below it is taken from the host as it is: for a
  // program that is not part of the root. Not to be called during lookups.
  void passThrough(const std::string& hostDirectory);

  // The path without symbolic links, "." and "..", as seen from the root.
  Result<std::string> realPath(const std::string& path) const;
  // Where the host can open it. If it does not resolve: what is missing, past the links that lead
  // there, so that the host does not follow them out of the root.
  std::string hostPath(const std::string& path) const;
  // Whether nothing on the file system that is mounted there may be mapped to be executed. The
  // kernel itself says it: /proc/self/mountinfo is long, and lists mounts that others cover.
  [[nodiscard]] bool isNoexec(const std::string& path) const;
  // Fails if the process had too few resources at any look so far (isShortage): what is then
  // unknown is not a fact about the disk, and no answer from these files may be believed.
  [[nodiscard]] Status demandWhole() const;
  // Relative paths start at the current directory, or at the root if there is one.
  std::string absolute(const std::string& path) const;

  // What is there; it is remembered until the next replace().
  const Lookup& look(Interned path);
  const Lookup& look(const std::string& path) { return look(interned(path)); }
  bool directoryExists(const std::string& path);
  // A whole small file: a loader, its cache. Null if it cannot be read or exceeds 64 MiB.
  std::shared_ptr<const std::vector<uint8_t>> content(const std::string& path);
  // The dynamic symbols of an ELF file on disk, which no plan changes. Null if they cannot be read,
  // or if all that are held would exceed a gigabyte.
  std::shared_ptr<const SymbolTable> symbols(Interned path);
  Interned interned(std::string_view text) { return (*strings_)(text); }
  // The strings that interned() and the lookups return.
  [[nodiscard]] std::shared_ptr<const InternedStrings> strings() const { return strings_; }

  // The facts as a plan would leave them. Not to be called during lookups.
  void replace(const std::string& path, Facts facts);

 private:
  // What a regular file holds.
  struct Reading {
    Lookup::State state = Lookup::Missing;
    std::string message;
    int systemError = 0;  // if it cannot be opened
    std::shared_ptr<const Facts> facts;
    std::shared_ptr<const LoadedNames> names;
  };
  // The file itself, at a certain time: a freed inode number is given to the next file.
  struct Version {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    int64_t modified;
    int64_t changed;
    bool operator==(const Version&) const = default;
  };
  struct VersionHash {
    size_t operator()(const Version& version) const {
      return std::hash<uint64_t>{}(version.inode * 0x9e3779b97f4a7c15U + version.device);
    }
  };

  // On failure, `stop` is what it failed at, without a link for the host to follow.
  Result<std::string> walk(const std::string& path, std::string* stop = nullptr) const;
  std::string underRoot(const std::string& path) const;
  const std::string* passThroughAbove(const std::string& path) const;
  // Where the kernel finds it, and the facts that replace those of what is there.
  struct Way {
    std::string host;
    std::shared_ptr<const Facts> replaced;
    bool created = false;  // by the plan, and not yet there
  };
  Result<Way> wayTo(const std::string& path) const;
  Lookup find(const std::string& path);
  void note(const Error& error);
  Reading read(const std::string& host, const std::string& path);
  std::shared_ptr<const LoadedNames> namesIn(const Facts& facts);

  std::string root_;  // a real path; empty for this machine
  std::vector<std::string> passThrough_;
  std::shared_ptr<InternedStrings> strings_ = std::make_shared<InternedStrings>();
  std::atomic<int> shortage_{0};  // errno
  Memo<Interned, Lookup> lookups_;
  Memo<Version, Reading, VersionHash> readings_;
  Memo<Interned, std::shared_ptr<const SymbolTable>> symbols_;
  std::atomic<uint64_t> symbolBytes_ = 0;
  Memo<std::string, bool> directories_;
  Memo<std::string, std::shared_ptr<const std::vector<uint8_t>>> contents_;
  std::unordered_map<std::string, std::shared_ptr<const Facts>> replaced_;  // by real path
};

}  // namespace fixelf
