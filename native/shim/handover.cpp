#include "handover.hpp"

#include "log.hpp"
#include "machine.hpp"

// entry.S. Hidden here too, or the address would be taken from a table that has to be relocated.
#pragma GCC visibility push(hidden)
extern "C" {
[[noreturn]] void fixelfEnterLoader(fixelf::shim::Word* stack, fixelf::shim::Word entry);
void fixelfProgramEntry();
fixelf::shim::Word fixelfLeave();
}
#pragma GCC visibility pop

namespace fixelf::shim {

namespace {

// How many entries have to be added for the stack pointer to stay at a multiple of 16 bytes, as all
// machines require. There is room for 64 bytes: see _start. The number is even, as takeBack
// requires.
constexpr std::size_t kAdded = 16 / sizeof(Word);
static_assert(kAdded % 2 == 0);

// What has to be undone.
struct {
  char** environment;
  char* ours;    // the entry that only the loader should see
  char* theirs;  // what was in its place, or null
  Auxiliary* auxiliary;
  Auxiliary* entry;
  Word programEntry;
} lent;

// Adds `entry` at the environment's end, several times (loaders do not mind). What precedes it,
// down to the number of arguments, moves to lower addresses; the auxiliary vector stays, and so
// does everything pointed at. Returns the new head.
Word* append(const Stack& stack, char* entry) {
  Word* terminator = reinterpret_cast<Word*>(stack.auxiliary()) - 1;
  Word* head = stack.head() - kAdded;
  for (Word* word = head; word + kAdded < terminator; ++word)
    *word = word[kAdded];
  for (Word* word = terminator - kAdded; word < terminator; ++word)
    *word = reinterpret_cast<Word>(entry);
  return head;
}

// The entry is looked for, not remembered: libraries' constructors, which have run meanwhile, may
// have removed others before it.
void takeBack() {
  char** kept = lent.environment;
  for (char** entry = lent.environment; *entry != nullptr; ++entry) {
    if (*entry != lent.ours) {
      *kept++ = *entry;
    } else if (lent.theirs != nullptr) {
      *kept++ = lent.theirs;
    }
  }
  if (lent.theirs != nullptr) return;

  // Some, such as Go's runtime, look for the auxiliary vector behind the environment's end. The
  // space between becomes entries without meaning, which takes an even number of words.
  *kept++ = nullptr;
  auto* word = reinterpret_cast<Word*>(kept);
  auto* auxiliary = reinterpret_cast<Word*>(lent.auxiliary);
  while (word < auxiliary)
    *word++ = 0;
  word = reinterpret_cast<Word*>(kept);
  if ((auxiliary - word) % 2 == 0)
    for (; word < auxiliary; word += 2)
      *word = AT_IGNORE;

  // A constructor that set a variable has made glibc copy the environment: there the entry is now
  // empty. Its value stays, as musl's loader reads it.
  lent.ours[0] = '\0';
}

}  // namespace

void handOver(const Stack& stack, const Variables& variables, char* libraryPath,
              const Mapping& loader) {
  stack.find(AT_BASE)->value = loader.base;

  Word* head = stack.head();
  Auxiliary* entry = stack.find(AT_ENTRY);
  if (libraryPath != nullptr && entry != nullptr) {
    lent.environment = stack.environment();
    lent.ours = libraryPath;
    lent.auxiliary = stack.auxiliary();
    lent.entry = entry;
    lent.programEntry = entry->value;
    if (variables.ofTheLoader.isSet()) {
      lent.theirs = *variables.ofTheLoader.entry;
      *variables.ofTheLoader.entry = libraryPath;
    } else {
      head = append(stack, libraryPath);
      lent.environment -= kAdded;
    }
    entry->value = reinterpret_cast<Word>(&fixelfProgramEntry);
  }

  log(Level::Debug, "the loader is at ", Address{loader.base}, " and begins at ",
      Address{loader.entry});
  fixelfEnterLoader(head, loader.entry);
}

}  // namespace fixelf::shim

// The real loader is done. Returns where the program begins.
fixelf::shim::Word fixelfLeave() {
  using fixelf::shim::lent;
  fixelf::shim::takeBack();
  lent.entry->value = lent.programEntry;
  return lent.programEntry;
}
