/**
 * The seed of random inputs: the variable's, or one that no run has had. In CI it is the same each time: new inputs are
 * for a longer run to find.
 */
export function seedFrom(variable: string): number {
  const given = process.env[variable] ?? (process.env.CI === undefined ? undefined : "1");
  return given === undefined ? Date.now() % 2 ** 31 : Number(given);
}
