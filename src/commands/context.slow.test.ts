import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { image, json, jsonLines, temporaryDirectory, tool } from "./run-tool.samples.ts";

const komatsu = image("komatsu-pc200.jpg");
/** Nothing listens there. */
const nowhere = {
  kafka: { brokers: ["127.0.0.1:1"] },
  rabbitmq: { host: "127.0.0.1", port: 1, username: "u", password: { variable: "RABBIT_SECRET" } },
};

async function project(contexts: object) {
  const cwd = await temporaryDirectory();
  await writeFile(join(cwd, ".tu-analyzerc.json"), JSON.stringify({ contexts }));
  const env = { TU_ANALYZE_STATE_DIR: join(cwd, "state"), RABBIT_SECRET: "s3cr3t" };
  return { cwd, env };
}

test("contexts are listed, shown and chosen, and each has a state of its own", async () => {
  const where = await project({ staging: { ...nowhere, protected: true, flow: "current" } });
  const listed = jsonLines(await tool(["context", "list", "-o", "jsonl"], where));
  expect(listed).toMatchObject([
    { name: "local", isCurrent: true, kafka: null, problem: null },
    { name: "env", problem: expect.stringContaining("KAFKA_BROKERS is not set") },
    { name: "staging", kafka: ["127.0.0.1:1"], rabbitmq: "127.0.0.1:1", isProtected: true },
  ]);
  const used = await tool(["context", "use", "staging"], where);
  expect(used.stdout).toBe("from now on: staging (kafka 127.0.0.1:1, rabbitmq 127.0.0.1:1)\n");
  const shown = await tool(["context", "show", "-o", "json"], where);
  expect(json(shown)).toMatchObject({
    ...{ name: "staging", isCurrent: true, flow: "current" },
    stateDir: join(where.env.TU_ANALYZE_STATE_DIR, "contexts", "staging"),
  });
  expect(shown.stdout + shown.stderr).not.toContain("s3cr3t");
  await tool(["context", "use", "local"], where);
  expect(json(await tool(["context", "show", "-o", "json"], where))["name"]).toBe("local");
});

test("a variable goes before what was chosen, and choosing says so", async () => {
  const where = await project({ staging: nowhere });
  const env = { ...where.env, TU_ANALYZE_CONTEXT: "local" };
  const used = await tool(["context", "use", "staging"], { ...where, env });
  expect([used.code, used.stderr]).toEqual([0, expect.stringContaining("chooses context local")]);
});

test("a leg that does not answer is named, and exit 1; without its secret it is a problem", async () => {
  const where = await project({ staging: nowhere });
  const tested = await tool(["context", "test", "staging", "-o", "json"], where);
  expect(tested.code).toBe(1);
  expect(json(tested)).toMatchObject({
    isWorking: false,
    legs: [
      { name: "kafka", ms: null, problem: { code: "E_SERVICE_UNAVAILABLE" } },
      { name: "rabbitmq", ms: null, problem: { code: "E_SERVICE_UNAVAILABLE" } },
    ],
  });
  const { RABBIT_SECRET: _, ...env } = where.env;
  const unset = await tool(["context", "test", "staging", "-o", "json"], { ...where, env });
  expect(json(unset)).toMatchObject({
    code: "E_CONFIG",
    message: "context staging: RABBIT_SECRET is not set",
    exitCode: 2,
  });
});

test("a protected context wants its name, and a read-only one is not changed", async () => {
  const where = await project({
    prod: { ...nowhere, protected: true },
    audit: { ...nowhere, readOnly: true },
  });
  for (const command of [["up"], ["upload", komatsu]]) {
    for (const confirm of [[], ["--confirm", "staging"]]) {
      const args = [...command, "--context", "prod", ...confirm, "-o", "json"];
      const refused = await tool(args, where);
      expect([refused.code, json(refused)["code"]]).toEqual([9, "E_NOT_CONFIRMED"]);
    }
    const confirmed = await tool([...command, "--context", "prod", "--confirm", "prod"], where);
    expect([confirmed.code, confirmed.stderr]).toEqual([6, expect.stringContaining("127.0.0.1:1")]);
    const audit = ["--context", "audit", "--confirm", "audit", "-o", "json"];
    const readOnly = await tool([...command, ...audit], where);
    expect([readOnly.code, json(readOnly)["code"]]).toEqual([9, "E_READ_ONLY"]);
  }
});

test("a context that is not known is a usage error with a guess", async () => {
  const where = await project({ staging: nowhere });
  const mistyped = await tool(["machines", "--context", "stagin", "-o", "json"], where);
  expect(json(mistyped)).toMatchObject({ exitCode: 2, hint: "did you mean staging?" });
});

test("secrets come from files and commands, relative to the configuration; a failing one is named", async () => {
  const where = await project({
    one: { ...nowhere, rabbitmq: { ...nowhere.rabbitmq, password: { file: "secret" } } },
    other: {
      ...nowhere,
      rabbitmq: { ...nowhere.rabbitmq, password: { command: "echo s3cr3t; exit 3" } },
    },
    third: { ...nowhere, kafka: { ...nowhere.kafka, tls: { ca: "secret" } } },
  });
  const missing = await tool(["context", "test", "one", "-o", "json"], where);
  expect(json(missing)["message"]).toBe(`${join(where.cwd, "secret")} cannot be read (ENOENT)`);
  await writeFile(join(where.cwd, "secret"), "s3cr3t\n");
  await chmod(join(where.cwd, "secret"), 0o600);
  await mkdir(join(where.cwd, "below"));
  const below = { ...where, cwd: join(where.cwd, "below") };
  expect((await tool(["context", "test", "one", "-o", "json"], below)).code).toBe(1);
  const failing = await tool(["context", "test", "other", "-o", "json"], where);
  expect(json(failing)["message"]).toBe("context other: the command for a secret failed (3)");
  const noPem = await tool(["context", "test", "third", "-o", "json"], where);
  expect(json(noPem)["message"]).toContain("is not in PEM format");
  expect(`${failing.stdout}${failing.stderr}`).not.toContain('s3cr3t"');
});
