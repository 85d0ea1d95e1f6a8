import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import {
  image,
  json,
  jsonLines,
  komatsuAnswer,
  replaying,
  root,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";
import { outputSchemas } from "./schemas.ts";

const strict = () => new Ajv2020({ strict: true, strictTypes: true, strictRequired: false });
const files = readdirSync(join(root, "schemas"));
const schemaIn = (file: string) =>
  JSON.parse(readFileSync(join(root, "schemas", file), "utf8")) as object; // generated from outputSchemas

describe("the published schemas", () => {
  test.each(files)("%s compiles in Ajv's strict mode", (file) => {
    expect(strict().compile(schemaIn(file))).toBeTypeOf("function");
  });

  test("are open for additions, at every depth, and closed for what is wrong", () => {
    const validate = strict().compile(schemaIn("machines.v1.json"));
    const machine = {
      ...{ id: "1", brand: null, type: null, model: null, name: "", confidence: 0 },
      ...{ firstSeenAt: "", lastSeenAt: "", sightings: [], resembles: [] },
    };
    const document = { schema: "tu-analyze/machines@1", machines: [{ ...machine, later: 1 }] };
    expect(validate({ ...document, more: true })).toBe(true);
    expect(validate({ ...document, machines: [{ ...machine, id: 1 }] })).toBe(false);
  });

  test("of messages compile as well", async () => {
    const { stdout } = await tool(["messages", "--schema", "-o", "jsonl"]);
    for (const line of stdout.trim().split("\n"))
      expect(strict().compile(JSON.parse(line))).toBeTypeOf("function");
  });
});

test("everything that is printed as JSON is of its schema", async () => {
  const stateDir = await temporaryDirectory();
  const env = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer() });
  const [komatsu, empty] = [image("komatsu-pc200.jpg"), image("broken/empty.jpg")];
  const answer = join(stateDir, "answer.json");
  await writeFile(answer, JSON.stringify({ responses: [await komatsuAnswer()] }));
  const commands = [
    ["upload", komatsu],
    ["flows"],
    ["flows", "show", "0"],
    ["publish", "tu.image.uploaded", "--no-validate", "--data", "no json"],
    ["trace", "--since", "1h"],
    ["upload", komatsu, empty, image("nothing.jpg"), "--timings", "--expect", "brand=Volvo"],
    ["machines"],
    ["machines", "show", "0"],
    ["state"],
    ["state", "verify"],
    ["state", "prune", "--older-than", "1ms"],
    ["vision", "import", answer, "--image", komatsu],
    ["state", "clear", "--yes"],
    ["up", "--detach", "--port", "0"],
    ["ps"],
    ["down"],
    ["context", "list"],
    ["context", "show"],
    ["context", "test"],
  ];
  const seen = new Set<unknown>();
  const run = async (given: readonly string[]): Promise<void> => {
    const command = [...given];
    if (command[1] === "show" && command[2] === "0")
      command[2] = await firstId(stateDir, command[0] ?? "");
    const result = await tool([...command, "-o", "json"], { env });
    const document = json(result);
    seen.add(document["schema"]);
    if (["upload", "recognise", "flows", "trace"].includes(command[0] ?? ""))
      for (const { schema } of jsonLines(await tool([...command, "-o", "jsonl"], { env })))
        seen.add(schema);
  };
  const inOrder = async (all: readonly (readonly string[])[]): Promise<void> => {
    for (const command of all) await run(command);
  };
  await Promise.all([
    inOrder(commands.map((args) => [...args, "--state-dir", stateDir])),
    inOrder([
      ["config", "show"],
      ["config", "path"],
      ["config", "init"],
      ["recognise", komatsu],
      ["recognise", komatsu, empty],
      ["messages"],
      ["messages", "metadata.sorted"],
      ["messages", "--example"],
      ["topology"],
      ["version"],
    ]),
  ]);
  seen.add(json(await tool(["uplod", "-o", "json"]))["schema"]);
  const bodies = await tool(["messages", "--schema", "--example", "-o", "jsonl"]);
  for (const { schema } of jsonLines(bodies)) seen.add(schema);
  expect(seen).toEqual(new Set(Object.keys(outputSchemas)));
});

async function firstId(stateDir: string, listing: string): Promise<string> {
  const [first] = jsonLines(await tool([listing, "-o", "jsonl", "--state-dir", stateDir]));
  return String(first?.["id"] ?? first?.["flowId"]);
}
