import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
  image,
  json,
  jsonLines,
  komatsuAnswer,
  type Result,
  replaying,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

let env: Readonly<Record<string, string>>;
let stateDir: string;
const run = (...args: readonly string[]): Promise<Result> =>
  tool([...args, "--state-dir", stateDir], { env });
const flow = async () => jsonLines(await run("flows", "-o", "jsonl", "--limit", "1"))[0] ?? {};
const dry = async (...args: readonly string[]) => {
  const [message] = json(await run("publish", ...args, "--dry-run", "-o", "json"))[
    "messages"
  ] as readonly Record<string, unknown>[];
  return message;
};

beforeAll(async () => {
  env = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer() });
  stateDir = join(await temporaryDirectory(), "state");
  expect(await run("upload", image("komatsu-pc200.jpg"))).toMatchObject({ code: 0 });
});

describe("a dry run", () => {
  test("shows target, key, headers and bytes, and sends nothing", async () => {
    const { code, stdout } = await run("publish", "tu.images.uploaded", "--dry-run");
    expect(code).toBe(0);
    expect(stdout).toContain("tu.images.uploaded → kafka:tu.images.uploaded  (not sent)");
    expect(stdout).toContain("x-schema: images.uploaded.v0");
    expect(stdout).toContain('"ObjectKey":"images/2025/12/03/');
    expect(json(await run("flows", "--json"))).toMatchObject({ counts: { running: 0 } });
  });

  test("takes a body from the command line, a file and standard input", async () => {
    const body = JSON.stringify({ objectKey: "images/x.jpg" });
    const file = join(await temporaryDirectory(), "body.json");
    await writeFile(file, body);
    const expected = {
      body: { objectKey: "images/x.jpg" },
      destination: "rabbitmq:analysis.started",
    };
    expect(await dry("analysis.started", "--data", body)).toMatchObject(expected);
    expect(await dry("analysis.started", "--data", `@${file}`)).toMatchObject(expected);
    const args = ["publish", "analysis.started", "--data", "-", "--dry-run", "-o", "json"];
    const piped = await tool(args, { env, stdin: Buffer.from(body) });
    expect(json(piped)).toMatchObject({ messages: [expected] });
  });

  test("opens an editor", async () => {
    const editor = join(await temporaryDirectory(), "editor");
    await writeFile(editor, '#!/bin/sh\nsed -i s,images/.*png,images/edited.png, "$1"\n');
    await chmod(editor, 0o755);
    const args = ["publish", "analysis.started", "--edit", "--dry-run", "-o", "json"];
    const edited = await tool(args, { env: { ...env, EDITOR: editor } });
    expect(json(edited)).toMatchObject({
      messages: [{ body: { objectKey: "images/edited.png" } }],
    });
    const failing = await tool(args, { env: { ...env, EDITOR: "false" } });
    expect(failing).toMatchObject({ code: 2, stderr: expect.stringContaining("nothing was sent") });
  });
});

test("what a message does not have, and what it refuses, is exit 2 before anything is sent", async () => {
  const wrong = await run("publish", "tu.images.uploaded", "--set", "objctKey=x");
  expect(wrong).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("did you mean objectKey?"),
  });
  expect(wrong.stderr).toContain("valid are uploadId, objectKey, contentType");
  for (const args of [
    ["tu.images.uploaded", "--set", "bytes=many"],
    ["tu.images.uploaded", "--data", "{"],
    ["tu.images.uploaded", "--no-validate"],
    ["tu.images.uploaded", "--count", "0"],
    ["tu.images.uploaded", "--rate", "fast"],
    ["tu.images.uploaded", "-H", "nothing"],
    ["tu.images.uploaded", "--over", "rabbitmq"],
    ["--data", "{}"],
    [],
  ])
    expect(await run("publish", ...args)).toMatchObject({ code: 2, stdout: "" });
  expect(await run("publish", "tu.imags.uploaded")).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("did you mean tu.images.uploaded?"),
  });
});

test("with --wait it follows the flow that it starts, to the end", async () => {
  const { objectKey } = await flow();
  const sets = [`objectKey=${objectKey}`, "bytes=null", "checksum=null"].flatMap((one) => [
    "--set",
    one,
  ]);
  const sent = await run("publish", "tu.images.uploaded", ...sets, "--wait", "-o", "json");
  expect(sent.code).toBe(0);
  expect(sent.stderr).toContain("publishing to local: kafka:tu.images.uploaded");
  expect(json(sent)).toMatchObject({
    messages: [
      { status: "sent", place: expect.stringMatching(/^kafka:tu\.images\.uploaded\/\d\/0$/) },
    ],
    trace: { objectKey, verdict: { state: "complete", rule: "complete" } },
  });
  const missing = ["--set", "objectKey=images/none.jpg", "--wait", "-o", "json"];
  const failed = await run("publish", "tu.images.uploaded", ...missing);
  expect(failed.code).toBe(1);
  expect(json(failed)).toMatchObject({
    trace: { status: "failed", failure: { code: "E_OBJECT_NOT_FOUND" } },
  });
});

test("rubbish is parked, and does not keep the command", async () => {
  const args = ["publish", "tu.image.uploaded", "--no-validate", "--data", "no json"];
  const { code, stderr } = await run(...args);
  expect(code).toBe(0);
  expect(stderr).toContain("parked tu.image.uploaded");
  expect(await flow()).toMatchObject({
    status: "stuck",
    verdict: expect.stringContaining("gave up tu.image.uploaded: E_MESSAGE_INVALID"),
  });
});

test("a message that was seen is not sent again, unless it is wanted", async () => {
  const again = ["publish", "analysis.started", "--id", "an-id-of-mine"];
  expect(await run(...again)).toMatchObject({ code: 0 });
  const refused = await run(...again);
  expect(refused).toMatchObject({ code: 8, stderr: expect.stringContaining("E_MESSAGE_SEEN") });
  const skipped = await run(...again, "--on-conflict", "skip", "-o", "json");
  expect(json(skipped)).toMatchObject({ messages: [{ status: "skipped", place: null }] });
  const sent = await run(...again, "--on-conflict", "send", "-o", "json");
  expect(json(sent)).toMatchObject({ messages: [{ status: "sent" }] });
});

test("several are sent at a rate, each with an id and a flow of its own", async () => {
  const args = ["publish", "tu.images.uploaded", "--count", "3", "--rate", "20/s", "-o", "json"];
  const messages = json(await run(...args))["messages"] as readonly Record<string, unknown>[];
  expect(new Set(messages.map(({ id }) => id)).size).toBe(3);
  expect(new Set(messages.map(({ flowId }) => flowId)).size).toBe(3);
});

test("what a trace printed is sent again byte for byte", async () => {
  const [completed] = jsonLines(await run("flows", "-o", "jsonl", "--status", "completed"));
  const id = String(completed?.["flowId"]);
  const traced = await run("trace", id, "-o", "jsonl");
  expect(traced.code).toBe(0);
  const args = ["publish", "--data", "-", "--dry-run", "-o", "json"];
  const again = json(await tool(args, { env, stdin: Buffer.from(traced.stdout) }));
  const records = jsonLines(traced).filter(({ origin }) => typeof origin === "string");
  const bodies = new Set(records.map(({ body }) => JSON.stringify(body)));
  const sent = again["messages"] as readonly Record<string, unknown>[];
  expect(new Set(sent.map(({ body }) => JSON.stringify(body)))).toEqual(bodies);
  const bare = await run("trace", id, "-o", "jsonl", "--no-body");
  const refused = await tool(args, { env, stdin: Buffer.from(bare.stdout) });
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("is not a record") });
});

describe("a period", () => {
  test("is printed as lines, as records, or as a document", async () => {
    const lines = (await run("trace", "--since", "1h", "--where", "name=startUpload")).stdout;
    expect(lines).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} \S{13} · startUpload +graphql +client → graph-gateway/,
    );
    const records = await run("trace", "--since", "1h", "-o", "jsonl", "-n", "2");
    expect(jsonLines(records)).toHaveLength(2);
    const document = json(await run("trace", "--since", "1h", "--until", "1h", "--json"));
    expect(document).toEqual({ schema: "tu-analyze/trace-records@1", records: [] });
  });

  test("needs a beginning, or a flow", async () => {
    expect(await run("trace")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--since 10m"),
    });
    const wrong = await run("trace", "--since", "x", "--idle", "y", "--where", "z=1", "-n", "0");
    for (const text of ["--since x", "--idle y", "no field z", "-n 0"])
      expect(wrong.stderr).toContain(text);
  });
});

test("a protected context wants its name, a read-only one refuses, and a dry run asks for nothing", async () => {
  const cwd = await temporaryDirectory();
  const nowhere = {
    kafka: { brokers: ["127.0.0.1:1"] },
    rabbitmq: { host: "127.0.0.1", port: 1, username: "u", password: { variable: "HOME" } },
  };
  const contexts = {
    live: { ...nowhere, protected: true },
    frozen: { ...nowhere, readOnly: true },
  };
  await writeFile(join(cwd, "tu-analyze.config.json"), JSON.stringify({ contexts }));
  const send = (...args: readonly string[]) =>
    tool(["publish", "analysis.started", "--state-dir", cwd, ...args], { cwd, env });
  expect(await send("--context", "live")).toMatchObject({ code: 9 });
  expect(await send("--context", "live", "--confirm", "frozen")).toMatchObject({ code: 9 });
  expect(await send("--context", "live", "--confirm", "live")).toMatchObject({ code: 6 });
  expect(await send("--context", "frozen", "--confirm", "frozen")).toMatchObject({ code: 9 });
  expect(await send("--context", "frozen", "--dry-run")).toMatchObject({ code: 0 });
});

test("a running pipeline is sent to, and followed from another command", async () => {
  const directory = join(await temporaryDirectory(), "state");
  const there = (...args: readonly string[]) => tool([...args, "--state-dir", directory], { env });
  expect(await there("up", "--detach", "--port", "0")).toMatchObject({ code: 0 });
  try {
    const following = there(
      "trace",
      "--follow",
      "-n",
      "2",
      "--where",
      "name=tu.image*",
      "-o",
      "jsonl",
    );
    const missing = ["--set", "objectKey=images/none.jpg", "--wait", "-o", "json"];
    const sent = json(await there("publish", "tu.images.uploaded", ...missing));
    expect(sent).toMatchObject({ trace: { failure: { code: "E_OBJECT_NOT_FOUND" } } });
    const names = jsonLines(await following).map(({ name }) => name);
    expect(names).toEqual(["tu.images.uploaded", "tu.image.uploaded"]);
    const nobody = ["publish", "analysis.completed", "-H", "x-own=1"];
    expect(await there(...nobody)).toMatchObject({ code: 0 });
  } finally {
    await there("down");
  }
});
