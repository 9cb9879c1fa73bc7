// What the API refuses to take: a string where a list is required, unknown options, values of the
// wrong type.
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { nearest } from "../lib/base/nearest.js";
import * as api from "../lib/index.js";
import { fixelf } from "./support/process.js";
import { scratchDirectory } from "./support/scratch.js";

type Call = (subject: unknown, options?: unknown) => unknown;

/** Those that take a list, and those that take one path, with the options after it. */
const ofLists: Record<string, Call> = {
  autoPatchelf: api.autoPatchelf as Call,
  diagnose: api.diagnose as Call,
  plan: api.plan as Call,
  undo: api.undo as Call,
  environment: api.environment as Call,
  references: api.references as Call,
  resolveAll: api.resolveAll as Call,
  scan: api.scan as Call,
  watch: api.watch as Call,
};
const ofOne: Record<string, Call> = {
  inspect: api.inspect as Call,
  resolve: api.resolve as Call,
  dependencyTree: api.dependencyTree as Call,
  closure: api.closure as Call,
  edit: ((path, options) => api.edit(path as string, {}, options as object)) as Call,
  patchelf: api.patchelf as Call,
  planRun: ((path, options) => api.planRun(path as string, [], options as object)) as Call,
};

/** What a call throws, at once or later. */
const refusal = async (call: () => unknown) => {
  try {
    await call();
  } catch (error) {
    if (!api.FixelfError.is(error)) throw error;
    return `${error.code}: ${error.message}`;
  }
  throw new Error("it is taken");
};

it.each(Object.entries(ofLists))(
  "%s does not take a string for a list of paths",
  async (name, call) => {
    expect(await refusal(() => call("/"))).toBe(
      `usage: ${name}: the paths must be a list of strings, not "/"`,
    );
    expect(await refusal(() => call(["/nowhere", 1]))).toContain("a list of strings, not a list");
    expect(await refusal(() => call(undefined))).toContain("not undefined");
    expect(await refusal(() => call([undefined]))).toContain("a list of strings, not a list");
    // A sparse list.
    expect(await refusal(() => call(Array(1)))).toContain("a list of strings, not a list");
  },
);

it.each(Object.entries(ofOne))("%s does not take a list for a path", async (name, call) => {
  expect(await refusal(() => call(["/nowhere"]))).toBe(
    `usage: ${name}: the path must be a string, not a list`,
  );
});

const emptyPath = "a path must not be empty nor hold a NUL character";

it.each(Object.entries(ofLists))(
  "%s does not take an empty path in its list",
  async (_name, call) => {
    expect(await refusal(() => call(["/nowhere", ""]))).toBe(`usage: ${emptyPath}`);
  },
);

it.each(Object.entries(ofOne))("%s does not take an empty path", async (_name, call) => {
  expect(await refusal(() => call(""))).toBe(`usage: ${emptyPath}`);
  expect(await refusal(() => call("/nowhere\0"))).toBe(`usage: ${emptyPath}`);
});

it.each([
  ["libraryDirectories", ["lib", ""]],
  ["interpreter", ""],
  ["program", ""],
  ["output", ""],
])("plan does not take an empty %s", async (option, value) => {
  expect(await refusal(() => ofLists.plan?.([], { [option]: value }))).toBe(
    `usage: ${option}: ${emptyPath}`,
  );
});

it("planRun does not take an empty path for the program", async () => {
  expect(await refusal(() => ofOne.planRun?.("/nowhere", { with: [""] }))).toBe(
    `usage: with: ${emptyPath}`,
  );
});

it.each([
  ["fix", ""],
  ["doctor", ""],
  ["env", ""],
  ["undo", ""],
  ["prune", ""],
  ["watch", ""],
  ["watch", "--lib", "", "/nowhere"],
  ["refs", ""],
  ["closure", ""],
  ["tree", ""],
  ["run", ""],
  ["inspect", ""],
  ["scan", ""],
  ["fix", "--lib", "", "/nowhere"],
  ...["doctor", "fix", "tree", "env", "watch"].map((name) => [name, "--for", "", "/nowhere"]),
  ["run", "--with", "", "/nowhere"],
])(
  "fixelf %j refuses an empty path, and does not take it for the working directory",
  (...words) => {
    const cwd = scratchDirectory();
    writeFileSync(join(cwd, "tool"), "#!/nowhere/sh\n", { mode: 0o755 });
    const { stderr, code } = fixelf(words, { cwd });
    expect(stderr).toContain(emptyPath);
    expect(code).toBe(2);
  },
);

it("fix does not take - for a file to write to", () => {
  const cwd = scratchDirectory();
  const { stderr, code } = fixelf(["fix", "--output", "-", process.execPath], { cwd });
  expect(stderr).toContain("--output takes a file");
  expect(code).toBe(2);
  expect(readdirSync(cwd)).toEqual([]);
});

const all = Object.entries({ ...ofLists, ...ofOne });

/** An option that takes a string, and a misspelling of it, where that is not `root`. */
const namesOfOptions: Record<string, [string, string]> = {
  autoPatchelf: ["bintools", "bintool"],
  edit: ["output", "outputs"],
  patchelf: ["output", "outputs"],
};

it.each(all)("%s suggests the option that was meant", async (name, call) => {
  const subject = name in ofLists ? [] : "/nowhere";
  const [own, mistyped] = namesOfOptions[name] ?? ["root", "rot"];
  expect(await refusal(() => call(subject, { [mistyped]: "/" }))).toBe(
    `usage: ${name} has no option ${mistyped}; did you mean ${own}?`,
  );
  expect(await refusal(() => call(subject, { quiteAnother: 1 }))).toBe(
    `usage: ${name} has no option quiteAnother`,
  );
  expect(await refusal(() => call(subject, { [own]: 1 }))).toBe(
    `usage: ${name}: ${own} must be a string, not a number`,
  );
  expect(await refusal(() => call(subject, "/"))).toContain(
    `the options must be an object, not "/"`,
  );
});

it.each([
  [
    { ignoreMissing: "libone.so" },
    'plan: ignoreMissing must be a list of strings, not "libone.so"',
  ],
  [{ gcRoot: "no" }, 'plan: gcRoot must be a boolean, not "no"'],
  [{ interpreter: 1 }, "plan: interpreter must be a string, not a number"],
  [{ onIndex: {} }, "plan: onIndex must be a function, not an object"],
  [{ root: null }, "plan: root must be a string, not null"],
  // What is written into a file is read later, in another working directory.
  [{ interpreter: "ld.so" }, 'plan: interpreter must be absolute, not "ld.so"'],
  [{ libraryDirectories: ["/lib", "lib"] }, 'plan: libraryDirectories must be absolute, not "lib"'],
  [{ store: "store" }, 'plan: store must be absolute, not "store"'],
  [{ system: "sw" }, 'plan: system must be absolute, not "sw"'],
])("plan refuses %j", async (options, message) => {
  expect(await refusal(() => ofLists.plan?.([], options))).toBe(`usage: ${message}`);
});

it.each([
  [{ addNeeded: "libone.so" }, 'addNeeded must be a list of strings, not "libone.so"'],
  [{ setRpath: "/a" }, 'setRpath must be a list of strings, not "/a"'],
  [{ setRpath: ["/a:/b"] }, 'setRpath has "/a:/b", which the loader would split at the colon'],
  [{ replaceNeeded: [{ from: "a" }] }, "replaceNeeded must be a list of { from, to }, not a list"],
  [{ setRpath: ["/a"], addRpath: [] }, "--set-rpath option not allowed with --add-rpath"],
  [
    { forceRpath: true, buildResolutionCache: true },
    "--build-resolution-cache cannot be combined with --force-rpath",
  ],
  [{ pageSize: 3 }, "invalid argument to --page-size"],
])("patchelf refuses %j, and so does autoPatchelf", async (options, message) => {
  expect(await refusal(() => ofOne.patchelf?.("/nowhere", options))).toBe(
    `usage: patchelf: ${message}`,
  );
  expect(await refusal(() => ofLists.autoPatchelf?.([], { extra: options }))).toBe(
    `usage: autoPatchelf's extra: ${message}`,
  );
});

it("enumerated values and signals are checked", async () => {
  expect(await refusal(() => ofLists.scan?.([], { order: "size" }))).toBe(
    'usage: scan: order must be one of path, disk, not "size"',
  );
  expect(await refusal(() => ofLists.references?.([], { signal: {} }))).toBe(
    "usage: references: signal must be an AbortSignal, not an object",
  );
});

it("an option that is undefined counts as omitted", async () => {
  expect(await ofLists.resolveAll?.([], { interpreter: undefined })).toEqual([]);
});

it.each([
  ["ignoremissing", "ignoreMissing"],
  ["stroe", "store"],
  ["interpeter", "interpreter"],
  ["x", null],
  ["colour", null],
])("the misspelling %s suggests %s", (mistyped, meant) => {
  const names = ["root", "store", "interpreter", "ignoreMissing"];
  expect(nearest(mistyped, names)).toBe(meant);
});

const store = () => new api.Store(api.storePlace({ store: "/nowhere" }));
const farmWith = (options: unknown) =>
  api.makeFarm("/nowhere/farm", [], api.storePlace({}), [], options as never);
async function batch(): Promise<api.ScanBatch> {
  for await (const each of api.scan(["/bin/sh"])) return each;
  throw new Error("nothing was read");
}

/**
 * What is passed after the paths, or instead of them: unusable values, and the message about them.
 */
const unusable: [name: string, call: () => unknown, said: string][] = [
  ["apply", () => api.apply({ files: [] } as never), "the plan must be what plan() gives"],
  ["batchFilter", () => api.batchFilter({ requiers: "" } as never), "did you mean requires?"],
  ["batchFilter", () => api.batchFilter({})(null as never), "the batch must be what scan() gives"],
  ["providers", () => store().providers([5] as never), "the sonames must be a list of strings"],
  ["providers", () => store().providers(["libz.so.1"], {} as never), "what inspect() gives"],
  ["packages", () => store().packages("libz.so.1", 5 as never), "what inspect() gives"],
  ["makeFarm", () => farmWith(null), "the options must be an object"],
  ["makeFarm", () => farmWith({ signla: 1 }), "did you mean signal?"],
  [
    "value",
    async () => (await batch()).value("path", 1e9),
    "row is 1000000000; it must be from 0 to 0",
  ],
  ["value", async () => (await batch()).value("path", -1), "row is -1"],
  ["row", async () => (await batch()).row(1), "row is 1"],
  ["edit", () => api.edit("/x", { interpreterr: "/ld" } as never), "did you mean interpreter?"],
  ["edit", () => api.edit("/x", { interpreter: 1 } as never), "interpreter must be a string"],
  ["edit", () => api.edit("/x", { searchPath: "/lib" } as never), "searchPath must be an object"],
  ["edit", () => api.edit("/x", { searchPath: {} } as never), "searchPath takes one of set, add"],
  ["edit", () => api.edit("/x", { searchPath: { remove: false } } as never), "takes one of set"],
  ["edit", () => api.edit("/x", { searchPath: { set: "", add: "" } as never }), "takes one of set"],
  ["edit", () => api.edit("/x", { osAbi: 999 }), "osAbi is 999; it must be from 0 to 255"],
  ["edit", () => api.edit("/x", { osAbi: 1.5 }), "osAbi is 1.5; it must be from 0 to 255"],
  ["edit", () => api.edit("/x", { pageSize: 3 }), "pageSize must be a power of two"],
  ["edit", () => api.edit("/x", { soname: "a\0b" }), "soname must not hold a NUL character"],
  ["edit", () => api.edit("/x", { interpreter: "" }), "a path must not be empty"],
  ["get", () => api.get([] as never, api.storePlace()), "the plan must be what planGet() gives"],
  ["makeFarm", () => api.makeFarm("/x", "/" as never, api.storePlace()), "systems must be a list"],
  ["planGet", () => api.planGet("z" as never, api.storePlace()), "libraries must be a list"],
  ["planGet", () => api.planGet([], "/nix/store" as never), "the place must be what storePlace()"],
  ["planRun", () => api.planRun("ls", "/" as never), "the arguments must be a list of strings"],
  ["presetDirectories", () => api.presetDirectories("none" as never), 'no preset "none"'],
  ["removeIndex", () => api.removeIndex({} as never), "the place must be what storePlace() gives"],
  ["reportIndex", () => api.reportIndex({} as never), "the place must be what storePlace() gives"],
  [
    "Store",
    () => new api.Store({ root: "" } as never),
    "the place must be what storePlace() gives",
  ],
  ["storePlace", () => api.storePlace({ rot: "/" } as never), "did you mean root?"],
  ["variables", () => api.variables([] as never), "the environment must be what environment()"],
];

it.each(unusable)("%s refuses what it cannot use", async (_name, call, said) => {
  const answer = await refusal(call);
  expect(answer).toContain(said);
  expect(answer).toMatch(/^usage: /);
});

/** Each function and class of the API, called with unusable values. */
type Made = new (...given: unknown[]) => unknown;
const exported = Object.entries(api as Record<string, unknown>).filter(
  ([, each]) => typeof each === "function" && each !== api.FixelfError,
) as [string, Call & Made][];
const useless = [[3], [{}], [null], [[3]], [["/nowhere"], 3], ["/nowhere", 3]] as [unknown][];

it.each(exported)("%s throws only FixelfErrors for unusable values", async (name, call) => {
  const isClass = /^class /.test(Function.prototype.toString.call(call));
  for (const given of useless) {
    const answer = (async () => (isClass ? new call(...given) : await call(...given)))();
    const failure = await answer.then(
      () => null,
      (error: unknown) => error,
    );
    if (failure !== null) expect(failure, name).toBeInstanceOf(api.FixelfError);
  }
});

it.each([
  ["bytesOf", () => api.bytesOf(3 as never), "the text must be a string, not a number"],
  ["textOf", () => api.textOf("a" as never), 'the bytes must be a Uint8Array, not "a"'],
  ["Summarizer", () => new api.Summarizer(3 as never), "the root must be a string"],
  ["Summarizer", () => new api.Summarizer().add([] as never, []), "the batch must be what scan()"],
  ["files", () => new api.Summarizer().summary(-1, 0), "files is -1; it must be from 0 to"],
  ["batchFilter", () => api.batchFilter({}, 3 as never), "the root must be a string"],
  ["become", () => api.become({} as never, []), "the start must be what planRun() gives"],
  [
    "providers",
    () => new api.Store(api.storePlace()).providers("libc.so.6"),
    'the sonames must be iterable, not "libc.so.6"',
  ],
  ["packages", () => new api.Store(api.storePlace()).packages(3 as never), "must be a string"],
])("%s names the value that it cannot use", async (name, call, said) => {
  const answer = await refusal(call);
  expect(answer).toMatch(new RegExp(`^usage: ${name}\\b`));
  expect(answer).toContain(said);
});

it("become reports the kernel's errors as all others do", async () => {
  const nowhere = { file: "/nowhere", arguments: ["nowhere"], descriptors: [] };
  expect(await refusal(() => api.become(nowhere, []))).toContain("not-found: cannot start it");
});
