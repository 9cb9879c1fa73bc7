// Every ELF file below some directories, found by as many threads as there are processors.
//
// A branch is one entry of a root with everything below it: in a Nix store, one store path. A
// thread takes a branch and keeps to it, so that threads seldom meet; one that finds no branch left
// helps with the directories of another's. Branches are handed out whole, and in order, so the
// results of a walk do not depend on which thread was faster.
//
// The walk stays inside the tree: symbolic links are not followed, and each directory is opened
// relative to the one that holds it, so that it cannot be led out meanwhile. What cannot be read is
// listed, never fatal; what vanishes meanwhile counts as never there.
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
  std::string shown;  // its name in the results; the same except for another system's root
  // One branch, as it would be if the directory that holds it were walked: no link is followed, and
  // one that does not exist is one failure among others instead of failing the walk.
  bool entry = false;
};

struct WalkOptions {
  unsigned threads = 0;  // 0: one for each processor
  // Branches in the order of their inodes instead of their names: kinder to a cold disk that seeks.
  bool diskOrder = false;
  // Only the branches whose name's hash is `shard` modulo `shards`: see inShard().
  uint64_t shard = 0;
  uint64_t shards = 1;
  // Report every name of a file, not only the first.
  bool everyName = false;
  // Also report symbolic links whose names look like a shared library's.
  bool libraryLinks = false;
  // Also scripts: executable files that begin with "#!".
  bool scripts = false;
  // Also files that begin like programs of macOS and Windows (Mach-O, PE).
  bool otherSystems = false;
};

struct Link {
  std::string path;
  std::string target;  // as written
};

struct Branch {
  // The root's name and the entry's; only the root's for the files in the root itself.
  std::string path;
  std::vector<std::unique_ptr<Facts>> elf;  // sorted by path
  std::vector<Error> failures;              // unreadable or malformed, sorted by path
  std::vector<Link> links;                  // sorted by path
  std::vector<std::string> scripts;         // sorted paths
  std::vector<std::string> otherSystems;    // sorted paths
  // False if more of the same branch follows: a very large one comes in pieces, each sorted.
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

// Where a walk's results go. Called by one thread at a time. It may block: the walk waits for it.
using BranchSink = std::function<void(Branch&&)>;

// Fails if a root itself cannot be read; ends early, without a failure, once told to stop.
//
// A file with several names below the roots is reported once, under the first of them, unless
// `everyName` is set. Each store path is complete in itself, because it may outlive the others.
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
// with Cancelled if told to stop, and if the process had too few resources to open everything.
Result<Walked> walk(const std::string& root, const std::stop_token& stop);

}  // namespace fixelf
