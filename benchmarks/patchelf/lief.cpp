// A minimal tool on LIEF that changes one file. For LIEF 0.9 and newer.
//
//     lief --set-rpath VALUE FILE
//     lief --set-interpreter VALUE FILE
#include <LIEF/ELF.hpp>
#include <memory>
#include <string>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string option = argv[1];
  const std::unique_ptr<LIEF::ELF::Binary> program = LIEF::ELF::Parser::parse(argv[3]);
  if (!program) return 1;
  if (option == "--set-interpreter") {
    program->interpreter(argv[2]);
  } else {
    while (program->has(LIEF::ELF::DYNAMIC_TAGS::DT_RUNPATH))
      program->remove(LIEF::ELF::DYNAMIC_TAGS::DT_RUNPATH);
    program->add(LIEF::ELF::DynamicEntryRunPath{argv[2]});
  }
  program->write(argv[3]);
}
