// fixelf-patchelf: patchelf as a program of its own, without Node.
#include <string>
#include <vector>

#include "patchelf/run.hpp"

int main(int count, char** words) {
  const std::vector<std::string> arguments(words + (count > 0 ? 1 : 0), words + count);
  return fixelf::patchelf::run(arguments);
}
