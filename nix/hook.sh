# shellcheck shell=bash
# In the place of nixpkgs' autoPatchelfHook: the same functions and variables, and fixelf to do it.
# Sourced by stdenv's setup.sh from within a function, whose own a plain `declare` would be.

# A build's output means nothing before it is complete; then Nix flushes it, if told to (fsync-store-paths).
export PATCHELF_NO_FLUSH=1

# Directories with libraries: those of the build inputs, and those added by hand.
declare -ga autoPatchelfLibs extraAutoPatchelfLibs

gatherLibraries() {
  autoPatchelfLibs+=("$1/lib")
}
# shellcheck disable=SC2154 # setup.sh sets it
addEnvHooks "$targetOffset" gatherLibraries

# addAutoPatchelfSearchPath [--no-recurse] [--] PATH…: also searches these and what is below them
# for libraries.
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
  done < <(
    # Of two libraries of one name the first is taken, the same on every machine: find's own order depends on the disk.
    find "$@" "${depth[@]}" ! -type d \( -name '*.so' -o -name '*.so.*' \) -print0 | LC_ALL=C sort -z
  )
}

# A derivation's list: an array with __structuredAttrs or if a phase has appended to it, otherwise words in one string.
# The result is in `fixelfList`. No word is expanded as a pattern of file names.
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
  local each recursion=() fixelfList=() ignored=() runtime=() appended=() flags=() extra=()
  while (($# > 0)); do
    case $1 in
      --) shift && break ;;
      --no-recurse) recursion=("$1") && shift ;;
      --*) echo "autoPatchelf: there is no option $1" >&2 && return 1 ;;
      *) break ;;
    esac
  done

  _fixelfReadList autoPatchelfIgnoreMissingDeps
  ignored=("${fixelfList[@]}")
  for each in "${ignored[@]}"; do
    [[ $each == 1 ]] || continue
    echo "autoPatchelf: WARNING: autoPatchelfIgnoreMissingDeps = true is deprecated, and will be an" \
      'error one day; write autoPatchelfIgnoreMissingDeps = [ "*" ]' >&2
    ignored=('*')
    break
  done
  _fixelfReadList runtimeDependencies
  runtime=("${fixelfList[@]/%//lib}")
  _fixelfReadList appendRunpaths
  appended=("${fixelfList[@]}")
  _fixelfReadList autoPatchelfFlags
  flags=("${fixelfList[@]}")
  _fixelfReadList patchelfFlags
  extra=("${fixelfList[@]}")

  # If an option is given twice the last one counts, so a derivation's own come last; but
  # --extra-args takes everything that follows.
  @fixelf@ auto-patchelf "${recursion[@]}" \
    --ignore-missing "${ignored[@]}" \
    --paths "$@" \
    --libs "${autoPatchelfLibs[@]}" "${extraAutoPatchelfLibs[@]}" \
    --runtime-dependencies "${runtime[@]}" \
    --append-rpaths "${appended[@]}" \
    "${flags[@]}" \
    --extra-args "${extra[@]}"
}

autoPatchelfPostFixup() {
  [[ -z ${dontAutoPatchelf-} ]] || return 0
  # getAllOutputNames reads `outputs`, and the names that it returns are those of variables: none of
  # them may be shadowed here.
  local -a fixelfPaths=()
  local fixelfOutput
  for fixelfOutput in $(getAllOutputNames); do
    # What separateDebugInfo has split off belongs to the files as they are, and to no program.
    if [[ $fixelfOutput != debug && -e ${!fixelfOutput} ]]; then
      fixelfPaths+=("${!fixelfOutput}")
    fi
  done
  autoPatchelf -- "${fixelfPaths[@]}"
}
# Not a fixupOutputHook: patchelf's own, which shrinks search paths, has to run first. Other hooks look for this one by
# its name, to run after it.
postFixupHooks+=(autoPatchelfPostFixup)
