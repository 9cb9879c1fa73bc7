#include "patchelf/answers.hpp"

#include "edit/search_path.hpp"
#include "patchelf/failure.hpp"
#include "patchelf/os_abi.hpp"
#include "patchelf/parts.hpp"

namespace fixelf::patchelf {

namespace {

Status answerOne(Question question, const Facts& facts, std::vector<std::string>& lines) {
  switch (question) {
    case Question::Interpreter:
      if (!facts.interpreter) return cannotFind(".interp");
      lines.push_back(*facts.interpreter);
      return Done{};
    case Question::OsAbi:
      lines.push_back(osAbiText(facts.header.osAbi));
      return Done{};
    case Question::Soname:
      if (!isSharedObject(facts)) return Done{};
      if (Status status = demandDynamicTable(facts); !status) return status;
      if (facts.soname && !facts.soname->empty()) lines.push_back(*facts.soname);
      return Done{};
    case Question::Rpath:
      if (Status status = demandDynamicTable(facts); !status) return status;
      if (facts.dynamic == DynamicTable::Present)
        lines.push_back(presentSearchPath(facts).value_or(""));
      return Done{};
    case Question::ExecutableStack:
      lines.emplace_back(std::string("execstack: ") + (!facts.executableStack   ? '?'
                                                       : *facts.executableStack ? 'X'
                                                                                : '-'));
      return Done{};
    case Question::Needed:
      if (Status status = demandDynamicTable(facts); !status) return status;
      lines.insert(lines.end(), facts.needed.begin(), facts.needed.end());
      return Done{};
  }
  return Done{};
}

}  // namespace

Status answer(const Questions& questions, const Facts& facts, std::vector<std::string>& lines) {
  for (size_t at = 0; at < questions.size(); ++at) {
    if (!questions[at]) continue;
    if (Status status = answerOne(static_cast<Question>(at), facts, lines); !status) return status;
  }
  return Done{};
}

}  // namespace fixelf::patchelf
