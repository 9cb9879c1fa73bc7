#include "edit/search_path.hpp"

#include <algorithm>

namespace fixelf {

namespace {

// Empty parts are left out.
std::string joined(const std::vector<std::string>& parts) {
  std::string list;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!list.empty()) list += ':';
    list += part;
  }
  return list;
}

// Whether the user's loader would accept the library (glibc elf/dl-load.c).
bool fits(const std::string& path, const Facts& user) {
  const auto library = readFacts(path);
  return library && library->header.machine == user.header.machine &&
         library->header.fileClass == user.header.fileClass &&
         library->header.byteOrder == user.header.byteOrder;
}

// Whether a directory has any of the libraries that are still missing; removes those it has.
bool takesAny(std::vector<std::string>& missing, const std::string& directory, const Facts& user) {
  const auto found = std::erase_if(
      missing, [&](const std::string& name) { return fits(directory + "/" + name, user); });
  return found > 0;
}

std::string shrunk(const std::string& list, const Facts& facts,
                   const std::vector<std::string>& allowedPrefixes,
                   std::vector<std::string>& reasons) {
  std::vector<std::string> missing = facts.needed;
  // A name with a slash is opened as it is: no directory serves it.
  std::erase_if(missing, [](const std::string& name) { return name.find('/') != name.npos; });
  std::vector<std::string> kept;
  for (const std::string& directory : searchPathElements(list)) {
    // What $ORIGIN and other relative directories mean depends on where the file will be.
    if (!directory.empty() && !directory.starts_with('/')) {
      kept.push_back(directory);
      continue;
    }
    const auto remove = [&](const char* why) {
      reasons.push_back("removing directory '" + directory + "' from RPATH: " + why);
    };
    const bool isAllowed =
        allowedPrefixes.empty() || std::ranges::any_of(allowedPrefixes, [&](const auto& prefix) {
          return directory.starts_with(prefix);
        });
    if (!isAllowed) {
      remove("it starts with none of the allowed prefixes");
    } else if (directory.empty() || !takesAny(missing, directory, facts)) {
      remove("no library that is needed is taken from it");
    } else {
      kept.push_back(directory);
    }
  }
  return joined(kept);
}

}  // namespace

std::optional<Edits::SearchPath> changedSearchPath(const SearchPathChange& change,
                                                   const Facts& facts,
                                                   std::vector<std::string>& reasons) {
  using enum SearchPathChange::Kind;
  const std::optional<std::string>& present = presentSearchPath(facts);
  if (change.kind == Set) return Edits::SearchPath{change.value, change.tag};
  if (change.kind == Add)
    return Edits::SearchPath{joined({present.value_or(""), change.value}), change.tag};
  if (!present) return std::nullopt;
  if (change.kind == Remove) return Edits::SearchPath{{}, change.tag};
  return Edits::SearchPath{shrunk(*present, facts, change.allowedPrefixes, reasons), change.tag};
}

const std::optional<std::string>& presentSearchPath(const Facts& facts) {
  return facts.runpath ? facts.runpath : facts.rpath;
}

std::vector<std::string> searchPathElements(const std::string& list) {
  std::vector<std::string> elements;
  for (size_t start = 0; start < list.size();) {
    const size_t end = std::min(list.find(':', start), list.size());
    elements.push_back(list.substr(start, end - start));
    start = end + 1;
  }
  return elements;
}

}  // namespace fixelf
