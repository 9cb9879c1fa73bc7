// Which package of nixpkgs has a library: the table, its form, and the advice that is taken from
// it.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { thisMachine } from "../lib/file/machine.js";
import { shText } from "../lib/report/environment/shell.js";
import type { Locate } from "../lib/store/nixpkgs/nix_index.js";
import {
  adviceFor,
  adviceForNewer,
  installable,
  packageOfSoname,
} from "../lib/store/nixpkgs/packages.js";
import { packagesFor } from "../lib/store/nixpkgs/rank.js";
import { rowsFrom } from "../lib/store/nixpkgs/table.js";
import { scratchDirectory } from "./support/scratch.js";

/** What nixpkgs' own files say, by file: each line has an attribute, and sonames of its package. */
const known = {
  // It names the sonames itself.
  "pkgs/development/interpreters/python/manylinux/default.nix": `
    stdenv.cc.cc libstdc++.so.6
    glibc libm.so.6 libdl.so.2 librt.so.1 libc.so.6 libnsl.so.1 libutil.so.1 libpthread.so.0 libresolv.so.2
    libx11 libX11.so.6
    libxext libXext.so.6
    libxrender libXrender.so.1
    libice libICE.so.6
    libsm libSM.so.6
    libGL libGL.so.1
    glib libgobject-2.0.so.0 libgthread-2.0.so.0 libglib-2.0.so.0
    zlib libz.so.1
    expat libexpat.so.1
    ncurses5 libpanelw.so.5 libncursesw.so.5`,
  // The attributes of today, with the sonames of these libraries.
  "pkgs/build-support/appimage/default.nix": `
    gtk3 libgtk-3.so.0 libgdk-3.so.0
    krb5 libkrb5.so.3 libgssapi_krb5.so.2
    libsecret libsecret-1.so.0
    libxcomposite libXcomposite.so.1
    libxtst libXtst.so.6
    libxrandr libXrandr.so.2
    libxfixes libXfixes.so.3
    gst_all_1.gstreamer libgstreamer-1.0.so.0
    gst_all_1.gst-plugins-base libgstvideo-1.0.so.0
    libdrm libdrm.so.2
    libpciaccess libpciaccess.so.0
    bzip2 libbz2.so.1
    gdk-pixbuf libgdk_pixbuf-2.0.so.0
    libxinerama libXinerama.so.1
    libxdamage libXdamage.so.1
    libxcursor libXcursor.so.1
    libxscrnsaver libXss.so.1
    libxxf86vm libXxf86vm.so.1
    libxi libXi.so.6
    freetype libfreetype.so.6
    curlWithGnuTls libcurl-gnutls.so.4
    nspr libnspr4.so libplc4.so libplds4.so
    nss libnss3.so libnssutil3.so libsmime3.so
    fontconfig libfontconfig.so.1
    cairo libcairo.so.2
    pango libpango-1.0.so.0
    dbus libdbus-1.so.3
    cups libcups.so.2
    libcap libcap.so.2
    SDL2 libSDL2-2.0.so.0
    libusb1 libusb-1.0.so.0
    atk libatk-1.0.so.0
    at-spi2-atk libatk-bridge-2.0.so.0
    libudev0-shim libudev.so.0
    libxt libXt.so.6
    libxmu libXmu.so.6
    libxcb libxcb.so.1 libxcb-glx.so.0
    libxcb-wm libxcb-icccm.so.4
    libxcb-image libxcb-image.so.0
    libxcb-keysyms libxcb-keysyms.so.1
    libGLU libGLU.so.1
    libuuid libuuid.so.1
    libogg libogg.so.0
    libvorbis libvorbis.so.0
    glew_1_10 libGLEW.so.1.10
    openssl libssl.so.3 libcrypto.so.3
    libidn libidn.so.12
    onetbb libtbb.so.12
    wayland libwayland-client.so.0
    libgbm libgbm.so.1
    libxkbcommon libxkbcommon.so.0
    vulkan-loader libvulkan.so.1
    libpng12 libpng12.so.0
    libpulseaudio libpulse.so.0
    libsamplerate libsamplerate.so.0
    libtheora libtheora.so.0
    pixman libpixman-1.so.0
    libcanberra libcanberra.so.0
    libgcrypt libgcrypt.so.20
    librsvg librsvg-2.so.2
    libxft libXft.so.2
    libvdpau libvdpau.so.1
    alsa-lib libasound.so.2
    harfbuzz libharfbuzz.so.0
    e2fsprogs libcom_err.so.2
    libgpg-error libgpg-error.so.0
    keyutils libkeyutils.so.1
    libjack2 libjack.so.0
    fribidi libfribidi.so.0
    p11-kit libp11-kit.so.0
    gmp libgmp.so.10
    libtool libltdl.so.7
    at-spi2-core libatspi.so.0
    pciutils libpci.so.3
    brotli libbrotlidec.so.1`,
  // Each has a directory of its own there.
  "pkgs/by-name": `
    libsodium libsodium.so.26
    cyrus_sasl libsasl2.so.3
    libedit libedit.so.0
    openexr libOpenEXR-3_4.so.33 libIex-3_4.so.33
    imath libImath-3_2.so.30
    xercesc libxerces-c-3.3.so
    intel-media-sdk libmfx.so.1
    libnice libnice.so.10
    poco libPocoFoundation.so
    ghostscript libgs.so.10
    enet libenet.so.7
    freetds libsybdb.so.5
    libavif libavif.so.16
    libiodbc libiodbc.so.2
    libutempter libutempter.so.0
    svt-av1 libSvtAv1Enc.so
    zvbi libzvbi.so.0
    aalib libaa.so.1
    colord libcolord.so.2
    gtk-vnc libgtk-vnc-2.0.so.0
    opusfile libopusfile.so.0
    graphene libgraphene-1.0.so.0
    gcr libgcr-3.so.1 libgck-1.so.0
    gcr_4 libgcr-4.so.4
    apr libapr-1.so.0
    aprutil libaprutil-1.so.0
    libvncserver libvncclient.so.1
    net-snmp libsnmp.so.40
    libstartup_notification libstartup-notification-1.so.0
    upower libupower-glib.so.3
    spice-gtk libspice-client-gtk-3.0.so.5
    libwebp libsharpyuv.so.0
    ibus libibus-1.0.so.5
    suitesparse libcholmod.so.3 libumfpack.so.5 libsuitesparseconfig.so.5
    arpack libarpack.so.2
    c-blosc libblosc.so.1
    cfitsio libcfitsio.so.10
    qhull libqhull_r.so.8.0
    libaec libaec.so.0 libsz.so.2
    flann libflann_cpp.so.1.9
    SDL_net libSDL_net-1.2.so.0
    ode libode.so.8
    libxmp libxmp.so.4
    sfml_2 libsfml-graphics.so.2.6 libsfml-audio.so.2.6
    openscenegraph libosgViewer.so.161 libOpenThreads.so.21
    coin3d libCoin.so.80
    embree libembree4.so.4
    vkd3d libvkd3d.so.1
    nvidia_cg_toolkit libCg.so libCgGL.so
    gutenprint libgutenprint.so.9
    libcupsfilters libcupsfilters.so.2
    libppd libppd.so.2
    libpaper libpaper.so.2
    libieee1284 libieee1284.so.3
    jbig2dec libjbig2dec.so.0
    leptonica libleptonica.so.6
    libgsf libgsf-1.so.114
    gnome-desktop libgnome-desktop-3.so.20
    libgee libgee-0.8.so.2
    gexiv2 libgexiv2.so.2
    gd libgd.so.3
    gegl libgegl-0.4.so.0
    babl libbabl-0.1.so.0
    potrace libpotrace.so.0
    libwmf libwmf-0.2.so.7
    libmng libmng.so.2
    clutter libclutter-1.0.so.0
    clutter-gtk libclutter-gtk-1.0.so.0
    cogl libcogl.so.20
    libunity libunity.so.9
    libayatana-indicator libayatana-indicator3.so.7
    ayatana-ido libayatana-ido3-0.4.so.0
    srtp libsrtp2.so.1
    usrsctp libusrsctp.so.2
    a52dec liba52.so.0
    libmpeg2 libmpeg2.so.0
    libmpcdec libmpcdec.so.6
    libaacs libaacs.so.0
    libmysofa libmysofa.so.1
    sbc libsbc.so.1
    libshout libshout.so.3
    portmidi libportmidi.so.2
    mpv-unwrapped libmpv.so.2
    xine-lib libxine.so.2
    libmediainfo libmediainfo.so.0
    libp11 libp11.so.3
    pkcs11helper libpkcs11-helper.so.1
    trousers libtspi.so.1
    udisks libudisks2.so.0
    accountsservice libaccountsservice.so.0
    flatpak libflatpak.so.0
    usbredir libusbredirparser.so.1
    jq libjq.so.1
    geoip libGeoIP.so.1
    audiofile libaudiofile.so.1
    libxaw3d libXaw3d.so.8`,
  "pkgs/top-level/qt5-packages.nix": `
    libsForQt5.qscintilla libqscintilla2_qt5.so.15
    libsForQt5.polkit-qt libpolkit-qt5-core-1.so.1
    libsForQt5.poppler libpoppler-qt5.so.1`,
  "pkgs/top-level/qt6-packages.nix": `
    qt6Packages.qtkeychain libqt6keychain.so.1
    qt6Packages.poppler libpoppler-qt6.so.3`,
  "pkgs/top-level/all-packages.nix": `
    acl libacl.so.1
    attr libattr.so.1
    libxcrypt-legacy libcrypt.so.1
    libxcrypt libcrypt.so.2
    libxml2_13 libxml2.so.2
    libffi_3_3 libffi.so.7
    libjpeg libjpeg.so.62
    libjpeg8 libjpeg.so.8
    icu60 libicuuc.so.60
    icu66 libicui18n.so.66
    icu74 libicudata.so.74
    ffmpeg_4 libavcodec.so.58
    ffmpeg_6 libavcodec.so.60
    ffmpeg_7 libavcodec.so.61
    gtk2 libgtk-x11-2.0.so.0
    gtk4 libgtk-4.so.1
    gtkmm3 libgtkmm-3.0.so.1
    gtksourceview4 libgtksourceview-4.so.0
    libva1 libva.so.1
    libva libva.so.2
    libusb-compat-0_1 libusb-0.1.so.4
    ncurses5 libtinfo.so.5
    readline70 libreadline.so.7
    readline libreadline.so.8
    db48 libdb-4.8.so
    db53 libdb-5.3.so
    fmt_9 libfmt.so.9
    libsoup_3 libsoup-3.0.so.0
    webkitgtk_4_1 libwebkit2gtk-4.1.so.0
    pcre2 libpcre2-8.so.0
    sqlite libsqlite3.so.0
    graphite2 libgraphite2.so.3
    fftwFloat libfftw3f.so.3`,
  "pkgs/top-level/aliases.nix": `
    libxp libXp.so.6
    fltk_1_3 libfltk.so.1.3
    fltk_1_4 libfltk.so.1.4
    ruby_4_0 libruby.so.4.0
    mysql80 libmysqlclient.so.21
    icu69 libicuuc.so.69
    python27 libpython2.7.so.1.0
    libsoup_2_4 libsoup-2.4.so.1
    unixodbc libodbc.so.2
    wxwidgets_3_2 libwx_gtk3u_core-3.2.so.0
    xxhash libxxhash.so.0
    libsForQt5.qtwebengine libQt5WebEngineCore.so.5`,
};
/**
 * What pkgs/top-level/aliases.nix lists as removed, or listed in April 2026, with the last release of NixOS that has
 * it.
 */
const removed = {
  "libIL.so.1": "25.05",
  "libfreeimage.so.3": "25.05",
  "libLLVM-12.so": "25.05",
  "libLLVM-15.so": "25.05",
  "libLLVM-17.so": "25.05",
  "libclang-cpp.so.16": "25.05",
  "libtbb.so.2": "25.05",
  "libasan.so.5": "25.05",
  "libasan.so.6": "25.05",
  "libtsan.so.0": "25.05",
  "libMagickCore-6.Q16.so.7": "25.11",
  "libgfortran.so.3": "24.05",
  "libcudnn.so.8": "24.11",
  "libwx_baseu-3.0.so.0": "22.11",
  "libmysqlclient.so.20": "23.05",
  "libmysqlclient.so.21": "25.11",
  "libicuuc.so.69": "25.11",
  "libpython2.7.so.1.0": "25.11",
  "libva.so.1": "25.11",
  "libQt5WebEngineCore.so.5": "25.11",
  "libsoup-2.4.so.1": "26.05",
  "libavcodec.so.59": "24.05",
  "libcudart.so.11.0": "25.05",
  "libgfortran.so.4": "24.05",
  "libreadline.so.6": "23.11",
  // By pkgs/top-level/qt5-packages.nix of May 2026, and the pull requests that the table names.
  "libKF5CoreAddons.so.5": "25.11",
  "libKF5KIOCore.so.5": "25.11",
  "libQt5WebKit.so.5": "25.11",
  "libpython3.10.so.1.0": "25.11",
  "libssl.so.1.1": "26.05",
  "libcrypto.so.1.1": "26.05",
  "libcrypto.so.1.0.0": "21.11",
  "libQtGui.so.4": "23.05",
  "libgtkmm-2.4.so.1": "26.05",
  "libcanberra-gtk.so.0": "26.05",
  "libdbusmenu-gtk.so.4": "26.05",
};
/**
 * What its package has instead in current nixpkgs: by the package's version there, and the soname of that release. Some
 * are Debian's own sonames of a library.
 */
const changed = {
  "libsodium.so.23": "libsodium libsodium.so.26",
  "libsasl2.so.2": "cyrus_sasl libsasl2.so.3",
  "libedit.so.2": "libedit libedit.so.0",
  "libpcre.so.3": "pcre libpcre.so.1",
  "libpcap.so.0.8": "libpcap libpcap.so.1",
  "libOpenEXR-3_1.so.30": "openexr libOpenEXR-3_4.so.33",
  "libImath-3_1.so.29": "imath libImath-3_2.so.30",
  "libxerces-c-3.2.so": "xercesc libxerces-c-3.3.so",
  "libevent-2.0.so.5": "libevent libevent-2.1.so.7",
  "libpng15.so.15": "libpng libpng16.so.16",
  "libvte-2.90.so.9": "vte libvte-2.91.so.0",
  "libenchant.so.1": "enchant libenchant-2.so.2",
  "libopenjpeg.so.1": "openjpeg libopenjp2.so.7",
  "libgs.so.9": "ghostscript libgs.so.10",
  "libicuuc.so.50": "icu78 libicuuc.so.78",
  "libssl.so.10": "openssl libssl.so.3",
  "libaio.so.1t64": "libaio libaio.so.1",
  "libzmq.so.3": "zeromq libzmq.so.5",
  "libodbc.so.1": "unixodbc libodbc.so.2",
  "libjpeg.so.9": "libjpeg libjpeg.so.62",
  "liblept.so.5": "leptonica libleptonica.so.6",
  "libmpv.so.1": "mpv-unwrapped libmpv.so.2",
  "libpaper.so.1": "libpaper libpaper.so.2",
  "libprotobuf.so.23": "protobuf_21 libprotobuf.so.32",
};
/** What replaced those that were removed. */
const replaced = {
  "libappindicator.so.1": "nixpkgs#libappindicator-gtk3 has libappindicator3.so.1 instead",
  "libsoup-2.4.so.1": "nixpkgs#libsoup_3 has libsoup-3.0.so.0 instead",
  "libwebkit2gtk-4.0.so.37": "nixpkgs#webkitgtk_4_1 has libwebkit2gtk-4.1.so.0 instead",
  "libQt5WebEngineCore.so.5": "nixpkgs#qt6.qtwebengine has libQt6WebEngineCore.so.6 instead",
  "libtbb.so.2": "nixpkgs#onetbb has libtbb.so.12 instead",
  "libmysqlclient.so.20": "nixpkgs#mysql84 has libmysqlclient.so.24 instead",
};
const answers = Object.entries(known).flatMap(([file, lines]) =>
  lines
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [attribute = "", ...sonames] = line.trim().split(" ");
      return sonames.map((soname) => ({ file, soname, attribute }));
    }),
);
const nobody = async () => null;
/** A database that has one library, in packages with these attributes. */
const located =
  (wanted: string, ...attributes: string[]): Locate =>
  async (soname) => {
    const packages = attributes.map((attribute) => {
      const name = `${attribute.split(".").at(-1)}-1.0`;
      return { attribute, output: "out", name, system: "x86_64-linux", isOwn: true };
    });
    return soname === wanted ? { packages, date: "2026-01-02" } : null;
  };

describe("a library that nixpkgs has", () => {
  it("is known by its soname", () => {
    expect(answers.length).toBeGreaterThanOrEqual(150);
  });
  it.each(answers)("$soname is in $attribute ($file)", async ({ soname, attribute }) => {
    const [first] = await packagesFor(soname, nobody);
    expect(first).toMatchObject({ attribute, soname });
  });

  it.each(Object.entries(removed))("%s was in nixpkgs until %s", async (soname, until) => {
    const [first] = await packagesFor(soname, nobody);
    expect(first).toMatchObject({ soname, until });
    expect(adviceFor(soname, first === undefined ? [] : [first])).toContain(
      `nixpkgs/nixos-${until}#`,
    );
  });
  it.each(Object.entries(changed))("%s has another soname now: %s", async (soname, now) => {
    const [first] = await packagesFor(soname, nobody);
    expect(`${first?.attribute} ${first?.soname}`).toBe(now);
    expect(packageOfSoname(soname)).toBeNull();
  });
  it.each(Object.entries(replaced))("%s was replaced: %s", async (soname, now) => {
    const said = adviceFor(soname, await packagesFor(soname, nobody));
    expect(said).toContain(", which nixpkgs removed after that release ");
    expect(said?.endsWith(`; ${now}`)).toBe(true);
  });
  it("is given with its source, its date and reasons", async () => {
    expect(await packagesFor("libX11.so.6", nobody)).toEqual([
      {
        attribute: "libx11",
        formerly: "xorg.libX11",
        output: null,
        until: null,
        refusal: null,
        soname: "libX11.so.6",
        source: "nixpkgs, pkgs/development/interpreters/python/manylinux/default.nix",
        date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
        reasons: ["has libX11.so.6", "was renamed from xorg.libX11"],
      },
    ]);
  });
  it("comes first even if a database has others, which follow", async () => {
    const locate = located("libz.so.1", "zlib-ng-compat", "zlib", "pkgsStatic.zlib");
    const found = await packagesFor("libz.so.1", locate);
    expect(found.map(({ attribute }) => attribute)).toEqual([
      "zlib",
      "zlib-ng-compat",
      "pkgsStatic.zlib",
    ]);
    expect(found[0]?.reasons).toContain("nix-index's database of 2026-01-02 has it there");
    expect(found[1]).toMatchObject({ source: "nix-index's database", date: "2026-01-02" });
  });
  it("is ranked, with reasons, if only a database knows it", async () => {
    const names = ["pkgsStatic.libunheard", "unheardFull", "gst_all_1.unheard", "other", "unheard"];
    const found = await packagesFor("libunheard.so.1", located("libunheard.so.1", ...names));
    expect(found.map(({ attribute }) => attribute)).toEqual([
      "unheard",
      "gst_all_1.unheard",
      "other",
      "unheardFull",
      "pkgsStatic.libunheard",
    ]);
    expect(found[0]?.reasons).toEqual([
      "has libunheard.so.1 in its lib",
      "it is at the top of nixpkgs",
      "it is called like the library",
    ]);
  });
  it("is taken from a package that the program needs anyway, if that has it", async () => {
    const locate = located("libunheard.so.1", "aaa", "pango");
    const needed = ["libunheard.so.1", "libpango-1.0.so.0"];
    const [first] = await packagesFor("libunheard.so.1", locate, { ...thisMachine(), needed });
    expect(first?.attribute).toBe("pango");
    expect(first?.reasons).toContain("the program needs another library of it");
  });
  it("is taken from a package that is new enough for the versions that are needed", async () => {
    const locate = located("libstdc++.so.6", "gcc13", "gcc12", "gcc14");
    const names = ["gcc-13.1.0-lib", "gcc-12.4.0-lib", "gcc-14.2.0-lib"];
    const locateNamed: Locate = async (soname) => {
      const found = await locate(soname);
      const packages = found?.packages.map((each, at) => ({ ...each, name: names[at] ?? "" }));
      return found && { ...found, packages: packages ?? [] };
    };
    const versions = [{ name: "GLIBCXX_3.4.32", weak: false }];
    const versionsNeeded = [{ library: "libstdc++.so.6", versions }];
    const needing = { ...thisMachine(), versionsNeeded };
    const found = await packagesFor("libstdc++.so.6", locateNamed, needing);
    expect(found.map(({ attribute }) => attribute)).toEqual([
      "stdenv.cc.cc",
      "gcc14",
      "gcc13",
      "gcc12",
    ]);
    expect(found[2]?.reasons).toContain("it is older than gcc 13.2, which defines what is needed");
  });
  it("has no package for a machine that Nix has no name for", async () => {
    const x32 = { machine: "x86-64", class: "ELF32", byteOrder: "little-endian" } as const;
    expect(await packagesFor("libz.so.1", located("libz.so.1", "zlib"), x32)).toEqual([]);
    expect(adviceFor("libz.so.1", [], x32)).toBe("nixpkgs has no packages for x86-64 (ELF32)");
    expect(adviceForNewer("libstdc++.so.6", x32)).toBeNull();
  });
  it("is offered in another version as such, after what a database has", async () => {
    const locate = located("libreadline.so.5", "readline52");
    const [first, second] = await packagesFor("libreadline.so.5", locate);
    expect(first).toMatchObject({ attribute: "readline52", soname: "libreadline.so.5" });
    expect(second).toMatchObject({ attribute: "readline", soname: "libreadline.so.8" });
    expect(second?.reasons).toEqual(["has libreadline.so.8, another version of it"]);
    expect(packageOfSoname("libreadline.so.5")).toBeNull();
  });
  it("is offered under its present name if it had another one", async () => {
    expect(await packagesFor("libldap-2.5.so.0", nobody)).toMatchObject([
      { attribute: "openldap", soname: "libldap.so.2" },
    ]);
    expect(packageOfSoname("libldap-2.5.so.0")).toBeNull();
  });
  it("is offered as such if only an older release has it", async () => {
    const [gconf] = await packagesFor("libgconf-2.so.4", nobody);
    expect(gconf).toMatchObject({ attribute: "gnome2.GConf", until: "26.05" });
    expect(gconf?.reasons).toContain("was removed from nixpkgs after 26.05");
    expect(packageOfSoname("libgconf-2.so.4")).toBeNull();
  });
  it("comes after what a database has now if only an older release has it", async () => {
    const [now, before] = await packagesFor(
      "libreadline.so.6",
      located("libreadline.so.6", "other"),
    );
    expect(now).toMatchObject({ attribute: "other", until: null });
    expect(before).toMatchObject({ attribute: "readline63", until: "23.11" });
    // A database from that time.
    const then = await packagesFor("libreadline.so.6", located("libreadline.so.6", "readline63"));
    expect(then).toMatchObject([{ attribute: "readline63", until: null }]);
  });
  it("is not guessed from the beginning of another name", async () => {
    // There are libssl3.so and libgtk-3.so.0, which are different libraries.
    for (const soname of ["libss.so.1", "libgtk.so.1", "lib", "", "libz.so.1\nlibz", "\t"])
      expect(await packagesFor(soname, nobody), JSON.stringify(soname)).toEqual([]);
  });
});

describe("advice about a library that nixpkgs has", () => {
  const said = async (soname: string) => adviceFor(soname, await packagesFor(soname, nobody));

  it("gives a command that gets it", async () => {
    expect(await said("libcrypt.so.1")).toBe(
      "libcrypt.so.1 is in nixpkgs#libxcrypt-legacy (nix build nixpkgs#libxcrypt-legacy)",
    );
  });
  it("names the output if the default one has no libraries", async () => {
    expect(await said("libstdc++.so.6")).toContain("nix build nixpkgs#stdenv.cc.cc.lib");
  });
  it("names the attribute in older releases", async () => {
    expect(await said("libSM.so.6")).toContain("in older releases nixpkgs#xorg.libSM");
  });
  it("mentions that nixpkgs marks it as insecure", async () => {
    expect(await said("libssl.so.1.1")).toContain("NIXPKGS_ALLOW_INSECURE=1");
  });
  it("mentions that nixpkgs marks it as unfree", async () => {
    for (const soname of ["libcudart.so.13", "libCg.so", "libmkl_rt.so.2"])
      expect(await said(soname)).toContain(
        "; nixpkgs marks it as unfree: NIXPKGS_ALLOW_UNFREE=1 and --impure)",
      );
  });
  it("mentions that for a release that had it last, too", async () => {
    expect(await said("libpython2.7.so.1.0")).toBe(
      "libpython2.7.so.1.0 is in nixpkgs/nixos-25.11#python27, which nixpkgs removed after that release (nix build nixpkgs/nixos-25.11#python27; nixpkgs marks it as insecure: NIXPKGS_ALLOW_INSECURE=1 and --impure)",
    );
  });
  it("gives a command for the last release that has a removed one", async () => {
    expect(await said("libpython3.9.so.1.0")).toBe(
      "libpython3.9.so.1.0 is in nixpkgs/nixos-24.11#python39, which nixpkgs removed after that release (nix build nixpkgs/nixos-24.11#python39)",
    );
  });
  it("gives no command for another version", async () => {
    const text = await said("libicuuc.so.99");
    expect(text).toBe("nixpkgs#icu78 has libicuuc.so.78 instead");
  });
  it("suits the program's machine", async () => {
    const machine = { machine: "i386", class: "ELF32", byteOrder: "little-endian" } as const;
    const [zlib] = await packagesFor("libz.so.1", nobody);
    if (zlib === undefined) throw new Error("no package for libz.so.1");
    expect(installable(zlib, "i686-linux")).toBe("nixpkgs#legacyPackages.i686-linux.zlib");
    const missing = [{ soname: "libz.so.1", system: "i686-linux", versions: [], packages: [zlib] }];
    expect(shText([], { missing })).toContain("libz.so.1: nixpkgs#legacyPackages.i686-linux.zlib");
    expect(adviceFor("libz.so.1", [zlib], machine)).toContain("legacyPackages.i686-linux.zlib");
  });
  it("names a newer one for a symbol version that none in the store defines", () => {
    const own = thisMachine();
    expect(adviceForNewer("libstdc++.so.6", own)).toBe(
      "get a newer one (nix build nixpkgs/nixos-unstable#stdenv.cc.cc.lib)",
    );
    expect(adviceForNewer("libunheard.so.1", own)).toBeNull();
  });
  it("is not given if nothing is known", () => {
    expect(adviceFor("libunheard.so.1", [])).toBeNull();
  });
});

describe("the table of nixpkgs' libraries", () => {
  const directory = scratchDirectory();
  const file = join(import.meta.dirname, "../share/nixpkgs-sonames.tsv");
  const text = readFileSync(file, "utf8");

  const check = (content: string) => {
    const copy = join(directory, "table.tsv");
    writeFileSync(copy, content);
    const script = join(import.meta.dirname, "../scripts/check-nixpkgs-sonames.mjs");
    const { status, stdout } = spawnSync(process.execPath, [script, copy], { encoding: "utf8" });
    return { status, said: stdout };
  };

  it("has rows of the right form", () => {
    expect(check(text)).toEqual({ status: 0, said: "" });
  });
  it("is read whole", () => {
    const rows = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(rowsFrom("").map(({ soname }) => soname)).toEqual(
      rows.map((line) => line.split("\t")[0]),
    );
    expect(rowsFrom("").every(({ source }) => source !== "")).toBe(true);
  });
  it.each([
    ["a soname twice", "libz.so.1\tother\t-\t-\t-\tmanylinux\n", "is there twice"],
    ["a wrong order", "liba.so.1\tother\t-\t-\t-\tmanylinux\n", "is not sorted"],
    ["no soname", "libzz\tother\t-\t-\t-\tmanylinux\n", "no soname: libzz"],
    ["no attribute", "libzz.so.1\ta b\t-\t-\t-\tmanylinux\n", "no attribute: a b"],
    ["an unknown source", "libzz.so.1\tother\t-\t-\t-\thearsay\n", "unknown source: hearsay"],
    ["an unknown note", "libzz.so.1\tother\t-\t-\tbad\tmanylinux\n", "no note: bad"],
    ["a missing column", "libzz.so.1\tother\t-\t-\t-\n", "not six columns"],
    ["no end of line", "libzz.so.1\tother\t-\t-\t-\tmanylinux", "the last line has no end"],
  ])("is refused with %s", (_, row, why) => {
    const upToZlib = text.slice(0, text.indexOf("\nlibz.so.1\t"));
    const zlib = "\nlibz.so.1\tzlib\t-\t-\t-\tmanylinux\n";
    const { status, said } = check(`${upToZlib}${zlib}${row}`);
    expect(status).toBe(1);
    expect(said).toContain(why);
  });
});
