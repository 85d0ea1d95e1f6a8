import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TuError } from "../pipeline/errors.ts";
import { environment } from "./config.ts";

/** Opens the editor of the user ($VISUAL, $EDITOR, vi) with a text, and resolves with what was saved. */
export async function editText(text: string, name: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "tu-analyze-edit-"));
  const file = join(directory, name);
  try {
    await writeFile(file, text, { mode: 0o600 });
    await run(environment("VISUAL") ?? environment("EDITOR") ?? "vi", file);
    return await readFile(file, "utf8");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The variable may hold options, as in `code --wait`. */
async function run(editor: string, file: string): Promise<void> {
  const child = spawn("/bin/sh", ["-c", `${editor} "$1"`, "sh", file], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code === 0) return;
  throw new TuError("E_USAGE", `the editor ${editor} ended with ${code ?? "a signal"}`, {
    hint: "nothing was sent; set EDITOR to another one, or use --set and --data",
  });
}
