// Behaves like nix-ld 2.0.6, by its README and its source (github.com/nix-community/nix-ld), which needs a nightly Rust
// and crates that no registry of the test world has.
//
// It loads the loader named in NIX_LD, or its default, adds NIX_LD_LIBRARY_PATH to LD_LIBRARY_PATH, and restores that
// before the program's first instruction. Started by itself, it becomes the loader.
#include "freestanding.h"

#define FARM "/run/current-system/sw/share/nix-ld/lib"
#define PAGE 4096UL

static struct {
  word entry;
  char **variable;
  char *original;
} restored __attribute__((used));

// Between the loader and the program: LD_LIBRARY_PATH is restored.
__asm__(
    ".globl trampoline\n"
    "trampoline:\n"
    "  lea restored(%rip), %r10\n"
    "  mov 8(%r10), %r11\n"
    "  test %r11, %r11\n"
    "  jz 1f\n"
    "  mov 16(%r10), %r10\n"
    "  mov %r10, (%r11)\n"
    "1:\n"
    "  jmp *restored(%rip)\n");
void trampoline(void);

static void die(const char *why, const char *what) {
  say("[nix-ld] FATAL: ");
  say(why);
  say(what);
  say("\n");
  call(__NR_kill, call(__NR_getpid, 0, 0, 0, 0, 0, 0), SIGABRT, 0, 0, 0, 0);
  for (;;) {}
}

static void *map(void *at, word size, int protection, int flags, int file, word offset) {
  const long address = call(__NR_mmap, (word)at, size, protection, flags, file, offset);
  if (address < 0 && address > -4096) die("cannot map the loader", "");
  return (void *)address;
}

/** What follows the name and its equals sign; null for another variable. */
static char *value_of(char *variable, const char *name) {
  for (; *name; ++name, ++variable)
    if (*variable != *name) return 0;
  return *variable == '=' ? variable + 1 : 0;
}

static char *append(char *to, const char *text) {
  while (*text) *to++ = *text++;
  return to;
}

static char *library_path(const char *first, const char *second) {
  char *const made = map(0, length(first) + length(second) + 32, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *end = append(append(made, "LD_LIBRARY_PATH="), first);
  if (*first && end[-1] != ':') end = append(end, ":");
  append(end, second);
  return made;
}

struct loaded {
  word base;
  word entry;
};

static struct loaded load(const char *path) {
  const long file = call(__NR_open, (word)path, O_RDONLY, 0, 0, 0, 0);
  if (file < 0) die("cannot open ", path);
  static char head[PAGE];
  const long size = call(__NR_read, file, (word)head, sizeof head, 0, 0, 0);
  const Elf64_Ehdr *const header = (const Elf64_Ehdr *)head;
  if (size < (long)sizeof *header || *(unsigned *)head != 0x464c457f) die(path, " is not an ELF");
  if (header->e_machine != EM_X86_64) die(path, " is for the wrong architecture");
  if (header->e_type != ET_DYN) die(path, " is not a dynamic library");
  if (header->e_phoff + header->e_phnum * sizeof(Elf64_Phdr) > (word)size)
    die(path, " has incorrect program headers");
  const Elf64_Phdr *const segments = (const Elf64_Phdr *)(head + header->e_phoff);

  word end = 0;
  for (int index = 0; index < header->e_phnum; ++index) {
    const Elf64_Phdr *const segment = &segments[index];
    if (segment->p_type == PT_LOAD) end = segment->p_vaddr + segment->p_memsz;
  }
  const word base = (word)map(0, end, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int index = 0; index < header->e_phnum; ++index) {
    const Elf64_Phdr *const segment = &segments[index];
    if (segment->p_type != PT_LOAD) continue;
    const int protection = (segment->p_flags & PF_R ? PROT_READ : 0) |
                           (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                           (segment->p_flags & PF_X ? PROT_EXEC : 0);
    const word start = base + (segment->p_vaddr & -PAGE);
    const word in_file = base + segment->p_vaddr + segment->p_filesz;
    const word pages = (in_file + PAGE - 1) & -PAGE;
    map((void *)start, in_file - start, protection, MAP_PRIVATE | MAP_FIXED, file,
        segment->p_offset & -PAGE);
    if (segment->p_memsz == segment->p_filesz) continue;
    for (char *byte = (char *)in_file; byte < (char *)pages; ++byte) *byte = 0;
    const word in_memory = base + segment->p_vaddr + segment->p_memsz;
    if (in_memory > pages)
      map((void *)pages, in_memory - pages, protection, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS,
          -1, 0);
  }
  call(__NR_close, file, 0, 0, 0, 0, 0);
  return (struct loaded){base, base + header->e_entry};
}

struct start begin(word *stack) {
  char **variables = (char **)(stack + 1 + stack[0] + 1);
  char *loader = 0, *path = 0;
  int loader_of_system = 0, path_of_system = 0;
  char **own = 0, **added = 0;
  char **variable = variables;
  for (; *variable; ++variable) {
    char *value;
    if ((value = value_of(*variable, "NIX_LD_x86_64_linux"))) loader = value, loader_of_system = 1;
    if ((value = value_of(*variable, "NIX_LD")) && !loader_of_system) loader = value;
    if ((value = value_of(*variable, "NIX_LD_LIBRARY_PATH_x86_64_linux")))
      path = value, added = variable, path_of_system = 1;
    if ((value = value_of(*variable, "NIX_LD_LIBRARY_PATH")) && !path_of_system)
      path = value, added = variable;
    if (value_of(*variable, "LD_LIBRARY_PATH")) own = variable;
  }
  word *const vector = (word *)(variable + 1);
  word *end = vector;
  word *base = 0, *entry = 0;
  for (; end[0] != AT_NULL; end += 2) {
    if (end[0] == AT_BASE) base = &end[1];
    if (end[0] == AT_ENTRY) entry = &end[1];
  }

  if (!loader || !*loader) loader = FARM "/ld.so";
  const struct loaded loaded = load(loader);
  if (base && *base) {
    *base = loaded.base;
    if (entry) {
      restored.entry = *entry;
      *entry = (word)trampoline;
    }
  }
  const int as_loader = base && *base;

  if (own) {
    restored.variable = own;
    restored.original = *own;
    *own = library_path(value_of(*own, "LD_LIBRARY_PATH"), path ? path : FARM);
  } else if (added) {
    restored.variable = added;
    restored.original = *added;
    *added = library_path("", path);
  } else {
    // One more variable. Two words are made free, so that the stack stays aligned; the second goes after the auxiliary
    // vector.
    word *const old = stack;
    stack -= 2;
    word *to = stack;
    for (word *from = old; from < (word *)variable; ++from) *to++ = *from;
    restored.variable = (char **)to;
    restored.original = "LD_LIBRARY_PATH=";
    *to++ = (word)library_path("", FARM);
    *to++ = 0;
    for (word *from = vector; from < end + 2; ++from) *to++ = *from;
  }

  if (!as_loader) {
    if (stack[0] <= 1)
      say("[nix-ld]  WARN: Environment honored by nix-ld:\n"
          "[nix-ld]  WARN: - NIX_LD, NIX_LD_x86_64_linux\n"
          "[nix-ld]  WARN: - NIX_LD_LIBRARY_PATH, NIX_LD_LIBRARY_PATH_x86_64_linux\n"
          "[nix-ld]  WARN: - NIX_LD_LOG (error, warn, info, debug, trace)\n"
          "[nix-ld]  WARN: Default ld.so: \"" FARM "/ld.so\"\n");
    call(__NR_execve, (word)loader, (word)(stack + 1), (word)(stack + 1 + stack[0] + 1), 0, 0, 0);
    die("cannot start ", loader);
  }
  return (struct start){stack, loaded.entry};
}
