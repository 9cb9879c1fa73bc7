// The sanitizer build of the addon needs the sanitizer's runtime in the process first, hence
// LD_PRELOAD (npm run test:sanitize). Other programs that a test starts must not inherit it:
// foreign loaders list or refuse it. So it is removed from the environment before each test file,
// and a test that starts Node with the addon passes `addonEnvironment` on.
const preload = process.env.FIXELF_TEST_PRELOAD ?? process.env.LD_PRELOAD;

if (preload !== undefined) {
  process.env.FIXELF_TEST_PRELOAD = preload;
  delete process.env.LD_PRELOAD;
}

export const addonEnvironment: Record<string, string> =
  preload === undefined ? {} : { LD_PRELOAD: preload };

/**
 * For a program that fixelf becomes or starts and that does not work with the runtime, as musl's
 * loader does not: Node, which has loaded it by then, removes it from the environment that it
 * passes on.
 */
export const preloadStaysBehind: Record<string, string> =
  preload === undefined
    ? {}
    : { NODE_OPTIONS: "--import=data:text/javascript,delete%20process.env.LD_PRELOAD" };
