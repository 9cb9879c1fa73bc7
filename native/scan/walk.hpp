// Every ELF file below some directories, found by as many threads as there are processors.
//
// A branch is one entry of a root with all that is below it: in a Nix store, one store path. A
// thread takes a branch and keeps to it, so that threads meet seldom; one that finds no branch left
// helps with the directories of another's. Branches are handed out whole, and in order, so what a
// walk says does not depend on which thread was faster.
//
// The walk stays inside the tree: symbolic links are not followed, and each directory is opened
// relative to the one that holds it, so that nobody can lead it out meanwhile. What cannot be read
// is listed, never fatal; what vanishes meanwhile was never there.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "elf/facts.hpp"

namespace fixelf {

// A directory to be walked, or a single file.
struct WalkRoot {
  std::string host;   // where this machine finds it
  std::string shown;  // what it is called in what comes out; the same but for another system's root
  // One branch, as it would be if the directory that holds it were walked: no link is followed, and
  // one that is not there is one failure among others instead of failing the walk.
  bool entry = false;
};

struct WalkOptions {
  unsigned threads = 0;  // 0: one for each processor
  // Branches in the order of their inodes instead of their names: kinder to a cold disk that seeks.
  bool diskOrder = false;
  // Only the branches whose name's hash is `shard` modulo `shards`: see inShard().
  uint64_t shard = 0;
  uint64_t shards = 1;
  // Every name of a file is told, not the first only.
  bool everyName = false;
  // Symbolic links whose names look like a shared library's are told as well.
  bool libraryLinks = false;
  // So are scripts: files that somebody may execute, and that begin with "#!".
  bool scripts = false;
  // So are files that begin as programs of macOS and Windows do (Mach-O, PE).
  bool otherSystems = false;
};

struct Link {
  std::string path;
  std::string target;  // as written
};

struct Branch {
  // The root's name and the entry's; the root's alone for the files that are in the root itself.
  std::string path;
  std::vector<std::unique_ptr<Facts>> elf;  // sorted by path
  std::vector<Error> failures;              // unreadable or malformed, sorted by path
  std::vector<Link> links;                  // sorted by path
  std::vector<std::string> scripts;         // sorted paths
  std::vector<std::string> otherSystems;    // sorted paths
  // False where more of the same branch follows: a very large one comes in pieces, each sorted.
  bool last = true;
};

// How far a walk has come; read while it runs.
struct WalkProgress {
  std::atomic<uint64_t> files{0};  // regular files seen, ELF or not
  std::atomic<uint64_t> elf{0};
  std::atomic<uint64_t> failures{0};
  std::atomic<uint64_t> bytes{0};  // of the ELF files, whole
  std::atomic<uint64_t> branches{0};
  std::atomic<uint64_t> branchesDone{0};
};

// Where a walk's answers go. Called by one thread at a time. It may block: the walk waits for it.
using BranchSink = std::function<void(Branch&&)>;

// Fails where a root itself cannot be read; ends early, without a failure, once told to stop.
//
// A file that has several names below the roots comes once, under the first of them, except with
// `everyName`. Each store path is whole in itself, because it may outlive the others.
Status walk(const std::vector<WalkRoot>& roots, const WalkOptions& options,
            const std::stop_token& stop, WalkProgress& progress, const BranchSink& sink);

// Whether an entry of a root belongs to a shard: the XXH3 hash (64 bits) of its name, modulo.
bool inShard(const std::string& name, uint64_t shard, uint64_t shards);

struct Walked {
  std::vector<Facts> elf;                 // sorted by path
  std::vector<Error> failures;            // unreadable or malformed, sorted by path
  std::vector<std::string> scripts;       // sorted
  std::vector<std::string> otherSystems;  // sorted
  uint64_t files = 0;                     // regular files seen
};

// All of one tree at once, with every name: a caller that changes files has to know them all. Fails
// with Cancelled where it is told to stop, and where the process had too few resources to open
// everything.
Result<Walked> walk(const std::string& root, const std::stop_token& stop);

}  // namespace fixelf
