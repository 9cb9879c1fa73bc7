// What the kernel and the loader refuse in files that are found: an e_ident of another kind,
// segments that cannot be mapped.
#pragma once

#include <vector>

#include "resolve/loading.hpp"

namespace fixelf {

// For a library that is examined by itself: no search has found it, so none has judged it.
void checkAcceptance(Files& files, const Object& examined, Resolution& resolution);

// For a program that names no loader.
void checkStatic(Files& files, const Lookup& program, Resolution& resolution);

// Fills in `resolution`'s load problems. The first object is the program, which the kernel maps if
// it names an interpreter; the loader maps all others.
void checkGeometry(Files& files, const std::vector<Object>& objects, Resolution& resolution);

// The same for a library that a running program opens (dlopen): what it may no longer bring by
// then.
void checkOpening(Files& files, const std::vector<Object>& objects,
                  const std::vector<size_t>& order, Resolution& resolution);

}  // namespace fixelf
