/** The end of each path: as much as distinguishes it from the others. */
export function distinctNames(paths: readonly string[]): readonly string[] {
  const parts = paths.map((path) => (path === "-" ? ["stdin"] : path.split(/[/\\]/)));
  const counts = paths.map(() => 1);
  const nameAt = (index: number) => (parts[index] ?? []).slice(-(counts[index] ?? 1)).join("/");
  for (let isDone = false; !isDone; ) {
    isDone = true;
    const names = paths.map((_, index) => nameAt(index));
    for (const [index, path] of paths.entries()) {
      const isShared = names.some((name, other) => name === names[index] && paths[other] !== path);
      if (!isShared || (counts[index] ?? 0) >= (parts[index]?.length ?? 0)) continue;
      counts[index] = (counts[index] ?? 1) + 1;
      isDone = false;
    }
  }
  return paths.map((_, index) => nameAt(index));
}

/** ` 3/31`. */
export function placeAmong(index: number, total: number): string {
  return `${`${index + 1}`.padStart(`${total}`.length)}/${total}`;
}
