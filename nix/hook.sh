# shellcheck shell=bash
# In the place of nixpkgs' autoPatchelfHook: the same functions and variables, and fixelf to do it.
# Sourced by stdenv's setup.sh, whose functions and arrays it uses.

# Directories with libraries: those of the build inputs, and those that are added by hand.
declare -a autoPatchelfLibs extraAutoPatchelfLibs

gatherLibraries() {
  autoPatchelfLibs+=("$1/lib")
}
# shellcheck disable=SC2154 # setup.sh sets it
addEnvHooks "$targetOffset" gatherLibraries

# addAutoPatchelfSearchPath [--no-recurse] [--] PATH…: libraries at or below these are found too.
addAutoPatchelfSearchPath() {
  local file depth=()
  while (($# > 0)); do
    case $1 in
      --) shift && break ;;
      --no-recurse) depth=(-maxdepth 1) && shift ;;
      --*) echo "addAutoPatchelfSearchPath: there is no option $1" >&2 && return 1 ;;
      *) break ;;
    esac
  done
  local -A seen=()
  while IFS= read -r -d '' file; do
    [[ -z ${seen[${file%/*}]-} ]] || continue
    seen[${file%/*}]=yes
    extraAutoPatchelfLibs+=("${file%/*}")
  done < <(find "$@" "${depth[@]}" ! -type d \( -name '*.so' -o -name '*.so.*' \) -print0)
}

# A derivation's list: an array with __structuredAttrs, else words in one string. The answer is in
# `fixelfList`. No word is taken for a pattern of file names here.
_fixelfReadList() {
  fixelfList=()
  local declared
  declared=$(declare -p "$1" 2>/dev/null) || return 0
  if [[ $declared == "declare -a"* ]]; then
    local -n list=$1
    fixelfList=("${list[@]}")
  elif [[ -n ${!1} ]]; then
    read -r -d '' -a fixelfList <<<"${!1}" || true
  fi
}

# autoPatchelf [--no-recurse] [--] PATH…
autoPatchelf() {
  local flags=() fixelfList=() ignored=() runtime=() appended=() extra=()
  while (($# > 0)); do
    case $1 in
      --) shift && break ;;
      --no-recurse) flags+=("$1") && shift ;;
      --*) echo "autoPatchelf: there is no option $1" >&2 && return 1 ;;
      *) break ;;
    esac
  done

  _fixelfReadList autoPatchelfIgnoreMissingDeps
  ignored=("${fixelfList[@]}")
  # `true`, as it was written before there were lists.
  if [[ ${ignored[*]} == 1 ]]; then ignored=('*'); fi
  _fixelfReadList runtimeDependencies
  runtime=("${fixelfList[@]/%//lib}")
  _fixelfReadList appendRunpaths
  appended=("${fixelfList[@]}")
  _fixelfReadList autoPatchelfFlags
  flags+=("${fixelfList[@]}")
  _fixelfReadList patchelfFlags
  extra=("${fixelfList[@]}")

  # --extra-args takes all that follows.
  @fixelf@ auto-patchelf "${flags[@]}" \
    --ignore-missing "${ignored[@]}" \
    --paths "$@" \
    --libs "${autoPatchelfLibs[@]}" "${extraAutoPatchelfLibs[@]}" \
    --runtime-dependencies "${runtime[@]}" \
    --append-rpaths "${appended[@]}" \
    --extra-args "${extra[@]}"
}

_fixelfPostFixup() {
  [[ -z ${dontAutoPatchelf-} ]] || return 0
  local output outputs=()
  for output in $(getAllOutputNames); do
    if [[ -e ${!output} ]]; then outputs+=("${!output}"); fi
  done
  autoPatchelf -- "${outputs[@]}"
}
# Not a fixupOutputHook: patchelf's own, which shrinks search paths, has to come before.
postFixupHooks+=(_fixelfPostFixup)
