#include "referred.hpp"

#include <algorithm>

#include "elf/image.hpp"
#include "elf/relocations.hpp"
#include "elf/symbols.hpp"
#include "elf/versions.hpp"

namespace fuzz {

using namespace fixelf;

Referred::Referred(const Source& source) {
  const auto image = Image::read(source);
  if (!image) return;
  const Codec& codec = image->codec;
  const FileHeader& header = image->header;
  add(0, codec.fileHeaderSize());
  add(header.programHeaderOffset, image->programHeaders.size() * codec.programHeaderSize());
  for (const ProgramHeader& segment : image->programHeaders) {
    if (segment.type != PT_LOAD && segment.type != PT_NULL && segment.type != PT_TLS &&
        segment.type != PT_GNU_RELRO && segment.type != PT_GNU_EH_FRAME)
      add(segment.offset, segment.fileSize);
  }
  add(image->dynamicOffset, std::max<uint64_t>(image->dynamicCapacity, image->dynamic.size() + 1) *
                                codec.dynamicEntrySize());

  // The linker's own symbols and sections are included.
  const auto sections = readSectionHeaders(source, *image);
  if (sections) {
    add(header.sectionHeaderOffset, sections->size() * codec.sectionHeaderSize());
    for (const SectionHeader& section : *sections) {
      const bool isTable = section.type != SHT_PROGBITS && section.type != SHT_NOBITS &&
                           section.type != SHT_NULL && section.type != SHT_INIT_ARRAY &&
                           section.type != SHT_FINI_ARRAY && section.type != SHT_PREINIT_ARRAY;
      if (isTable) add(section.offset, section.size);
    }
  }

  // What the dynamic table points at.
  if (const auto strings = StringTable::dynamicOf(*image)) add(strings->offset, strings->size);
  const auto offsetOf = [&](int64_t tag) {
    const auto address = image->dynamicValue(tag);
    return address ? image->fileOffset(*address) : std::nullopt;
  };
  auto count =
      dynamicSymbolCount(source, *image, sections ? *sections : std::vector<SectionHeader>{});
  const auto relocated = relocatedSymbolCount(source, *image);
  const uint64_t symbols = std::max(count.value_or(0), relocated.value_or(0));
  if (const auto table = offsetOf(DT_SYMTAB)) add(*table, symbols * codec.symbolSize());
  if (const auto table = offsetOf(DT_VERSYM)) add(*table, symbols * 2);
  if (const auto hash = SystemVHashHead::read(source, *image)) add(hash->offset, hash->size());
  if (const auto hash = GnuHashHead::read(source, *image))
    add(hash->offset, hash->end(codec) - hash->offset);
  if (const auto table = neededVersionsTable(source, *image)) add(table->offset, table->size);
  if (const auto table = definedVersionsTable(source, *image)) add(table->offset, table->size);
  if (const auto tables = relocationTables(source, *image)) {
    for (const RelocationTable& table : *tables)
      add(table.offset, table.size);
  }
}

}  // namespace fuzz
