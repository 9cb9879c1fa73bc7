// What is passed over, in few words: npm packages include builds for other machines by the dozen.

/** One line for each reason, with the file's path, or with the number of files. */
export function linesOfPassedOver(files: readonly { path: string; why: string }[]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { path, why } of files) byReason.set(why, [...(byReason.get(why) ?? []), path]);
  return [...byReason].map(([why, paths]) => {
    const which = paths.length === 1 ? paths[0] : `${paths.length} files`;
    return `passed over: ${why} (${which})`;
  });
}
