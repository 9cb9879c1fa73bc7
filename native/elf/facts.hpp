// Facts: everything in a file that a later stage can need, read once.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "elf/extent.hpp"
#include "elf/memory.hpp"
#include "elf/notes.hpp"
#include "elf/versions.hpp"

namespace fixelf {

enum class Kind {
  Executable,  // ET_EXEC with an interpreter
  Pie,         // ET_DYN with an interpreter
  Shared,      // ET_DYN to be loaded by another file
  Static,      // ET_EXEC without an interpreter
  StaticPie,   // ET_DYN program without an interpreter
  Relocatable,
  Core,
  DebugInformation,  // split off (objcopy --only-keep-debug): without the bytes of the code
  Other,
};

const char* kindName(Kind kind);

// The machine's usual name ("x86-64", "aarch64"), or "machine-N" if it has none here. Class and
// byte order are facts of their own: "mips" is one machine in four variants.
std::string machineName(uint16_t machine);
// The numbers of all that have a name, with it.
std::span<const std::pair<uint16_t, const char*>> machineNames();
std::string osAbiName(uint8_t osAbi);

enum class Relro { None, Partial, Full };

const char* relroName(Relro relro);
const char* className(Class fileClass);
const char* byteOrderName(ByteOrder byteOrder);

// Unread: no loader reads it. Either the program header has no bytes, because `objcopy
// --only-keep-debug` left them in the program that the file describes, or a section has no program
// header.
enum class DynamicTable { None, Unread, Present };

const char* dynamicTableName(DynamicTable table);

enum class DependencyKind : uint8_t { Needed, Auxiliary, Filter };

// Whether every PT_LOAD's address and offset agree, so that it can be mapped. Loaders differ in
// what they require (resolve/load_check.cpp).
struct SegmentGeometry {
  bool byPage = true;            // modulo the smallest page, 4096
  bool fileByPage = true;        // the same of those that have bytes in the file
  bool byAlignment = true;       // modulo p_align
  bool alignmentIsPages = true;  // p_align is a multiple of the smallest page
};

struct Facts {
  std::string path;
  uint64_t size = 0;
  FileHeader header;
  Kind kind = Kind::Other;
  std::optional<std::string> interpreter;
  std::optional<std::string> soname;
  std::vector<std::string> needed;
  std::optional<std::string> rpath;    // colon-separated, as written
  std::optional<std::string> runpath;  // colon-separated, as written
  std::vector<std::string> auxiliary;  // DT_AUXILIARY
  std::vector<std::string> filter;     // DT_FILTER
  // The order of `needed`, `auxiliary` and `filter` entries in the dynamic table.
  std::vector<DependencyKind> dependencyOrder;
  uint64_t flags = 0;              // DT_FLAGS
  uint64_t flags1 = 0;             // DT_FLAGS_1
  bool bindsNow = false;           // see Image::bindsNow
  bool packedRelocations = false;  // DT_RELR
  // DT_AUDIT or DT_DEPAUDIT: glibc's loader runs the libraries that they name (rtld-audit(7)), even
  // when it is only to list what it would load.
  bool audited = false;
  DynamicTable dynamic = DynamicTable::None;
  std::vector<NeededVersions> versionsNeeded;
  std::vector<std::string> versionsDefined;  // without the base
  // VER_FLG_BASE: the name of the file itself among its versions.
  std::optional<std::string> versionBase;
  uint16_t versionsDefinedForm = VER_DEF_CURRENT;  // vd_version of the first record
  Notes notes;
  uint64_t threadLocalSize = 0;         // PT_GNU_TLS: bytes in memory, including alignment
  std::optional<bool> executableStack;  // none without PT_GNU_STACK: the machine's default applies
  Relro relro = Relro::None;
  SegmentGeometry geometry;
  Damage damage;
  bool sectionHeaders = false;
  std::optional<Overlay> overlay;

  // Its code accesses thread-local variables at fixed places (the initial-exec model).
  [[nodiscard]] bool staticThreadLocal() const {
    return (flags & DF_STATIC_TLS) != 0 && threadLocalSize > 0;
  }
  [[nodiscard]] bool noDefaultLibraries() const { return (flags1 & DF_1_NODEFLIB) != 0; }
};

// Fails with NotElf, Truncated, Malformed, LimitExceeded or an I/O error; the error carries `path`.
Result<Facts> readFacts(const Source& source, const std::string& path);
// Opens the file as well.
Result<Facts> readFacts(const std::string& path);

}  // namespace fixelf
