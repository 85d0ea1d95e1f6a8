import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { image, json, root, temporaryDirectory, tool } from "./run-tool.samples.ts";

const komatsu = image("komatsu-pc200.jpg");
const answer = join(root, "fixtures", "vision", "komatsu-pc200.json");

const importing = async (args: readonly string[], stdin?: Uint8Array) => {
  const cwd = await temporaryDirectory();
  await writeFile(join(cwd, "two.json"), '{"responses":[{},{}]}');
  await writeFile(join(cwd, "large.jpg"), "");
  await truncate(join(cwd, "large.jpg"), 11 * 1024 * 1024);
  const command = ["vision", "import", ...args, "--vision-dir", "kept", "-o", "json"];
  return tool(command, { cwd, ...(stdin === undefined ? {} : { stdin }) });
};

const truncated = image("broken/truncated.jpg");
const empty = image("broken/empty.jpg");

test.each([
  [[answer, "--image", truncated], `${truncated}: the image ends before it is complete`],
  [[answer, "--image", empty], `${empty}: the file is empty`],
  [[answer, "--image", "two.json"], "two.json: the file is not an image"],
  [[answer, "--image", "large.jpg"], "large.jpg: "],
  [[answer, "--image", "none.jpg"], "there is no file none.jpg"],
  [["none.json", "--image", komatsu], "there is no file none.json"],
  [["-", "--image", komatsu], "standard input is not JSON"],
])("%j is refused with the name of the file", async (args, message) => {
  const { message: told } = json(await importing(args, new Uint8Array()));
  expect(String(told).slice(0, message.length)).toBe(message);
});

test.each([
  [[".", "--image", komatsu], "name the file that holds the response"],
  [[answer, "--image", "."], "name one picture per --image"],
])("%j is a directory, and the hint says what to name", async (args, hint) => {
  expect(json(await importing(args))).toMatchObject({ code: "E_FILE_IS_DIRECTORY", hint });
});

test("one picture is one, and two are pictures", async () => {
  const one = json(await importing(["two.json", "--image", komatsu]));
  expect(one["message"]).toBe("two.json holds 2 responses, but 1 picture is given");
  const two = json(await importing(["-", "--image", "a", "--image", "b"], await readFile(answer)));
  expect(two["message"]).toBe("standard input holds 1 response, but 2 pictures are given");
  const kept = ["--vision-dir", await temporaryDirectory()];
  const { stdout } = await tool(["vision", "import", answer, "--image", komatsu, ...kept]);
  expect(stdout).toContain("(2 texts, 9 hints)");
});
