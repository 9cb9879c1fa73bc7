import { defineRule, library, program } from "../../define.js";

// $ORIGIN, $LIB and $PLATFORM (dynamic string tokens).
export default defineRule("tokens", {
  "$ORIGIN of the program": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "$ORIGIN/../lib1" }),
    "/lib1/liba.so": library(),
  },
  "$ORIGIN of a library": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "$ORIGIN/../lib1" }),
    "/lib1/liba.so": library({ needed: ["libb.so"], runpath: "$ORIGIN/deep" }),
    "/lib1/deep/libb.so": library(),
  },
  "$ORIGIN of a library by a link is where the link is": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "$ORIGIN/../links" }),
    "/links/liba.so": { link: "../lib1/liba.so" },
    "/lib1/liba.so": library({ needed: ["libb.so"], runpath: "$ORIGIN" }),
    "/lib1/libb.so": library(),
  },
  "$ORIGIN of a program by a link is where the program is": {
    "/bin/program": { link: "../real/program" },
    "/real/program": program({ needed: ["liba.so"], runpath: "$ORIGIN" }),
    "/real/liba.so": library(),
    "/bin/liba.so": library(),
    // On the others, the loader is asked through its command line, and then knows only the path.
    machines: ["x86-64"],
  },
  "${ORIGIN} in braces": {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the loader's
    "/bin/program": program({ needed: ["liba.so"], runpath: "${ORIGIN}/../lib1" }),
    "/lib1/liba.so": library(),
  },
  "$ORIGIN alone": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "$ORIGIN" }),
    "/bin/liba.so": library(),
  },
  "$ORIGINAL is not a token": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "$ORIGINAL:@/lib1" }),
    "/lib1/liba.so": library(),
    machines: ["x86-64", "i386", "aarch64", "s390x"],
  },
  "${ORIGIN without its end is not a token": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "${ORIGIN/x:@/lib1" }),
    "/lib1/liba.so": library(),
    machines: ["x86-64", "i386", "aarch64", "s390x"],
  },
  "a bare $": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/$:@/$x:@/lib$" }),
    "/lib$/liba.so": library(),
  },
  "$ORIGIN in the middle": {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/pre$ORIGIN:@/lib1" }),
    "/lib1/liba.so": library(),
  },
  $LIB: {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/x/$LIB" }),
    "/x/lib/liba.so": library(),
    "/x/lib64/liba.so": library(),
    "/x/lib/x86_64-linux-gnu/liba.so": library(),
    "/x/lib/i386-linux-gnu/liba.so": library(),
    "/x/lib/aarch64-linux-gnu/liba.so": library(),
    "/x/lib/s390x-linux-gnu/liba.so": library(),
  },
  $PLATFORM: {
    "/bin/program": program({ needed: ["liba.so"], runpath: "@/x/$PLATFORM" }),
    "/x/x86_64/liba.so": library(),
    "/x/haswell/liba.so": library(),
    "/x/i686/liba.so": library(),
    "/x/aarch64/liba.so": library(),
  },
  "$ORIGIN in a needed name": {
    "/bin/program": program({ needed: ["$ORIGIN/../lib1/liba.so"] }),
    "/lib1/liba.so": library(),
    machines: ["x86-64", "i386", "aarch64", "s390x"],
  },
  "the same needed name from two places": {
    "/bin/program": program({ needed: ["liba.so", "libb.so"], rpath: "@/lib1:@/lib2" }),
    "/lib1/liba.so": library({ needed: ["$ORIGIN/deep/libx.so"] }),
    "/lib2/libb.so": library({ needed: ["$ORIGIN/deep/libx.so"] }),
    "/lib1/deep/libx.so": library(),
    "/lib2/deep/libx.so": library(),
    machines: ["x86-64", "i386", "aarch64", "s390x"],
  },
  "in a needed name without a slash": {
    "/bin/program": program({ needed: ["lib$PLATFORM.so"], rpath: "@/lib1" }),
    "/lib1/libi686.so": library(),
    "/lib1/libx86_64.so": library(),
    "/lib1/libhaswell.so": library(),
    "/lib1/libaarch64.so": library(),
    machines: ["x86-64", "i386", "aarch64"],
  },
});
