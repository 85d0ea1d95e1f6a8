import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  startBrokenServer,
  startVisionServer,
  type VisionServer,
} from "../adapters/google-vision/testing/vision-server.ts";
import { UploadReport } from "../pipeline/reports/upload.ts";
import { image, json, root, temporaryDirectory, tool } from "./run-tool.samples.ts";

const komatsu = image("komatsu-pc200.jpg");
const answerFile = join(root, "fixtures", "vision", "komatsu-pc200.json");
const noMetadataServer = { METADATA_SERVER_DETECTION: "none" };

async function answers(): Promise<object> {
  // The fixture is an object by construction.
  return JSON.parse(await readFile(answerFile, "utf8")) as object;
}

async function serverThat(handle: Parameters<typeof startVisionServer>[0]): Promise<VisionServer> {
  const server = await startVisionServer(handle);
  onTestFinished(() => server.close());
  return server;
}

const importInto = (directory: string, ...args: readonly string[]) =>
  tool(["vision", "import", answerFile, "--image", komatsu, "--vision-dir", directory, ...args]);

async function upload(...args: readonly string[]) {
  const result = await tool(["upload", komatsu, "--ephemeral", "-o", "json", ...args]);
  return { ...result, report: UploadReport.parse(json(result)) };
}

describe("import and replay", () => {
  test.each(["full", "current"])("an imported answer is the machine of flow %s", async (flow) => {
    const directory = await temporaryDirectory();
    const imported = json(await importInto(directory, "-o", "json"));
    expect(imported).toMatchObject({
      schema: "tu-analyze/vision-import@1",
      cassettes: [{ image: komatsu, replaced: false, texts: 2, hints: 9 }],
    });
    const { code, report } = await upload(
      "--vision",
      "replay",
      "--vision-dir",
      directory,
      "--flow",
      flow,
    );
    expect(code).toBe(0);
    expect(report.result.recognition).toMatchObject({
      provider: { name: "vision", apiVersion: "v1", maxResults: 5 },
      aggregate: { brand: "Komatsu", model: "PC200-8", isConfident: true },
    });
  });

  test("a byte order mark does not matter, and a second import says that it replaces", async () => {
    const directory = await temporaryDirectory();
    await importInto(directory);
    const marked = join(directory, "marked.json");
    await writeFile(marked, `\uFEFF${await readFile(answerFile, "utf8")}`);
    const again = await tool([
      "vision",
      "import",
      marked,
      "--image",
      komatsu,
      "--vision-dir",
      directory,
    ]);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain("replaced");
  });

  test("replay opens no connection and needs no credentials", async () => {
    const directory = await temporaryDirectory();
    await importInto(directory);
    let connections = 0;
    const google = await startBrokenServer(() => {
      connections += 1;
    });
    onTestFinished(() => google.close());
    const env = {
      TU_ANALYZE_VISION: "replay",
      TU_ANALYZE_VISION_DIR: directory,
      TU_ANALYZE_VISION_ENDPOINT: google.endpoint,
      GOOGLE_APPLICATION_CREDENTIALS: "/nowhere/key.json",
    };
    const replay = async (path: string) =>
      UploadReport.parse(json(await tool(["upload", path, "--ephemeral", "--json"], { env })));
    expect((await replay(komatsu)).status).toBe("completed");
    expect((await replay(image("cat-930g.jpg"))).failure?.code).toBe("E_CASSETTE_MISSING");
    expect(connections).toBe(0);
  });

  test("a picture that is not held fails at once, and says where it was looked for", async () => {
    const directory = await temporaryDirectory();
    const { code, report } = await upload("--vision", "replay", "--vision-dir", directory);
    expect(code).toBe(1);
    expect(report.failure).toMatchObject({
      code: "E_CASSETTE_MISSING",
      attempt: 1,
      reason: expect.stringContaining(directory),
    });
  });

  test.each([
    ["more pictures than answers", ["--image", komatsu], "E_USAGE", 2],
    ["a file that is no picture", ["--image", answerFile], "E_IMAGE_NOT_AN_IMAGE", 2],
  ])("%s is refused before anything is written", async (_, args, code, exitCode) => {
    const directory = join(await temporaryDirectory(), "cassettes");
    const given = code === "E_USAGE" ? ["--image", komatsu, ...args] : args;
    const result = await tool([
      "vision",
      "import",
      answerFile,
      ...given,
      "--vision-dir",
      directory,
      "-o",
      "json",
    ]);
    expect(json(result)).toMatchObject({ code, exitCode });
    expect(existsSync(directory) ? await readdir(directory) : []).toEqual([]);
  });

  test("the same picture named twice is refused before anything is written", async () => {
    const directory = await temporaryDirectory();
    const { responses } = (await answers()) as { responses: readonly object[] }; // the fixture is a response
    const two = join(directory, "two.json");
    await writeFile(two, JSON.stringify({ responses: [...responses, ...responses] }));
    const copy = join(directory, "copy.jpg");
    await copyFile(komatsu, copy);
    const cassettes = join(directory, "cassettes");
    for (const other of [komatsu, copy]) {
      const pictures = ["--image", komatsu, "--image", other, "--vision-dir", cassettes];
      const result = await tool(["vision", "import", two, ...pictures, "-o", "json"]);
      expect(json(result)).toMatchObject({ code: "E_USAGE", exitCode: 2 });
    }
    expect(await readdir(cassettes)).toEqual([]);
  });

  test("without a picture it is a usage error", async () => {
    const result = await tool(["vision", "import", answerFile]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain("--image");
  });
});

describe("google and record", () => {
  test("a recorded picture replays the same, and is not asked for again", async () => {
    const directory = await temporaryDirectory();
    const given = await answers();
    const server = await serverThat(({ answer }) => answer(given));
    const record = [
      "--vision",
      "record",
      "--vision-dir",
      directory,
      "--vision-endpoint",
      server.endpoint,
    ];
    const recorded = await upload(...record);
    const again = await upload(...record);
    const replayed = await upload("--vision", "replay", "--vision-dir", directory);
    expect(recorded.report.result.recognition?.aggregate).toMatchObject({
      brand: "Komatsu",
      type: "Excavator",
      model: "PC200-8",
    });
    expect(recorded.report.result.recognition?.evidence).toContainEqual(
      expect.objectContaining({ about: "brand", value: "Komatsu", how: "logo" }),
    );
    const { objectKey: _, ...recognition } = recorded.report.result.recognition ?? {};
    expect(again.report.result.recognition).toMatchObject(recognition);
    expect(replayed.report.result.recognition).toMatchObject(recognition);
    expect(again.stderr).toContain("not requested again");
    expect(server.requests).toHaveLength(1);
  });

  test("what can pass is tried again, each attempt one call", async () => {
    const given = await answers();
    let calls = 0;
    const server = await serverThat(({ answer, fail }) => {
      calls += 1;
      if (calls === 1) fail(14, "busy");
      else answer(given);
    });
    const { code, report } = await upload(
      "--vision",
      "google",
      "--vision-endpoint",
      server.endpoint,
    );
    expect(code).toBe(0);
    expect(report.hops.some(({ note }) => note?.includes("E_VISION_UNAVAILABLE") === true)).toBe(
      true,
    );
    expect(calls).toBe(2);
  });

  test("what cannot is not", async () => {
    const server = await serverThat(({ answer }) =>
      answer({ responses: [{ error: { code: 3, message: "Bad image data." } }] }),
    );
    const { code, report } = await upload(
      "--vision",
      "google",
      "--vision-endpoint",
      server.endpoint,
    );
    expect(code).toBe(1);
    expect(report.failure).toMatchObject({
      code: "E_VISION_REFUSED",
      attempt: 1,
      reason: expect.stringContaining("Bad image data."),
    });
    expect(server.requests).toHaveLength(1);
  });

  test("--max-vision-calls stops the attempts of a run", async () => {
    const server = await serverThat(({ fail }) => fail(8, "quota"));
    const { report } = await upload(
      "--vision",
      "google",
      "--vision-endpoint",
      server.endpoint,
      "--max-vision-calls",
      "2",
    );
    expect(report.failure).toMatchObject({ code: "E_VISION_BUDGET", attempt: 3 });
    expect(server.requests).toHaveLength(2);
  });

  test.each(["full", "current"])(
    "a stop gives up the call of flow %s at once, and the next start asks again",
    async (flow) => {
      const given = await answers();
      let uploading: ChildProcess | undefined;
      let calls = 0;
      const server = await serverThat(({ answer }) => {
        calls += 1;
        if (calls === 1) uploading?.kill("SIGTERM");
        else answer(given);
      });
      const args = ["--state-dir", await temporaryDirectory(), "--flow", flow];
      const start = () =>
        tool(
          ["upload", komatsu, "--vision", "google", "--vision-endpoint", server.endpoint, ...args],
          {
            onStdout: (_, child) => {
              uploading = child;
            },
          },
        );
      const stopped = await start();
      expect(stopped).toMatchObject({ code: 143, signal: null });
      expect(stopped.stdout + stopped.stderr).not.toMatch(/recognition.failed|E_VISION|still busy/);
      const next = await start();
      expect(next.code).toBe(0);
      expect(next.stderr).toContain("left by an earlier run");
      expect(calls).toBeGreaterThan(1);
    },
  );

  test("without credentials it is exit 5, before anything is kept", async () => {
    const stateDir = join(await temporaryDirectory(), "state");
    const result = await tool(
      ["upload", komatsu, "--vision", "google", "--state-dir", stateDir, "-o", "json"],
      { env: noMetadataServer },
    );
    expect(json(result)).toMatchObject({
      code: "E_VISION_CREDENTIALS",
      hint: expect.stringContaining("GOOGLE_APPLICATION_CREDENTIALS"),
    });
    expect(result.code).toBe(5);
    expect(existsSync(stateDir)).toBe(false);
  });

  test("a metadata server that does not answer leaves no warning of the library", async () => {
    const server = await startBrokenServer(() => undefined);
    onTestFinished(() => server.close());
    const result = await tool(["upload", komatsu, "--vision", "google", "--ephemeral"], {
      env: { GCE_METADATA_HOST: server.endpoint.replace("http://", "") },
    });
    expect(result.code).toBe(5);
    expect(result.stderr).toMatch(/\nE_VISION_CREDENTIALS: .+\n {2}hint: .+\n$/);
  });

  test("a key file of the services' variable is read, and never shown", async () => {
    const key = join(await temporaryDirectory(), "key.json");
    await writeFile(key, '{"type":"service_account","private_key":"hunter2"');
    const result = await tool(["upload", komatsu, "--vision", "google", "--debug", "-o", "json"], {
      env: { GOOGLE_APPLICATION_CREDENTIALS: key },
    });
    expect(result.code).toBe(5);
    expect(result.stderr).toContain(key);
    expect(result.stdout + result.stderr).not.toContain("hunter2");
  });
});

describe("settings", () => {
  test("come from variables too, and each that is wrong is named", async () => {
    const env = {
      TU_ANALYZE_VISION: "guess",
      TU_ANALYZE_MAX_VISION_CALLS: "-1",
      TU_ANALYZE_VISION_ENDPOINT: "ftp://example.com",
    };
    const { code, stderr } = await tool(["upload", komatsu], { env });
    expect(code).toBe(2);
    for (const name of Object.keys(env)) expect(stderr).toContain(name);
  });

  test.each([
    [["--vision", "guess"], "E_USAGE"],
    [["--max-vision-calls", "few"], "E_USAGE"],
    [["--max-vision-calls", ""], "E_USAGE"],
    [["--vision-endpoint", "localhost:9000"], "E_USAGE"],
  ])("%j is refused", async (args, code) => {
    const result = await tool(["upload", komatsu, "--ephemeral", "-o", "json", ...args]);
    expect(json(result)).toMatchObject({ code, exitCode: 2 });
  });
});
