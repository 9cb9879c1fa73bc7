#include "scan/json_line.hpp"

#include <algorithm>
#include <concepts>
#include <string_view>

#include "base/printable.hpp"
#include "base/utf8.hpp"
#include "scan/store_path.hpp"

namespace fixelf {

namespace {

// In base64 (RFC 4648, section 4).
std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (; !bytes.empty(); bytes.remove_prefix(std::min<size_t>(bytes.size(), 3))) {
    const auto at = [&](size_t index) {
      return index < bytes.size() ? static_cast<unsigned char>(bytes[index]) : 0U;
    };
    const unsigned three = at(0) << 16U | at(1) << 8U | at(2);
    text += kDigits[three >> 18U];
    text += kDigits[three >> 12U & 63U];
    text += bytes.size() > 1 ? kDigits[three >> 6U & 63U] : '=';
    text += bytes.size() > 2 ? kDigits[three & 63U] : '=';
  }
  return text;
}

// As JavaScript's JSON.stringify() escapes it (ECMA-262, QuoteJSONString).
void appendEscaped(std::string& line, char32_t point) {
  constexpr std::string_view kShort = "\b\t\n\f\r";
  const size_t known = point < 0x20 ? kShort.find(static_cast<char>(point)) : kShort.npos;
  line += '\\';
  if (known != kShort.npos) {
    line += "btnfr"[known];
  } else {
    line += 'u';
    appendHexadecimal(line, point, 4);
  }
}

bool meansItself(char byte) {
  return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

// Returns whether the text is there unchanged; otherwise its bytes have to be given as well.
bool appendText(std::string& line, std::string_view text) {
  bool plain = true;
  line += '"';
  for (;;) {
    const auto run = static_cast<size_t>(
        std::ranges::distance(text.begin(), std::ranges::find_if_not(text, meansItself)));
    line += text.substr(0, run);
    text.remove_prefix(run);
    if (text.empty()) break;
    const size_t length = sequenceLength(text);
    if (length == 0 || looksSpelledOut(text)) {
      plain = false;
      line += "\\\\x";
      appendHexadecimal(line, static_cast<unsigned char>(text.front()), 2);
    } else if (const char32_t point = codePoint(text.substr(0, length)); steers(point)) {
      appendEscaped(line, point);
    } else {
      if (length == 1 && point < 0x7f) line += '\\';
      line += text.substr(0, length);
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  line += '"';
  return plain;
}

// Writes an object's members one after another; begins when constructed.
class Object {
 public:
  explicit Object(std::string& line) : line_(line) { line_ += '{'; }

  void text(std::string_view name, std::string_view value) {
    key(name);
    if (appendText(line_, value)) return;
    key(name, "Bytes");
    line_ += '"' + base64(value) + '"';
  }

  void textOrNull(std::string_view name, const std::optional<std::string>& value) {
    if (value)
      text(name, *value);
    else
      null(name);
  }

  void texts(std::string_view name, const std::vector<std::string>& values) {
    std::vector<bool> plain;
    list(name, values,
         [&](const std::string& value) { plain.push_back(appendText(line_, value)); });
    if (std::ranges::find(plain, false) == plain.end()) return;
    key(name, "Bytes");
    line_ += '[';
    for (size_t at = 0; at < values.size(); ++at) {
      if (at > 0) line_ += ',';
      line_ += plain[at] ? "null" : '"' + base64(values[at]) + '"';
    }
    line_ += ']';
  }

  template <std::unsigned_integral Number>
  void number(std::string_view name, Number value) {
    key(name);
    line_ += std::to_string(value);
  }

  void boolean(std::string_view name, bool value) {
    key(name);
    line_ += value ? "true" : "false";
  }

  void null(std::string_view name) {
    key(name);
    line_ += "null";
  }

  Object object(std::string_view name) {
    key(name);
    return Object(line_);
  }

  // `append` appends one item.
  template <class Items, class Append>
  void list(std::string_view name, const Items& items, Append append) {
    key(name);
    line_ += '[';
    bool first = true;
    for (const auto& item : items) {
      if (!std::exchange(first, false)) line_ += ',';
      append(item);
    }
    line_ += ']';
  }

  void close() { line_ += '}'; }

 private:
  void key(std::string_view name, std::string_view suffix = "") {
    if (!std::exchange(first_, false)) line_ += ',';
    line_ += '"';
    line_ += name;
    line_ += suffix;
    line_ += "\":";
  }

  std::string& line_;
  bool first_ = true;
};

void appendVersions(std::string& line, const NeededVersions& needed) {
  Object object(line);
  object.text("library", needed.library);
  object.list("versions", needed.versions, [&](const NeededVersion& version) {
    Object one(line);
    one.text("name", version.name);
    one.boolean("weak", version.weak);
    one.close();
  });
  object.close();
}

void appendNotes(std::string& line, Object notes, const Notes& said) {
  if (said.buildId.empty())
    notes.null("buildId");
  else
    notes.text("buildId", said.buildId);
  if (said.abiTag) {
    Object tag = notes.object("abiTag");
    tag.text("operatingSystem", said.abiTag->operatingSystem);
    tag.list("kernel", said.abiTag->kernel,
             [&](uint32_t number) { line += std::to_string(number); });
    tag.close();
  } else {
    notes.null("abiTag");
  }
  notes.texts("dlopen", said.dlopen);
  if (said.x86IsaNeeded)
    notes.number("x86IsaNeeded", *said.x86IsaNeeded);
  else
    notes.null("x86IsaNeeded");
  if (said.resolutionCache) {
    notes.list("resolutionCache", *said.resolutionCache, [&](const CachedResolution& cached) {
      Object one(line);
      one.text("soname", cached.soname);
      one.text("places", cached.places);
      one.close();
    });
  } else {
    notes.null("resolutionCache");
  }
  notes.close();
}

}  // namespace

std::string jsonLine(const Facts& facts) {
  std::string line;
  Object object(line);
  object.text("path", facts.path);
  if (const std::string_view storePath = storePathOf(facts.path); storePath.empty())
    object.null("storePath");
  else
    object.text("storePath", storePath);
  object.number("size", facts.size);
  object.text("class", className(facts.header.fileClass));
  object.text("byteOrder", byteOrderName(facts.header.byteOrder));
  object.text("machine", machineName(facts.header.machine));
  object.text("osAbi", osAbiName(facts.header.osAbi));
  object.number("osAbiNumber", facts.header.osAbi);
  object.number("abiVersion", facts.header.abiVersion);
  object.text("type", kindName(facts.kind));
  std::string entry = "0x";
  appendHexadecimal(entry, facts.header.entry);
  object.text("entry", entry);
  object.textOrNull("interpreter", facts.interpreter);
  object.text("dynamicTable", dynamicTableName(facts.dynamic));
  object.textOrNull("soname", facts.soname);
  object.texts("needed", facts.needed);
  object.textOrNull("rpath", facts.rpath);
  object.textOrNull("runpath", facts.runpath);
  object.boolean("noDefaultLibraries", facts.noDefaultLibraries());
  object.list("versionsNeeded", facts.versionsNeeded,
              [&](const NeededVersions& needed) { appendVersions(line, needed); });
  object.texts("versionsDefined", facts.versionsDefined);
  appendNotes(line, object.object("notes"), facts.notes);
  if (facts.executableStack)
    object.boolean("executableStack", *facts.executableStack);
  else
    object.null("executableStack");
  object.text("relro", relroName(facts.relro));
  object.boolean("sectionHeaders", facts.sectionHeaders);
  if (facts.overlay) {
    Object overlay = object.object("overlay");
    overlay.number("offset", facts.overlay->offset);
    overlay.number("size", facts.overlay->size);
    overlay.close();
  } else {
    object.null("overlay");
  }
  object.close();
  line += '\n';
  return line;
}

}  // namespace fixelf
