# What nixpkgs' stdenv does for a setup hook: pkgs/stdenv/generic/setup.sh, as of 2026, without the phases that have
# nothing to do with hooks. Variables have the names and values that hooks see there.
set -eu
set -o pipefail
shopt -s inherit_errexit nullglob

if [ -e "${NIX_ATTRS_SH_FILE-}" ]; then
  # With that, none of the derivation is in the environment.
  . "$NIX_ATTRS_SH_FILE"
  __structuredAttrs=1
  for outputName in "${!outputs[@]}"; do
    export "$outputName=${outputs[$outputName]}"
  done
else
  __structuredAttrs=
  : "${outputs:=out}"
fi
export PATH=$initialPath

getAllOutputNames() {
  if [ -n "$__structuredAttrs" ]; then echo "${!outputs[*]}"; else echo "$outputs"; fi
}

# Hooks through which a dependency at one offset affects those at another; here only build inputs have an offset.
declare -a envHostHostHooks postFixupHooks
addEnvHooks() {
  shift
  envHostHostHooks+=("$@")
}

runHook() {
  local hooks="$1Hooks[@]" hook
  for hook in "_callImplicitHook $1" ${!hooks+"${!hooks}"}; do
    if declare -F "$hook" >/dev/null; then "$hook"; else eval "$hook"; fi
  done
}
_callImplicitHook() {
  if [ -n "${!1-}" ]; then eval "${!1}"; fi
}

# A native build input's setup hook, and those of what it propagates.
activatePackage() {
  local package=$1 hostOffset=-1 targetOffset=0 propagated
  if [ -d "$package/bin" ]; then PATH=$package/bin:$PATH; fi
  if [ -f "$package/nix-support/setup-hook" ]; then source "$package/nix-support/setup-hook"; fi
  if [ -f "$package/nix-support/propagated-build-inputs" ]; then
    read -r -d '' -a propagated <"$package/nix-support/propagated-build-inputs" || true
    for package in "${propagated[@]}"; do activatePackage "$package"; done
  fi
}
# A list is an array or words.
for package in ${defaultNativeBuildInputs[*]-} ${nativeBuildInputs[*]}; do activatePackage "$package"; done
for package in ${buildInputs[*]-}; do
  for hook in ${envHostHostHooks+"${envHostHostHooks[@]}"}; do "$hook" "$package"; done
done

# From here on as in a phase.
set +u
eval "$installPhase"
runHook postFixup
