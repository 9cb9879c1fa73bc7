#include "resolve/load_check.hpp"

#include <algorithm>

#include "resolve/acceptance.hpp"

namespace fixelf {

namespace {

// Since 2.35 glibc compares addresses and offsets modulo the page; before, modulo p_align
// (elf/dl-load.c, _dl_map_object_from_fd).
constexpr unsigned kComparesByPage = 35;

// GLRO(dl_tls_static_surplus) with the default tunables (glibc elf/dl-tls.c); 2.32 computes the
// value that was hard-wired before.
constexpr uint64_t kThreadLocalSurplus = 1664;

// DEFAULT_STACK_PERMS, if PT_GNU_STACK is missing (glibc sysdeps/generic/stackinfo.h and
// sysdeps/*/stackinfo.h).
bool needsExecutableStack(const Facts& facts) {
  const uint16_t machine = facts.header.machine;
  const bool usual = machine != EM_AARCH64 && machine != EM_RISCV && machine != 258;
  return facts.executableStack.value_or(usual);
}

bool isPartOfLibc(const Object& object, const LoaderProfile& loader) {
  const Interned soname = object.names().soname;
  return *object.path == loader.path || (soname && soname->starts_with("libc.so."));
}

const char* refusedByKernel(const SegmentGeometry& geometry) {
  // fs/binfmt_elf.c, elf_map(): the remaining offset is not a multiple of a page, and mmap fails
  // with EINVAL. What has no bytes is not mapped from the file since 6.10 (elf_load()).
  return geometry.fileByPage ? nullptr
                             : "a segment's address and offset differ modulo the page, so the "
                               "kernel cannot map it";
}

const char* refusedByGlibc(const SegmentGeometry& geometry, unsigned minor) {
  if (!geometry.alignmentIsPages)
    return "its loader says: ELF load command alignment not page-aligned";
  if (minor >= kComparesByPage && !geometry.byPage)
    return "its loader says: ELF load command address/offset not page-aligned";
  if (minor < kComparesByPage && !geometry.byAlignment)
    return "its loader says: ELF load command address/offset not properly aligned";
  return nullptr;
}

}  // namespace

void checkAcceptance(Files& files, const Object& examined, Resolution& resolution) {
  if (examined.facts().kind != Kind::Shared || !resolution.interpreterFound) return;
  if (resolution.loader->libc != LoaderProfile::Glibc) return;
  const Verdict verdict = judgeGlibc(*examined.file, examined.facts().header, *resolution.loader);
  if (verdict.step != Step::Found)
    resolution.loadProblems.push_back({examined.path, files.interned(verdict.why), false});
}

void checkStatic(Files& files, const Lookup& program, Resolution& resolution) {
  const Facts& facts = *program.facts;
  const auto refused = [&](const std::string& why) {
    resolution.loadProblems.push_back(
        {files.interned(resolution.path), files.interned(why), false});
  };
  if (!facts.needed.empty())
    refused("it needs libraries, and names no loader to load them (PT_INTERP)");
  else if (const auto& damage = facts.damage.any())
    refused(*damage);
  else if (const char* why = refusedByKernel(facts.geometry))
    refused(why);
}

void checkGeometry(Files& files, const std::vector<Object>& objects, Resolution& resolution) {
  const LoaderProfile& loader = *resolution.loader;
  const bool known = loader.libc == LoaderProfile::Glibc && resolution.interpreterFound;
  bool program = true;
  for (const Object& object : objects) {
    const Facts& facts = object.facts();
    const bool byKernel = program && facts.interpreter.has_value();
    program = false;
    if (!byKernel && !known) continue;
    const bool musl = loader.libc == LoaderProfile::Musl;
    if (const auto& damage = musl ? facts.damage.atStart : facts.damage.any()) {
      resolution.loadProblems.push_back({object.path, files.interned(*damage), false});
      continue;
    }
    const char* why = byKernel ? refusedByKernel(facts.geometry)
                               : refusedByGlibc(facts.geometry, loader.glibcMinor);
    if (why != nullptr)
      resolution.loadProblems.push_back({object.path, files.interned(why), false});
  }
}

void checkOpening(Files& files, const std::vector<Object>& objects,
                  const std::vector<size_t>& order, Resolution& resolution) {
  const LoaderProfile& loader = *resolution.loader;
  const bool musl = loader.libc == LoaderProfile::Musl;
  if (objects[0].facts().kind != Kind::Shared || !resolution.interpreterFound) return;
  if (!musl && loader.libc != LoaderProfile::Glibc) return;
  uint64_t threadLocal = 0;
  for (const size_t index : order) {
    const Object& object = objects[index];
    const Facts& facts = object.facts();
    const auto refused = [&](const std::string& why) {
      resolution.loadProblems.push_back({object.path, files.interned(why), true});
    };
    // Every program has them from startup.
    if (isPartOfLibc(object, loader)) continue;
    // elf/dl-load.c, _dl_map_object_from_fd.
    if (!musl && (facts.flags1 & DF_1_NOOPEN) != 0)
      refused("a program that runs already cannot open it, because it was linked with -z nodlopen");
    if (loader.refusesExecutableStacks() && needsExecutableStack(facts))
      refused("a program that runs already cannot open it, because it wants an executable stack");
    if (!facts.staticThreadLocal()) continue;
    threadLocal += std::min(facts.threadLocalSize, kThreadLocalSurplus + 1);
    if (musl)
      refused(
          "a program that runs already cannot open it, because its thread-local variables have "
          "fixed places (initial-exec), for which musl leaves no room");
    else if (threadLocal > kThreadLocalSurplus)
      refused("a program that runs already cannot open it, because " +
              std::to_string(facts.threadLocalSize) +
              " bytes of thread-local variables have fixed places (initial-exec), and its loader "
              "leaves room for " +
              std::to_string(kThreadLocalSurplus));
  }
}

}  // namespace fixelf
