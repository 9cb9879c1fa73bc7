# Installs fixelf into $out: from $package, a directory as npm unpacks it, with its node_modules,
# for the Node at $node. Run by sh, with coreutils on the PATH, from package.nix and from-npm.nix.
set -eu

lib=$out/lib/node_modules/fixelf
mkdir -p "$lib" "$out/bin" "$out/libexec" "$out/share"
cp -R "$package/." "$lib"
chmod -R u+w "$lib"

# Nix's tools come from wherever the caller has them: they have to fit the caller's Nix.
printf '#!%s\nexec %s %s/dist/cli/main.cjs "$@"\n' "$shell" "$node" "$lib" >"$out/bin/fixelf"
chmod +x "$out/bin/fixelf"

# The stand-in loader, for this machine and, where there is one, for its 32-bit programs.
case $system in
  x86_64-linux) narrow=i686-linux ;;
  aarch64-linux) narrow=armv7l-linux ;;
  *) narrow= ;;
esac
if [ -e "$lib/prebuilds/fixelf-ld/$system/fixelf-ld" ]; then
  ln -s "$lib/prebuilds/fixelf-ld/$system/fixelf-ld" "$out/libexec/fixelf-ld"
fi
if [ -n "$narrow" ] && [ -e "$lib/prebuilds/fixelf-ld/$narrow/fixelf-ld" ]; then
  ln -s "$lib/prebuilds/fixelf-ld/$narrow/fixelf-ld" "$out/libexec/fixelf-ld-32"
fi

ln -s "$lib/share/systemd" "$out/share/systemd"
