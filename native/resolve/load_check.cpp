#include "resolve/load_check.hpp"

namespace fixelf {

namespace {

// glibc 2.35 began to compare addresses and offsets modulo the page; before, modulo p_align
// (elf/dl-load.c, _dl_map_object_from_fd).
constexpr unsigned kComparesByPage = 35;

const char* refusedByKernel(const SegmentGeometry& geometry) {
  // fs/binfmt_elf.c, elf_map(): the offset that is left is no multiple of a page, and mmap says
  // EINVAL.
  return geometry.byPage ? nullptr
                         : "a segment's address and offset differ modulo the page, so the kernel "
                           "cannot map it";
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

void checkGeometry(Files& files, const std::vector<Object>& objects, Resolution& resolution) {
  const LoaderProfile& loader = *resolution.loader;
  const bool known = loader.libc == LoaderProfile::Glibc && resolution.interpreterFound;
  bool program = true;
  for (const Object& object : objects) {
    const Facts& facts = object.facts();
    const bool byKernel = program && facts.interpreter.has_value();
    program = false;
    if (!byKernel && !known) continue;
    const char* why = byKernel ? refusedByKernel(facts.geometry)
                               : refusedByGlibc(facts.geometry, loader.glibcMinor);
    if (why != nullptr) resolution.loadProblems.push_back({object.path, files.interned(why)});
  }
}

}  // namespace fixelf
