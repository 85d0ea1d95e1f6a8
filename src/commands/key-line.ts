// Where a setting is in its file.

/** The line of a key at the end of a path of keys, from 1; null if it is not found. JSON, or YAML for `yaml`. */
export function lineOfKey(
  text: string,
  path: readonly string[],
  format: "json" | "yaml",
): number | null {
  const offset = format === "json" ? offsetInJson(text, path) : offsetInYaml(text, path);
  return offset === null ? null : text.slice(0, offset).split("\n").length;
}

const tokens = /"(?:\\.|[^"\\])*"|[{}[\],:]/g;

/** Follows the objects that are open, each with the key that it is at. */
function offsetInJson(text: string, path: readonly string[]): number | null {
  const open: { key: string | null }[] = [];
  let last: { readonly text: string; readonly at: number } | null = null;
  for (const { 0: token, index } of text.matchAll(tokens)) {
    const here = open.at(-1);
    if (token === "{" || token === "[") open.push({ key: null });
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":" && here !== undefined && last !== null) {
      here.key = last.text;
      if (isAt(path, open)) return last.at;
    }
    last = token.startsWith('"') ? { text: textIn(token), at: index } : null;
  }
  return null;
}

const isAt = (path: readonly string[], open: readonly { readonly key: string | null }[]) =>
  open.length === path.length && open.every(({ key }, at) => key === path[at]);

function textIn(token: string): string {
  try {
    return JSON.parse(token) as string; // a quoted text
  } catch {
    return token;
  }
}

/** Keys of the outermost object alone, which is all that settings need. */
function offsetInYaml(text: string, path: readonly string[]): number | null {
  const [key, ...deeper] = path;
  if (key === undefined || deeper.length > 0) return null;
  const found = new RegExp(`^(?:${key}|"${key}"|'${key}')\\s*:`, "m").exec(text);
  return found?.index ?? null;
}
