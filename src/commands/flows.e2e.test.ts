import { join } from "node:path";
import Libsql from "libsql";
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

// What was seen of flows: one was analysed, one failed, one was never told to anybody.

let env: Readonly<Record<string, string>>;
let stateDir: string;
const run = (...args: readonly string[]): Promise<Result> =>
  tool([...args, "--state-dir", stateDir], { env });

beforeAll(async () => {
  env = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer(), "nothing.jpg": {} });
  stateDir = join(await temporaryDirectory(), "state");
  expect(await run("upload", image("komatsu-pc200.jpg"))).toMatchObject({ code: 0 });
  const failing = ["--fault", "comparison=fail"];
  expect(await run("upload", image("nothing.jpg"), ...failing)).toMatchObject({ code: 1 });
});

const flowOf = async (...args: readonly string[]) => {
  const [flow] = jsonLines(await run("flows", "-o", "jsonl", ...args));
  return flow as Readonly<Record<string, unknown>> & { readonly flowId: string };
};

describe("flows", () => {
  test("are listed with what became of them, latest first", async () => {
    const { code, stdout } = await run("flows");
    expect(code).toBe(0);
    const [failed, completed, total] = stdout.trimEnd().split("\n");
    expect(failed).toContain("failed");
    expect(failed).toContain("nothing.jpg");
    expect(failed).toContain("failed at step comparison after 3 attempts: E_FAULT_INJECTED");
    expect(completed).toContain("komatsu-pc200.jpg");
    expect(completed).toContain("Komatsu");
    expect(total).toBe("2 seen: 1 completed, 1 failed, 0 not ended");
  });

  test("are chosen by state, period and filter", async () => {
    expect(await flowOf("--status", "failed")).toMatchObject({ picture: "nothing.jpg" });
    expect(await flowOf("--status", "completed,stuck")).toMatchObject({ status: "completed" });
    expect(await flowOf("--where", "machine.name=*pc200* machine.confidence>0.5")).toMatchObject({
      picture: "komatsu-pc200.jpg",
    });
    expect(json(await run("flows", "--json", "--until", "1h"))).toMatchObject({ flows: [] });
    expect(json(await run("flows", "--json", "--since", "1h", "--limit", "1"))).toMatchObject({
      ...{ isMore: true, context: "local", counts: { completed: 1, failed: 1, running: 0 } },
      flows: [{ picture: "nothing.jpg" }],
    });
  });

  test("say every problem of a command line", async () => {
    const wrong = [
      "--status",
      "faild",
      "--since",
      "yesterday",
      "--where",
      "nmae=x",
      "--limit",
      "0",
    ];
    const { code, stderr } = await run("flows", ...wrong);
    expect(code).toBe(2);
    for (const text of ["did you mean failed?", "--since yesterday", "no field nmae", "--limit 0"])
      expect(stderr).toContain(text);
  });

  test("of a directory without any are none", async () => {
    const empty = join(await temporaryDirectory(), "none");
    const { code, stdout } = await tool(["flows", "--state-dir", empty]);
    expect([code, stdout]).toEqual([
      0,
      `no flow was seen in ${empty} yet; \`tu-analyze upload <image>\` starts one\n`,
    ]);
  });
});

describe("trace", () => {
  test("draws what led to what, and ends with the verdict", async () => {
    const { flowId } = await flowOf("--status", "completed");
    const { code, stdout } = await run("trace", flowId.slice(0, 24));
    expect(code).toBe(0);
    expect(stdout).toContain(`${flowId}  komatsu-pc200.jpg`);
    expect(stdout).toMatch(
      /startUpload +client → graph-gateway {2}komatsu-pc200\.jpg\n.*└─ POST \/v1/,
    );
    expect(stdout).toMatch(/tu\.images\.uploaded.*\n.*└─ tu\.image\.uploaded/);
    expect(stdout).toMatch(/\n✔ complete in \d+\.\d\d s\n$/);
  });

  test("finds a flow by its picture, its upload and a message", async () => {
    const { flowId, objectKey, uploadId } = await flowOf("--status", "completed");
    const report = json(await run("trace", flowId, "-o", "json"));
    const hops = report["hops"] as readonly { name: string; messageId: string | null }[];
    const message = hops.find(({ name }) => name === "tu.image.uploaded")?.messageId;
    for (const id of [objectKey, uploadId, message])
      expect(json(await run("trace", String(id), "--json"))).toMatchObject({ flowId });
  });

  test("of a failed flow is exit 1, and names the step", async () => {
    const { flowId } = await flowOf("--status", "failed");
    const shown = await run("flows", "show", flowId, "-o", "json");
    expect(shown.code).toBe(1);
    expect(json(shown)).toMatchObject({
      ...{ flowId, status: "failed", failure: { step: "comparison", code: "E_FAULT_INJECTED" } },
      verdict: { state: "failed", rule: "failedAtStep" },
    });
  });

  test("of an unknown flow is exit 4, of an ambiguous one exit 2", async () => {
    expect(await run("trace", "no-such-flow")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("E_FLOW_NOT_FOUND"),
    });
    expect(await run("trace", "0")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("E_FLOW_AMBIGUOUS"),
    });
  });
});

test("what was seen goes with the state", async () => {
  const other = join(await temporaryDirectory(), "state");
  const there = (...args: readonly string[]) => tool([...args, "--state-dir", other], { env });
  await there("upload", image("komatsu-pc200.jpg"), image("nothing.jpg"));
  expect(json(await there("state", "--json"))).toMatchObject({ seen: { flows: 2 } });
  const database = new Libsql(join(other, "seen.db"));
  database.prepare("UPDATE flow SET last_at = last_at - ?").run([3 * 86_400_000]);
  database.close();
  await there("state", "prune", "--older-than", "1d");
  expect(json(await there("state", "--json"))).toMatchObject({ seen: { flows: 0 } });
  await there("upload", image("komatsu-pc200.jpg"));
  expect(json(await there("state", "--json"))).toMatchObject({ seen: { flows: 1 } });
  await there("state", "clear", "--yes");
  expect(json(await there("state", "--json"))).toMatchObject({ seen: { flows: 0 } });
});

test("an upload goes on when what is seen cannot be kept", async () => {
  const other = join(await temporaryDirectory(), "state");
  const there = (...args: readonly string[]) => tool([...args, "--state-dir", other], { env });
  await there("upload", image("nothing.jpg"));
  const database = new Libsql(join(other, "seen.db"));
  database.exec("PRAGMA user_version = 99");
  database.close();
  const uploaded = await there("upload", image("nothing.jpg"));
  expect(uploaded.code).toBe(0);
  expect(uploaded.stderr).toContain("E_STATE_NEWER: what is seen of flows cannot be kept");
  expect(await there("flows")).toMatchObject({ code: 8 });
});
