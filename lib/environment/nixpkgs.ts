// Which nixpkgs package a store path was built from, by its name.

export interface Package {
  /** As in nixpkgs: "stdenv.cc.cc", "libx11". */
  attribute: string;
  /** The attribute before it was renamed, which older releases have: "xorg.libX11". */
  formerly?: string;
  /** The last release of NixOS whose nixpkgs has it; absent if the present one does. */
  until?: string;
  /** Why nixpkgs builds it only with permission. */
  refusal?: "insecure" | "unfree";
  /**
   * How this is known: by a soname or the store path's name, from nix-index, or guessed because names and attributes
   * are often alike.
   */
  known: "soname" | "name" | "nix-index" | "guessed";
  /** The name of the store path, without the hash; for a library that no store path has, its soname. */
  name: string;
}

/** Store paths whose name differs from their package's; `sameName` finds the others. */
const exceptions: readonly [pattern: RegExp, attribute: string][] = [
  [/^gcc-[\d.]+(-lib(gcc)?)?$/, "stdenv.cc.cc"],
  [/^xgcc-[\d.]+-libgcc$/, "stdenv.cc.cc"],
  [/^util-linux-minimal$/, "util-linuxMinimal"],
  [/^gtk\+-2/, "gtk2"],
  [/^gtk\+3-/, "gtk3"],
  [/^gtk-?4/, "gtk4"],
  [/^gmp-with-cxx/, "gmp"],
  [/^fuse-2/, "fuse"],
  [/^fuse-3/, "fuse3"],
  [/^icu4c-(\d+)/, "icu$1"],
  [/^python3-3\.(\d+)/, "python3$1"],
  [/^libpng-apng/, "libpng"],
  [/^libSM-/, "xorg.libSM"],
  [/^libICE-/, "xorg.libICE"],
  [/^libxcb-/, "xorg.libxcb"],
  [
    /^(libX(?:11|au|aw|composite|cursor|damage|dmcp|ext|fixes|ft|i|inerama|mu|pm|randr|render|ScrnSaver|t|tst|v|xf86vm))-/,
    "xorg.$1",
  ],
  // Their names since they are no longer part of `xorg`.
  [
    /^(lib(?:ice|sm|x(?:11|au|aw|composite|cursor|damage|dmcp|ext|fixes|ft|i|inerama|mu|pm|randr|render|scrnsaver|t|tst|v|xf86vm)))-/,
    "$1",
  ],
  [/^openssl-1\.1/, "openssl_1_1"],
  [/^db-4\.8/, "db4"],
  [/^db-5\./, "db5"],
  [/^systemd-minimal-libs/, "systemdMinimal"],
  [/^webkitgtk-[\d.]+\+abi=4\.1/, "webkitgtk_4_1"],
  [/^SDL2-/, "SDL2"],
  [/^nss-\d/, "nss"],
  [/^libjpeg-turbo/, "libjpeg"],
];

/** Packages whose attribute is the same as their name. */
const sameName = new Set(
  `acl alsa-lib at-spi2-core attr brotli bzip2 cairo cups curl dbus e2fsprogs expat flac fontconfig
  freetype fribidi gdbm gdk-pixbuf glib glibc gmp gnutls graphite2 harfbuzz icu keyutils
  krb5 lcms2 libGL libcap libdrm libev libevent libffi libgcrypt libglvnd libgpg-error libidn2
  libnotify libnsl libogg libpulseaudio libpng libsecret libsodium libssh2 libtasn1 libtiff libtirpc
  libunistring libusb1 libuuid libuv libva libvdpau libvorbis libwebp libxcrypt libxcrypt-legacy
  libxkbcommon libxml2 libxslt libyaml lz4 mesa mpfr musl ncurses nettle nghttp2 nspr openssl
  p11-kit pango pcre pcre2 pipewire pixman postgresql pulseaudio readline snappy speex sqlite
  systemd tcl tk tzdata udev unixODBC util-linux vulkan-loader wayland xz zlib zlib-ng zstd`.split(
    /\s+/,
  ),
);

/** nixpkgs' names for outputs, which follow the version. */
const outputs = /-(lib|out|bin|dev|man|doc|info|debug|static|libgcc|getent)$/;

/** The package for a store path's name, such as "zlib-1.3.1". */
export function packageOf(name: string): Package {
  for (const [pattern, attribute] of exceptions) {
    const match = pattern.exec(name) ?? pattern.exec(pnameOf(name));
    if (match !== null) {
      const filled = attribute.replace("$1", match[1] ?? "");
      return { attribute: filled, known: "name", name };
    }
  }
  const pname = pnameOf(name);
  return { attribute: pname, known: sameName.has(pname) ? "name" : "guessed", name };
}

/** Without version and output: in nixpkgs the version begins at the first digit after a dash. */
function pnameOf(name: string): string {
  return name.replace(outputs, "").replace(/-\d.*$/, "");
}
