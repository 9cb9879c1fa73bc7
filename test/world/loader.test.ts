// The loader's place in the test world's roots holds what it should: all other tests rely on that.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../support/needs.js";
import { type LoaderState, openWorld, type World } from "./world.js";

const place = "/lib64/ld-linux-x86-64.so.2";
/** The system's own nix-ld farm, as far as it has one. */
const farm = "/run/current-system/sw/share/nix-ld/lib";

describe("the loader's place in the test world", needs("test world"), () => {
  const inRootWith = (loader: LoaderState, tests: (root: Root) => void) =>
    describe(`with ${loader}`, () => {
      const root = new Root();
      beforeAll(() => root.open(loader));
      afterAll(() => root.world?.dispose());
      tests(root);
    });

  inRootWith("absent", (root) => {
    it("is empty, and programs are not found", async () => {
      expect((await root.world.run(["ls", "/lib64"])).exitCode).not.toBe(0);
      expect(await root.start()).toMatchObject({
        exitCode: 127,
        stderr: expect.stringMatching(/not found$/),
      });
    });
  });

  inRootWith("stub", (root) => {
    it("has a link to a store path, which prints what NixOS's prints", async () => {
      expect(await root.world.check(["readlink", place])).toBe(root.world.store["stub-ld"]);
      expect(await root.start()).toMatchObject({
        exitCode: 127,
        stdout: "",
        stderr: expect.stringMatching(
          /^Could not start dynamically linked executable: .*\/biome\nNixOS cannot run/,
        ),
      });
    });
    it("ends in the same way when it is run as a loader", async () => {
      const { exitCode, stderr } = await root.world.run([place, "--list", root.program]);
      expect(stderr).toContain(`Could not start dynamically linked executable: ${place}`);
      expect(exitCode).toBe(127);
    });
    it("is kept from collection by the running system", async () => {
      const roots = await root.world.check(["nix-store", "-q", "--roots", stubOf(root.world)]);
      expect(roots).toContain("/nix/var/nix/profiles/system-1-link");
    });
  });

  inRootWith("nix-ld", (root) => {
    it("has a link into a store path", async () => {
      const nixLd = `${root.world.store["nix-ld"]}/libexec/nix-ld`;
      expect(await root.world.check(["readlink", place])).toBe(nixLd);
    });
    it("starts programs through the system's own loader, and children inherit nothing", async () => {
      expect(await root.start()).toMatchObject({ exitCode: 0, stderr: "" });
      const loader = `${root.world.store["glibc-trixie"]}/lib/ld-linux-x86-64.so.2`;
      expect(await root.world.check(["readlink", "-f", `${farm}/ld.so`])).toBe(loader);
      const node = `${await root.world.copyProgram("node")}/bin/node`;
      const script = `console.log(require("node:child_process").execFileSync("env").toString())`;
      expect(await root.world.check([node, "-e", script])).toMatch(/^LD_LIBRARY_PATH=$/m);
    });
    it("uses its variables, and prefers the system's own to the general ones", async () => {
      const environment = { NIX_LD: "/absent", NIX_LD_x86_64_linux: `${farm}/ld.so` };
      expect(await root.start(environment)).toMatchObject({ exitCode: 0 });
      const none = await root.start({ NIX_LD_LIBRARY_PATH: "/absent" });
      expect(none).toMatchObject({
        exitCode: 127,
        stderr: expect.stringContaining("error while loading shared libraries"),
      });
    });
    it("aborts when there is no loader", async () => {
      const { exitCode, stderr } = await root.start({ NIX_LD: "/absent" });
      expect(stderr).toMatch(/^\[nix-ld\] FATAL: /);
      expect(exitCode).toBe(128 + 6);
    });
    it("becomes the loader when it is started by itself", async () => {
      const listed = await root.world.check([place, "--list", root.program]);
      expect(listed).toContain(`libc.so.6 => ${farm}/libc.so.6`);
    });
  });

  inRootWith("fixelf-ld", (root) => {
    it("has a link to this checkout's stand-in", async () => {
      expect(await root.world.check(["readlink", "-f", place])).toMatch(
        /\/prebuilds\/fixelf-ld\/x86_64-linux\/fixelf-ld$/,
      );
    });
    it("takes the loader of another glibc than the system's", async () => {
      const loader = `${root.world.store["glibc-bookworm"]}/lib/ld-linux-x86-64.so.2`;
      expect(await root.world.check(["readlink", "-f", `${farm}/ld.so`])).toBe(loader);
      const version = /-glibc-([\d.]+)/.exec(loader)?.[1];
      expect(await root.world.check([place, "--version"])).toContain(` ${version}.\n`);
    });
    it("does not find the C library for that loader", async () => {
      expect(await root.start()).toMatchObject({
        exitCode: 127,
        stderr: expect.stringContaining("error while loading shared libraries"),
      });
    });
  });
});

const stubOf = (world: World) => world.store["stub-ld"] as string;

/** A root with a foreign program in it. */
class Root {
  world!: World;
  program!: string;

  async open(loader: LoaderState): Promise<void> {
    this.world = await openWorld(loader);
    this.program = `${await this.world.copyProgram("biome")}/biome`;
  }

  start(environment?: Record<string, string>) {
    return this.world.run([this.program, "--version"], environment ? { environment } : {});
  }
}
