// What is learnt from Nix and from binary caches before anything is fetched.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lookInCaches } from "../lib/get/binary_cache.js";
import { parseEffort } from "../lib/get/get.js";
import { buildCommand, nixpkgsFor, ownSystem } from "../lib/get/nixpkgs.js";
import { packageOfProgram } from "../lib/store/nixpkgs/program_packages.js";
import {
  definedByNone,
  libraryOfVersion,
  sinceRelease,
} from "../lib/store/nixpkgs/symbol_versions.js";
import { needs } from "./support/needs.js";
import { scratchDirectory } from "./support/scratch.js";

describe("what Nix announces to do", () => {
  it("is counted by what is fetched and what is built", () => {
    const text = `warning: unable to download 'https://cache.example/nix-cache-info'
these 2 derivations will be built:
  /nix/store/a-one.drv
  /nix/store/b-two.drv
these 3 paths will be fetched (0.54 MiB download, 2.08 MiB unpacked):
  /nix/store/c-three
  /nix/store/d-four
  /nix/store/e-five
`;
    expect(parseEffort(text)).toEqual({ built: 2, fetched: 3, download: 0.54, unpacked: 2.08 });
  });
  it("is also counted if it is one of each", () => {
    const text = `this derivation will be built:
  /nix/store/a-one.drv
this path will be fetched (0.10 MiB download, 0.51 MiB unpacked):
  /nix/store/c-three
`;
    expect(parseEffort(text)).toEqual({ built: 1, fetched: 1, download: 0.1, unpacked: 0.51 });
  });
  it("is nothing if everything is present", () => {
    expect(parseEffort("")).toEqual({ built: 0, fetched: 0, download: 0, unpacked: 0 });
  });
});

describe("the choice of nixpkgs", () => {
  const on = { flakes: true, hasCaret: true };
  const off = { flakes: false, hasCaret: true };

  it.each([
    [undefined, null, on, "nix", "nixpkgs#zlib^out"],
    [undefined, "24.11", on, "nix", "nixpkgs/nixos-24.11#zlib^out"],
    [undefined, null, { ...on, hasCaret: false }, "nix", "nixpkgs#zlib.out"],
    ["nixpkgs/nixos-24.11", null, off, "nix", "nixpkgs/nixos-24.11#zlib^out"],
    [undefined, null, off, "nix-build", "<nixpkgs> -A zlib.out"],
    [undefined, "24.11", off, "nix-build", "channel:nixos-24.11 -A zlib.out"],
    ["<nixpkgs>", "24.11", on, "nix-build", "<nixpkgs> -A zlib.out"],
  ] as const)("%s, removed after %s, with %j: %s", (given, until, features, tool, words) => {
    const nixpkgs = nixpkgsFor(given, until, features);
    const [first, ...rest] = buildCommand(nixpkgs, ownSystem(), [
      { attribute: "zlib", output: "out" },
    ]);
    expect(first).toBe(tool);
    expect(rest.join(" ")).toContain(words);
  });
});

describe("a binary cache's listing", () => {
  const cache = scratchDirectory();
  const address = pathToFileURL(cache).href;
  const storePath = `/nix/store/${"a".repeat(32)}-one-1.0`;
  const look = (soname: string) =>
    lookInCaches(storePath, soname, { addresses: [address], authorities: [] }, {});
  const write = (text: string) => writeFileSync(join(cache, `${"a".repeat(32)}.ls`), text);

  it("may not exist, and then nothing is known", async () => {
    mkdirSync(cache, { recursive: true });
    expect(await look("libone.so.1")).toBeNull();
  });
  it("tells whether it has a library, wherever below lib", async () => {
    const file = { type: "regular", size: 1 };
    const entries = {
      "libone.so.1": { type: "symlink", target: "libone.so.1.2" },
      deeper: { type: "directory", entries: { "libtwo.so": file } },
      "libdirectory.so": { type: "directory", entries: {} },
    };
    const root = { type: "directory", entries: { lib: { type: "directory", entries } } };
    write(JSON.stringify({ version: 1, root }));
    writeFileSync(join(cache, `${"a".repeat(32)}.narinfo`), "StorePath: x\nFileSize: 4096\n");
    expect(await look("libone.so.1")).toEqual({
      ...{ cache: address, soname: "libone.so.1", file: "lib/libone.so.1" },
      ...{ linkTo: "libone.so.1.2", size: 4096 },
    });
    expect(await look("libtwo.so")).toMatchObject({ file: "lib/deeper/libtwo.so", linkTo: null });
    for (const absent of ["libno.so", "libdirectory.so", "__proto__", "toString"])
      expect(await look(absent)).toMatchObject({ file: null });
  });
  it("tells nothing if it is damaged", async () => {
    for (const text of ["", "{", "null", "[]", '{"root":3}']) {
      write(text);
      expect((await look("libone.so.1"))?.file ?? null, text).toBeNull();
    }
  });
});

describe("a binary cache behind TLS", needs("openssl"), () => {
  const directory = scratchDirectory();
  const file = (name: string) => join(directory, name);
  const hash = "b".repeat(32);
  const storePath = `/nix/store/${hash}-one-1.0`;
  const entries = { "libone.so.1": { type: "regular", size: 1 } };
  const root = { type: "directory", entries: { lib: { type: "directory", entries } } };
  const listing = Buffer.from(JSON.stringify({ version: 1, root }));
  let server: Server;
  let address: string;
  let authority: string;

  beforeAll(async () => {
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const files = ["-keyout", file("key.pem"), "-out", file("certificate.pem")];
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...subject, ...files],
      {
        stdio: "ignore",
      },
    );
    authority = readFileSync(file("certificate.pem"), "utf8");
    const identity = { key: readFileSync(file("key.pem")), cert: authority };
    server = createServer(identity, ({ url }, answer) => {
      switch (url) {
        case `/plain/${hash}.ls`:
          return answer.end(listing);
        case `/br/${hash}.ls`:
          return answer.setHeader("content-encoding", "br").end(brotliCompressSync(listing));
        case `/gzip/${hash}.ls`:
          return answer.setHeader("content-encoding", "gzip").end(gzipSync(listing));
        case `/moved/${hash}.ls`:
          return answer.writeHead(302, { location: `/br/${hash}.ls` }).end();
        case `/round/${hash}.ls`:
          return answer.writeHead(302, { location: `/round/${hash}.ls` }).end();
        case `/bomb/${hash}.ls`:
          return answer
            .setHeader("content-encoding", "gzip")
            .end(gzipSync(Buffer.alloc(64 << 20, " ")));
      }
      return answer.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
    address = `https://localhost:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server?.close());

  const look = (place: string, authorities: string[]) =>
    lookInCaches(storePath, "libone.so.1", { addresses: [`${address}/${place}`], authorities }, {});

  it.each(["plain", "br", "gzip", "moved"])("is read if Nix trusts it (%s)", async (place) => {
    expect(await look(place, [authority])).toMatchObject({ file: "lib/libone.so.1" });
  });
  it.each(["round", "bomb", "nowhere"])(
    "is not read through a redirect that leads nowhere (%s)",
    async (place) => {
      expect(await look(place, [authority])).toBeNull();
    },
  );
  it("is not read if it is not trusted", async () => {
    expect(await look("plain", [])).toBeNull();
  });
});

describe("what is known about versions and programs", () => {
  it.each([
    ["GLIBCXX_3.4.32", "libstdc++.so.6", "gcc 13.2 or newer"],
    ["GLIBCXX_3.4.35", "libstdc++.so.6", "gcc 16.1 or newer"],
    ["GLIBCXX_3.4.99", "libstdc++.so.6", null],
    ["CXXABI_1.3.17", "libstdc++.so.6", "gcc 16.1 or newer"],
    ["CXXABI_1.3.9", "libstdc++.so.6", "gcc 5.1 or newer"],
    ["GLIBC_2.38", "libc.so.6", "glibc 2.38 or newer"],
    ["OPENSSL_3.2.0", "libssl.so.3", "openssl 3.2.0 or newer"],
    ["OPENSSL_1_1_1", "libssl.so.1.1", "openssl 1.1.1 or newer"],
    ["GOMP_5.0", "libgomp.so.1", null],
    ["FOO_1.0", null, null],
  ])("%s belongs to %s: %s", (version, soname, since) => {
    expect(libraryOfVersion(version)).toBe(soname);
    expect(sinceRelease(version)).toBe(since);
  });
  it.each([
    ["GLIBCXX_3.4.99", "no known gcc defines it (16.1 is the newest)"],
    ["CXXABI_1.3.99", "no known gcc defines it (16.1 is the newest)"],
    ["GCC_99.0.0", "no known gcc defines it (16.1 is the newest)"],
    ["GLIBC_2.99", "no known glibc defines it (2.44 is the newest)"],
    ["GLIBCXX_3.4.35", null],
    ["GLIBC_2.44", null],
    ["GLIBC_PRIVATE", null],
    ["FOO_1.0", null],
  ])("%s: %s", (version, said) => {
    expect(definedByNone(version)).toBe(said);
  });
  it.each([
    ["bash", "nixpkgs#bash"],
    ["sh", "nixpkgs#bash"],
    ["python3", "nixpkgs#python3"],
    ["python3.11", "nixpkgs#python311"],
    ["python3.99", "nixpkgs#python399"],
    ["python3.10", "nixpkgs/nixos-25.11#python310"],
    ["python2", "nixpkgs/nixos-25.11#python27"],
    ["python2.7", "nixpkgs/nixos-25.11#python27"],
    ["lua5.4", "nixpkgs#lua5_4"],
    ["Rscript", "nixpkgs#R"],
    ["constructor", null],
    ["never-heard-of", null],
  ])("%s is in %s", (name, found) => {
    expect(packageOfProgram(name)).toBe(found);
  });
});
