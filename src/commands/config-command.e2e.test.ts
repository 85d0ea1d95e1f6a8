import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { json, temporaryDirectory, tool } from "./run-tool.samples.ts";

const originsOf = (document: Record<string, unknown>) =>
  Object.fromEntries(
    (document["settings"] as readonly { key: string; origin: unknown }[]).map(({ key, origin }) => [
      key,
      origin,
    ]),
  );

test("every setting says where it comes from", async () => {
  const home = await temporaryDirectory();
  const project = join(home, "project");
  await mkdir(join(home, ".config", "tu-analyze"), { recursive: true });
  await mkdir(project);
  const user = join(home, ".config", "tu-analyze", "config.json");
  await writeFile(user, '{\n  "keepFor": "7d",\n  "timeout": "9m"\n}\n');
  const file = join(project, "package.json");
  await writeFile(file, '{\n  "name": "x",\n  "tu-analyze": {\n    "timeout": "5m"\n  }\n}\n');
  const env = { HOME: home, TU_ANALYZE_FLOW: "current" };
  const args = ["config", "show", "--state-dir", home];
  const shown = json(await tool([...args, "-o", "json"], { cwd: project, env }));
  expect(originsOf(shown)).toMatchObject({
    timeout: { type: "file", name: file, line: 4 },
    keepFor: { type: "file", name: user, line: 2 },
    flow: { type: "variable", name: "TU_ANALYZE_FLOW", line: null },
    stateDir: { type: "flag", name: "--state-dir" },
    concurrency: { type: "default", name: null },
  });
  const { stdout } = await tool([...args, "--origin"], { cwd: project, env });
  expect(stdout).toMatch(/timeout +5m +.*package\.json:4\n/);
  expect((await tool(args, { cwd: project, env })).stdout).not.toContain("package.json");
  const { stdout: paths } = await tool(["config", "path"], { cwd: project, env });
  expect(paths).toBe(`project  ${file}\nuser     ${user}\n`);
});

test("a context gives its own, and no secret is shown", async () => {
  const home = await temporaryDirectory();
  const context = {
    kafka: { brokers: ["a:9092"] },
    rabbitmq: { host: "b", username: "u", password: { variable: "CANARY_NAME" } },
    flow: "current",
  };
  await writeFile(
    join(home, "tu-analyze.config.json"),
    JSON.stringify({
      contexts: { staging: context },
      visionEndpoint: "https://u:canary@v.example",
    }),
  );
  const env = { HOME: home, CANARY_NAME: "canary-secret" };
  const shown = await tool(["config", "show", "--context", "staging", "-o", "json"], {
    cwd: home,
    env,
  });
  expect(originsOf(json(shown))).toMatchObject({ flow: { type: "context", name: "staging" } });
  expect(shown.stdout).not.toContain("canary");
});

test("a first file is written, works, and is never written over", async () => {
  const home = await temporaryDirectory();
  const options = { cwd: home, env: { HOME: home } };
  expect(await tool(["config", "init"], options)).toMatchObject({ code: 0 });
  const file = join(home, "tu-analyze.config.json");
  const text = await readFile(file, "utf8");
  const listed = await tool(["context", "list"], options);
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining("staging") });
  expect(await tool(["config", "init"], options)).toMatchObject({
    code: 8,
    stderr: expect.stringContaining("E_FILE_EXISTS"),
  });
  expect(await readFile(file, "utf8")).toBe(text);
  expect(await tool(["config", "init", "--user", "-o", "json"], options)).toMatchObject({
    code: 0,
  });
});
