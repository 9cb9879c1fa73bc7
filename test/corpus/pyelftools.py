# What pyelftools reports about each file named on standard input, one JSON object per line:
# said.ts.
import io
import json
import sys

from elftools.elf.dynamic import DynamicSection, DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection
from elftools.elf.sections import NoteSection
from elftools.elf.segments import InterpSegment, NoteSegment


def without(prefix, name):
    text = str(name)
    return text[len(prefix):] if text.startswith(prefix) else text


def name_of(value):
    return value.decode("latin1") if isinstance(value, bytes) else value


def dynamic_of(elf):
    table = next((s for s in elf.iter_segments() if isinstance(s, DynamicSegment)), None)
    if table is None or table["p_filesz"] == 0:
        return []
    entries = []
    for tag in table.iter_tags():
        name = without("DT_", tag.entry.d_tag)
        text = {"NEEDED": "needed", "SONAME": "soname", "RPATH": "rpath", "RUNPATH": "runpath"}.get(name)
        value = getattr(tag, text) if text else hex(tag.entry.d_val)
        entries.append({"tag": name, "value": name_of(value)})
    return entries


def versions_of(elf):
    needed, defined = [], []
    for section in elf.iter_sections():
        if section["sh_type"] == "SHT_NOBITS":
            continue
        if isinstance(section, GNUVerNeedSection):
            for need, versions in section.iter_versions():
                needed.append({
                    "library": name_of(need.name),
                    "versions": [
                        {"name": name_of(version.name), "weak": (version["vna_flags"] & 2) != 0}
                        for version in versions
                    ],
                })
        if isinstance(section, GNUVerDefSection):
            for definition, names in section.iter_versions():
                name = next(names).name
                if (definition["vd_flags"] & 1) == 0:
                    defined.append(name_of(name))
    return needed, defined


def text_of(description):
    data = description if isinstance(description, bytes) else description.encode("latin1")
    return data.rstrip(b"\0").decode("latin1")


def notes_of(elf):
    notes = []
    containers = [(s, s["p_offset"]) for s in elf.iter_segments() if isinstance(s, NoteSegment)]
    covered = [range(s["p_offset"], s["p_offset"] + s["p_filesz"]) for s, _ in containers]
    for section in elf.iter_sections():
        offset = section["sh_offset"]
        if isinstance(section, NoteSection) and not any(offset in some for some in covered):
            containers.append((section, offset))
    for container, offset in containers:
        for note in container.iter_notes():
            kind, value = None, None
            owner, type_ = note["n_name"], note["n_type"]
            if owner == "GNU" and type_ == "NT_GNU_BUILD_ID":
                kind, value = "GNU_BUILD_ID", note["n_desc"]
            elif owner == "GNU" and type_ == "NT_GNU_ABI_TAG":
                tag = note["n_desc"]
                system = without("ELF_NOTE_OS_", tag["abi_os"]).lower()
                kind = "GNU_ABI_TAG"
                value = f"{system} {tag['abi_major']}.{tag['abi_minor']}.{tag['abi_tiny']}"
            elif owner == "GNU" and type_ == "NT_GNU_PROPERTY_TYPE_0":
                for property_ in note["n_desc"]:
                    if property_["pr_type"] in (0xC0008002, "GNU_PROPERTY_X86_ISA_1_NEEDED"):
                        notes.append({
                            "container": offset,
                            "kind": "X86_ISA_1_NEEDED",
                            "value": property_["pr_data"] if isinstance(property_["pr_data"], int) else None,
                        })
            elif owner == "NixOS" or (owner == "FDO" and type_ == 0x407C0C0A):
                kind, value = owner, text_of(note["n_desc"])
            if kind:
                notes.append({"container": offset, "kind": kind, "value": value})
    return notes


def said_of(path):
    # All of it at once: pyelftools reads a few bytes at a time, from all over the file.
    with open(path, "rb") as file:
        stream = io.BytesIO(file.read())
    elf = ELFFile(stream)
    header = elf.header
    needed, defined = versions_of(elf)
    interpreter = next((s for s in elf.iter_segments() if isinstance(s, InterpSegment)), None)
    if interpreter is not None and interpreter["p_filesz"] == 0:
        interpreter = None
    return {
        "ident": stream.getvalue()[:16].hex(),
        "machine": str(header["e_machine"]),
        "type": without("ET_", header["e_type"]),
        "entry": str(header["e_entry"]),
        "programHeaders": {
            "offset": header["e_phoff"], "size": header["e_phentsize"], "count": elf.num_segments(),
        },
        "sectionHeaders": {
            "offset": header["e_shoff"], "size": header["e_shentsize"], "count": elf.num_sections(),
        },
        "segments": [
            {
                "type": without("PT_", segment["p_type"]),
                "offset": segment["p_offset"],
                "fileSize": segment["p_filesz"],
                "memorySize": segment["p_memsz"],
                "executable": (segment["p_flags"] & 1) != 0,
            }
            for segment in elf.iter_segments()
        ],
        "sections": [
            {
                "type": without("SHT_", section["sh_type"]),
                "offset": section["sh_offset"],
                "size": section["sh_size"],
                "allocated": (section["sh_flags"] & 2) != 0,
                "executable": (section["sh_flags"] & 4) != 0,
            }
            for section in elf.iter_sections()
        ],
        "interpreter": None if interpreter is None else name_of(interpreter.get_interp_name()),
        "dynamic": dynamic_of(elf),
        "versionsNeeded": needed,
        "versionsDefined": defined,
        "notes": notes_of(elf),
    }


for line in sys.stdin.buffer:
    path = line.rstrip(b"\n")
    try:
        answer = said_of(path)
    except Exception as failure:  # it is a peer: what it cannot read is reported, and it goes on
        answer = {"failure": f"{type(failure).__name__}: {failure}"}
    print(json.dumps(answer), flush=True)
