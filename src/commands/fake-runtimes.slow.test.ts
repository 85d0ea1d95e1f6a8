import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeDirectories } from "../adapters/filesystem/directories.ts";
import {
  image,
  json,
  preload,
  root,
  signalAt,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

// The native runtime is not our dependency: packages of its name that are found where packages are, and the
// real one in vision-runtime.slow.test.ts.

const komatsu = image("komatsu-pc200.jpg");
const machine = { brand: "Komatsu", model: "PC200-8" };

/** The environment in which `onnxruntime-node` is a package with this entry. */
async function withPackage(source: string): Promise<Readonly<Record<string, string>>> {
  const folder = await temporaryDirectory();
  await makeDirectories(join(folder, "onnxruntime-node"), 0o755);
  await writeFile(join(folder, "onnxruntime-node", "index.js"), source);
  return { NODE_PATH: folder };
}
const broken = () => withPackage('throw new Error("no library for this system")');
/** WebAssembly that calls itself native, and says what it was asked for. */
const working = (and = "") =>
  withPackage(`
    const web = require(${JSON.stringify(join(root, "node_modules", "onnxruntime-web"))});
    web.env.wasm.numThreads = 1;
    module.exports = { ...web, env: { versions: { node: "1.99.0" } } };
    ${and}`);

describe("where it is not installed", () => {
  test("`native` is refused, and told how to install the version that we take", async () => {
    const result = await tool(["recognise", komatsu, "--vision-runtime", "native", "--json"]);
    const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    expect(json(result)).toMatchObject({
      code: "E_VISION_RUNTIME",
      message: "the package onnxruntime-node is not installed",
      hint: expect.stringContaining(
        `npm install --ignore-scripts onnxruntime-node@${manifest.peerDependencies["onnxruntime-node"]}\``,
      ),
    });
    expect(manifest.peerDependenciesMeta["onnxruntime-node"]).toEqual({ optional: true });
    expect(result.code).toBe(2);
  });

  test("`native` is refused before anything is uploaded", async () => {
    const env = { TU_ANALYZE_VISION_RUNTIME: "native" };
    const result = await tool(["upload", komatsu, "--ephemeral", "-o", "json"], { env });
    expect(json(result)).toMatchObject({
      schema: "tu-analyze/error@1",
      code: "E_VISION_RUNTIME",
    });
    expect(result.code).toBe(2);
  });

  test("WebAssembly reads, and says so", async () => {
    const result = await tool(["recognise", komatsu, "--json"]);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(json(result)).toMatchObject({
      machine,
      provider: { name: "local", runtime: expect.stringMatching(/^wasm \d+\.\d+\.\d+$/) },
    });
  });
});

describe("where it cannot be loaded", () => {
  test("a notice says why, and WebAssembly reads", async () => {
    const result = await tool(["recognise", komatsu, "--json"], { env: await broken() });
    expect(result.stderr).toMatch(/^! runtime: .*no library for this system\n$/);
    expect(json(result)).toMatchObject({
      machine,
      provider: { runtime: expect.stringMatching(/^wasm /) },
    });
    expect(result.code).toBe(0);
  });

  test("what is no ONNX Runtime is not taken for one", async () => {
    const env = await withPackage("module.exports = undefined");
    const result = await tool(["recognise", komatsu, "--json"], { env });
    expect(result.stderr).toMatch(/^! runtime: .*it is not ONNX Runtime\n$/);
    expect(json(result)).toMatchObject({ machine });
  });

  test("one that loads no network is not taken either", async () => {
    const env = await working(
      'module.exports.InferenceSession = { create: async () => { throw new Error("too old") } };',
    );
    const result = await tool(["recognise", komatsu, "--json"], { env });
    expect(result.stderr).toMatch(/^! runtime: .*too old\n$/);
    expect(json(result)).toMatchObject({ machine });
  });

  test("`native` is refused, with the reason and the file", async () => {
    const env = await broken();
    const result = await tool(["recognise", komatsu, "--vision-runtime", "native", "--json"], {
      env,
    });
    expect(json(result)).toMatchObject({
      code: "E_VISION_RUNTIME",
      message: expect.stringMatching(/onnxruntime-node.index\.js cannot be used: no library for/),
      hint: expect.stringContaining("npm install"),
    });
    expect(result.code).toBe(2);
  });

  test("`wasm` does not look at it", async () => {
    const env = { ...(await broken()), TU_ANALYZE_VISION_RUNTIME: "wasm" };
    const result = await tool(["recognise", komatsu, "--json"], { env });
    expect(result).toMatchObject({ code: 0, stderr: "" });
  });
});

test("where it is installed it reads, and says so", async () => {
  const result = await tool(["recognise", komatsu, "--json"], { env: await working() });
  expect(result).toMatchObject({ code: 0, stderr: "" });
  expect(json(result)).toMatchObject({ machine, provider: { runtime: "native 1.99.0" } });
});

describe("a call of native code", () => {
  /** Which takes a second, for each network that is loaded. */
  const slow = () =>
    working(`
      const { writeSync } = require("node:fs");
      const { create } = web.InferenceSession;
      module.exports.InferenceSession = {
        async create(...args) {
          writeSync(2, "calling\\n");
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
          writeSync(2, "returned\\n");
          return create(...args);
        },
      };`);

  test("is waited for when a signal ends the command: it would abort the process", async () => {
    const onStderr = signalAt("calling", "SIGINT");
    const result = await tool(["recognise", komatsu], { env: await slow(), onStderr });
    expect(result).toMatchObject({ code: 130, signal: null });
    expect(result.stderr).toContain("returned");
  });

  test("is waited for when the process ends without asking", async () => {
    const env = preload(`import { isMainThread } from "node:worker_threads";
      if (isMainThread) process.on("SIGUSR2", () => process.exit(7));`);
    const onStderr = signalAt("calling", "SIGUSR2");
    const result = await tool(["recognise", komatsu], {
      env: { ...(await slow()), ...env },
      onStderr,
    });
    expect(result).toMatchObject({ code: 7, signal: null });
    expect(result.stderr).toContain("returned");
  });
});
