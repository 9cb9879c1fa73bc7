# What of stdenv's setup.sh the hook relies on, and the phases around it.
set -eu
targetOffset=0
envHooks=()
postFixupHooks=()
addEnvHooks() { envHooks+=("$2"); }
getAllOutputNames() { echo out; }

# What its own setup hook would be, with the place of fixelf filled in.
source <(sed "s#@fixelf@#$fixelf/bin/fixelf#" "$hook")
for input in $inputs; do
  for each in "${envHooks[@]}"; do "$each" "$input"; done
done

# As the binutils wrapper says it.
NIX_BINTOOLS=$(mktemp -d)
export NIX_BINTOOLS
mkdir "$NIX_BINTOOLS/nix-support"
echo "$libc/lib/ld-linux-x86-64.so.2" >"$NIX_BINTOOLS/nix-support/dynamic-linker"
echo "$libc" >"$NIX_BINTOOLS/nix-support/orig-libc"

mkdir -p "$out/bin"
find "$program" -name biome -type f -exec cp {} "$out/bin/biome" \;
chmod 755 "$out/bin/biome"
for each in "${postFixupHooks[@]}"; do "$each"; done
