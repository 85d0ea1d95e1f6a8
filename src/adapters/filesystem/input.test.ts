import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { readInput } from "./input.ts";

const reason = new Error("stopped");
const read = (path: string, signal: AbortSignal) =>
  readInput(path, { bytesMax: 10, onTooLarge: (size) => new Error(`${size} bytes`), signal });

async function temporaryPath(name: string): Promise<string> {
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  return join(directory, name);
}

/** A named pipe. After the test, anything still waiting for its other end is released. */
async function namedPipe(): Promise<string> {
  const path = await temporaryPath("pipe");
  execFileSync("mkfifo", [path]);
  onTestFinished(() => closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK)));
  return path;
}

test("a file is read up to the limit, and refused by its size before", async () => {
  const { signal } = new AbortController();
  const path = await temporaryPath("file");
  await writeFile(path, "0123456789");
  expect(Buffer.from(await read(path, signal)).toString()).toBe("0123456789");
  await writeFile(path, "0123456789a");
  await expect(read(path, signal)).rejects.toThrow("11 bytes");
});

test("links in a circle, a name that is too long, and one below a file name no file", async () => {
  const { signal } = new AbortController();
  const link = await temporaryPath("link");
  await symlink(link, link);
  const file = await temporaryPath("file");
  await writeFile(file, "");
  for (const path of [link, `${file}${"x".repeat(300)}`, join(file, "below")])
    await expect(read(path, signal)).rejects.toMatchObject({
      code: "E_FILE_NOT_FOUND",
      message: `there is no file ${path}`,
    });
});

test("an input that is not wanted any more is not opened", async () => {
  const path = await temporaryPath("none");
  for (const input of [path, "-"])
    await expect(read(input, AbortSignal.abort(reason))).rejects.toBe(reason);
});

test("a file released while it is being read ends with the reason", async () => {
  const path = await temporaryPath("file");
  await writeFile(path, "0123456789");
  const controller = new AbortController();
  const reading = read(path, controller.signal);
  controller.abort(reason);
  await expect(reading).rejects.toBe(reason);
});

test.skipIf(process.platform === "win32").each([
  ["that nobody writes to", false],
  ["whose writer says nothing", true],
])("a pipe %s is let go of at once, with the reason", async (_, hasWriter) => {
  const path = await namedPipe();
  if (hasWriter) {
    const writer = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    onTestFinished(() => closeSync(writer));
  }
  const controller = new AbortController();
  const reading = read(path, controller.signal);
  setTimeout(() => controller.abort(reason), 20); // opened by then, or else the easier case
  await expect(reading).rejects.toBe(reason);
});
