#!/usr/bin/env bash
# What nixpkgs does to each file of a package with the patchelf on the PATH, in the same way: a
# search path is set, as many derivations do, then shrunk (stdenv's fixup, setup-hooks/patchelf.sh).
#
#     fixup.sh DIRECTORY SEARCH_PATH
set -euo pipefail

# As in setup.sh: without a process of its own.
isELF() {
  local magic descriptor
  exec {descriptor}<"$1"
  LANG=C read -r -n 4 -u "$descriptor" magic || true
  exec {descriptor}<&-
  [[ $magic == $'\x7fELF' ]]
}

files=()
while IFS= read -r -d '' file; do
  if isELF "$file"; then files+=("$file"); fi
done < <(find "$1" -type f -print0)

for file in "${files[@]}"; do
  patchelf --set-rpath "$2" "$file"
done
for file in "${files[@]}"; do
  patchelf --shrink-rpath "$file"
done
