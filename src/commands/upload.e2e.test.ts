import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { flowNamed } from "../pipeline/flows/flow.ts";
import { RejectedReport, UploadReport } from "../pipeline/reports/upload.ts";
import {
  image,
  json,
  komatsuAnswer,
  notLooking,
  replaying,
  signalAt,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

const komatsu = image("komatsu-pc200.jpg");
// What is read in a picture is tested elsewhere; here most answers are recorded, and are the same for all machines:
// only the pictures differ.
const replay = async () => {
  const answer = await komatsuAnswer();
  const same = {
    "komatsu-pc200.jpg": answer,
    "cat-930g.jpg": answer,
    "cat-930g-again.jpg": answer,
  };
  return replaying({ ...same, "nothing.jpg": {} });
};
const reportIn = async (env: Readonly<Record<string, string>>, ...args: readonly string[]) => {
  const result = await tool(["upload", "-o", "json", ...args], { env });
  return { result, report: UploadReport.parse(json(result)) };
};
const report = async (...args: readonly string[]) => reportIn(await replay(), ...args);

test("models that cannot be used are refused before anything is uploaded", async () => {
  const stateDir = join(await temporaryDirectory(), "state");
  const args = ["upload", komatsu, "--vision-models", "/nonexistent", "--state-dir", stateDir];
  const { code, stderr } = await tool(args);
  expect(code).toBe(2);
  expect(stderr).toContain("E_VISION_MODELS: the model folder /nonexistent cannot be read");
  expect(existsSync(stateDir)).toBe(false);
});

describe("a good image", () => {
  test.each(["full", "current"] as const)(
    "flow %s ends with the machine, every hop of it",
    async (flow) => {
      const { report: told, result } = await reportIn({}, komatsu, "--ephemeral", "--flow", flow);
      expect(result.code).toBe(0);
      expect(told).toMatchObject({
        status: "completed",
        flow,
        result: {
          recognition: { aggregate: { brand: "Komatsu", type: "Excavator", model: "PC200-8" } },
        },
      });
      for (const { from, name, to, transport } of flowNamed(flow).hops) {
        expect(told.hops, `${name} ${from} → ${to}`).toContainEqual(
          expect.objectContaining({ name, from, to, transport }),
        );
      }
    },
  );

  test("each message names the one that caused it, back to the upload", async () => {
    const { report: told } = await report(komatsu, "--ephemeral");
    const messages = told.hops.filter(({ messageId }) => messageId !== null);
    const ids = new Set(messages.map(({ messageId }) => messageId));
    const rootless = messages.filter(({ causationId }) => !ids.has(causationId));
    expect(rootless.map(({ name }) => name)).toEqual(["tu.images.uploaded"]);
  });

  test("the same picture again is known, another of the same model is not", async () => {
    const stateDir = await temporaryDirectory();
    const uploaded = async (name: string) =>
      (await report(image(name), "--state-dir", stateDir)).report.result;
    const first = await uploaded("cat-930g.jpg");
    const again = await uploaded("cat-930g.jpg");
    const other = await uploaded("cat-930g-again.jpg");
    expect(first.comparison?.verdict).toBe("new");
    expect(again.comparison?.verdict).toBe("known");
    expect(again.machine?.id).toBe(first.machine?.id);
    expect(again.machine?.sightings).toHaveLength(2);
    expect(other.comparison?.verdict).toBe("ambiguous");
    expect(other.machine?.id).not.toBe(first.machine?.id);

    const listed = json(await tool(["machines", "-o", "json", "--state-dir", stateDir]));
    expect(listed["machines"]).toHaveLength(2);
    const id = String(first.machine?.id);
    const shown = json(await tool(["machines", "show", id, "--json", "--state-dir", stateDir]));
    expect(shown).toMatchObject({ schema: "tu-analyze/machine@1", id, model: "PC200-8" });
  });

  test("a picture of nothing completes with nulls, low confidence and no machine", async () => {
    const { report: told, result } = await report(image("nothing.jpg"), "--ephemeral");
    expect(result.code).toBe(0);
    expect(told.result.recognition?.aggregate).toMatchObject({
      brand: null,
      type: null,
      model: null,
      isConfident: false,
    });
    expect(told.result.machine).toBeNull();
  });

  test("standard input is an image too, and an odd name changes nothing", async () => {
    const bytes = await readFile(komatsu);
    const piped = await tool(["upload", "-", "--ephemeral", "-o", "json"], {
      env: await replay(),
      stdin: bytes,
    });
    expect(UploadReport.parse(json(piped)).status).toBe("completed");

    const directory = await temporaryDirectory();
    const odd = join(directory, '-ünter\u001b[31m & "söhne".j pg');
    await copyFile(komatsu, odd);
    const named = await tool(["upload", odd, "--ephemeral"], { env: await replay() });
    expect(named.code).toBe(0);
    expect(named.stdout + named.stderr).not.toContain("\u001b");
  });

  test("the text is a story of plain lines on a pipe", async () => {
    const args = ["upload", komatsu, "--ephemeral", "--timings"];
    const { code, stderr, stdout } = await tool(args, { env: await replay() });
    expect(code).toBe(0);
    expect(stdout).not.toContain("\u001b");
    const order = [
      "startUpload",
      "tu.images.uploaded",
      "recognition.completed",
      "analysis completed",
    ];
    const places = order.map((text) => stdout.indexOf(text));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBeGreaterThanOrEqual(0);
    expect(stdout).toContain("Komatsu · PC200-8 · Excavator");
    expect(stdout).toMatch(/recognition +\d+ ms/);
    expect(stderr).toContain("nothing is stored");
  });
});

// Attempts wait for each other: run concurrently, that takes no longer than one of them.
describe.concurrent("faults", () => {
  test.each([
    ["full", "recognition"],
    ["full", "comparison"],
    ["full", "metadata"],
    ["current", "recognition"],
  ])("flow %s fails at %s after every attempt", async (flow, step) => {
    const { report: told, result } = await report(
      komatsu,
      "--ephemeral",
      "--flow",
      flow,
      "--fault",
      `${step}=fail`,
    );
    expect(result.code).toBe(1);
    expect(told).toMatchObject({
      status: "failed",
      failure: { step, code: "E_FAULT_INJECTED", attempt: 3, attempts: 3 },
    });
    const attempts = told.hops.filter(
      ({ name, to }) => name === `${step}.failed` && to === "svc-analysis-orchestrator",
    );
    expect(attempts.map(({ note }) => note?.slice(0, 11))).toEqual([
      "attempt 1/3",
      "attempt 2/3",
      "attempt 3/3",
    ]);
  });

  test.each(["full", "current"])(
    "flow %s recovers from one failure and shows the retry",
    async (flow) => {
      const { report: told, result } = await report(
        komatsu,
        "--ephemeral",
        "--flow",
        flow,
        "--fault",
        "recognition=fail-once",
      );
      expect(result.code).toBe(0);
      expect(told.status).toBe("completed");
      expect(told.hops.some(({ name }) => name === "recognition.failed")).toBe(true);
      expect(told.hops.some(({ note }) => note?.startsWith("attempt 2") === true)).toBe(true);
    },
  );

  test("silence is a timeout, tried as often as the definition says", async () => {
    const { report: told, result } = await report(
      komatsu,
      "--ephemeral",
      "--fault",
      "comparison=timeout",
      "--step-timeout",
      "comparison=300ms",
    );
    expect(result.code).toBe(1);
    expect(told.failure).toMatchObject({ step: "comparison", code: "E_STEP_TIMEOUT", attempt: 3 });
  });

  test("a flow that stands still past the deadline names the hop that is missing", async () => {
    const args = ["upload", komatsu, "--ephemeral", "--json", "--timeout", "10s"];
    const result = await tool([...args, "--fault", "recognition=timeout"], { env: notLooking });
    expect(result.code).toBe(7);
    expect(json(result)).toMatchObject({
      schema: "tu-analyze/error@1",
      code: "E_DEADLINE",
      message: expect.stringContaining("stuck before POST /internal/v0/media/get-url"),
    });
  });
});

describe("what is expected", () => {
  test("and found is exit 0; else exit 1 with each mismatch", async () => {
    const env = await replay();
    const args = ["upload", komatsu, "--ephemeral", "-o", "json", "--expect"];
    const found = await tool([...args, "brand=Komatsu,model=PC200-8,verdict=new"], { env });
    expect(found.code).toBe(0);
    expect(json(found)).toMatchObject({ mismatches: [] });
    const other = await tool([...args, "brand=Volvo", "--expect", "verdict=known"], { env });
    expect(other.code).toBe(1);
    expect(other.stderr).toContain(
      `E_EXPECTATION: ${komatsu}: brand is Komatsu, expected Volvo\n` +
        `E_EXPECTATION: ${komatsu}: verdict is new, expected known\n`,
    );
    expect(json(other)["mismatches"]).toHaveLength(2);
  });

  test("a failure that is expected is exit 0, and none is exit 1", async () => {
    const args = ["upload", komatsu, "--ephemeral", "--expect-status", "failed"];
    const failed = await tool([...args, "--vision", "replay"]); // there is no recorded answer
    expect(failed.code).toBe(0);
    const completed = await tool(args, { env: await replay() });
    expect(completed.code).toBe(1);
    expect(completed.stderr).toContain("status is completed, expected failed");
  });
});

describe("bad input", () => {
  test("each is refused by its own code before anything is kept", async () => {
    const stateDir = join(await temporaryDirectory(), "state");
    const codes = {
      "broken/empty.jpg": "E_IMAGE_EMPTY",
      "broken/truncated.jpg": "E_IMAGE_TRUNCATED",
      "broken/truncated.png": "E_IMAGE_TRUNCATED",
      "broken/text.jpg": "E_IMAGE_NOT_AN_IMAGE",
      "broken/animation.gif": "E_IMAGE_TYPE_REFUSED",
      "broken/drawing.svg": "E_IMAGE_TYPE_REFUSED",
      "broken/huge-header.png": "E_IMAGE_TOO_MANY_PIXELS",
    };
    const images = Object.keys(codes).map(image);
    const result = await tool(["upload", ...images, "-o", "jsonl", "--state-dir", stateDir]);
    const records = result.stdout.trim().split("\n");
    const refused = records.map((line) => RejectedReport.parse(JSON.parse(line)));
    expect(Object.fromEntries(refused.map(({ failure, file }) => [file, failure.code]))).toEqual(
      Object.fromEntries(Object.entries(codes).map(([name, code]) => [image(name), code])),
    );
    expect(result.code).toBe(1);
    expect(existsSync(stateDir)).toBe(false);
  });

  test.each([
    ["broken/empty.jpg", "E_IMAGE_EMPTY", 2],
    ["no-such-file.jpg", "E_FILE_NOT_FOUND", 4],
    ["broken", "E_FILE_IS_DIRECTORY", 2],
  ])("%s is refused as %s before anything is kept", async (name, code, exitCode) => {
    const stateDir = join(await temporaryDirectory(), "state");
    const result = await tool(["upload", image(name), "-o", "json", "--state-dir", stateDir]);
    expect(json(result)).toMatchObject({ schema: "tu-analyze/error@1", code, exitCode });
    expect(json(result)["hint"]).toEqual(expect.any(String));
    expect(result.code).toBe(exitCode);
    expect(existsSync(stateDir)).toBe(false);
  });

  test("over 10 MiB is refused by its size, from a file and from a pipe", async () => {
    const large = join(await temporaryDirectory(), "large.jpg");
    const bytes = Buffer.concat([await readFile(komatsu), Buffer.alloc(10 * 1024 * 1024)]);
    await writeFile(large, bytes);
    for (const result of [
      await tool(["upload", large, "-o", "json"]),
      await tool(["upload", "-", "-o", "json"], { stdin: bytes }),
    ]) {
      expect(json(result)).toMatchObject({ code: "E_IMAGE_TOO_LARGE" });
      expect(result.code).toBe(2);
    }
  });

  test("an escape in a name that is not there does not reach the terminal", async () => {
    const result = await tool(["upload", "a\u001b[31mb.jpg"]);
    expect(result.code).toBe(4);
    expect(result.stderr).toContain("a\\u001b[31mb.jpg");
    expect(result.stderr).not.toContain("\u001b");
  });

  test.runIf(process.platform === "linux")(
    "a file that cannot be read is not allowed",
    async () => {
      const result = await tool(["upload", "/proc/self/mem", "-o", "json"]);
      expect(json(result)).toMatchObject({ code: "E_FILE_UNREADABLE" });
      expect(result.code).toBe(5);
    },
  );
});

describe("several images", () => {
  test("are a record a line, and some that failed are exit 3", async () => {
    const images = [komatsu, image("broken/empty.jpg"), image("nothing.jpg"), komatsu];
    const args = ["upload", ...images, "--ephemeral", "-o", "jsonl"];
    const result = await tool(args, { env: await replay() });
    expect(result.code).toBe(3);
    const records = result.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { status: string });
    expect(records.map(({ status }) => status).toSorted()).toEqual([
      "completed",
      "completed",
      "completed",
      "rejected",
    ]);
    const rejected = records.find(({ status }) => status === "rejected");
    expect(RejectedReport.parse(rejected).failure.code).toBe("E_IMAGE_EMPTY");
    const same = records
      .filter((record) => record.status === "completed")
      .map((record) => UploadReport.parse(record))
      .filter(({ file }) => file === komatsu);
    expect(same.map(({ result: { comparison } }) => comparison?.verdict).toSorted()).toEqual([
      "known",
      "new",
    ]);
  });

  test("all of them bad is exit 1, and one JSON document says so", async () => {
    const result = await tool([
      "upload",
      image("broken/empty.jpg"),
      image("none.jpg"),
      "-o",
      "json",
    ]);
    expect(result.code).toBe(1);
    expect(json(result)).toMatchObject({ schema: "tu-analyze/uploads@1", completed: 0, failed: 2 });
  });

  test("one is a record a line too, also rejected, and with --batch one document of many", async () => {
    const empty = image("broken/empty.jpg");
    const line = await tool(["upload", empty, "-o", "jsonl"]);
    expect(line.code).toBe(2);
    expect(RejectedReport.parse(JSON.parse(line.stdout)).failure.code).toBe("E_IMAGE_EMPTY");
    const shown = await tool(["upload", empty, "--batch"]);
    expect(shown.stdout).toContain("0 of 1 image analysed, 1 failed");
    const batch = await tool(["upload", empty, "--batch", "-o", "json"]);
    expect(batch.code).toBe(1);
    expect(json(batch)).toMatchObject({
      schema: "tu-analyze/uploads@1",
      uploads: [{ file: empty }],
    });
    const read = await tool(["recognise", empty, "--batch", "-o", "json"]);
    expect(json(read)).toMatchObject({ schema: "tu-analyze/recognitions@1", failed: 1 });
  });

  test("as text have a line each with place and name, and a table, failures last", async () => {
    const directory = await temporaryDirectory();
    const paths = ["a", "b"].map((name) => join(directory, name, "same.jpg"));
    for (const path of paths) {
      await mkdir(dirname(path));
      await copyFile(komatsu, path);
    }
    const images = [image("broken/empty.jpg"), ...paths, image("nothing.jpg")];
    const result = await tool(["upload", ...images, "--ephemeral"], { env: await replay() });
    expect(result.code).toBe(3);
    const lines = result.stdout.split("\n");
    expect(lines).toContainEqual(
      expect.stringMatching(/^✔ 2\/4 {2}a\/same.jpg +Komatsu · PC200-8/),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^✔ 4\/4 {2}nothing.jpg +no machine recognised/),
    );
    const table = lines.slice(
      lines.findIndex((line) => /^ {2}image +machine +confidence/.test(line)),
    );
    expect(table.findIndex((line) => line.includes("empty.jpg  E_IMAGE_EMPTY"))).toBeGreaterThan(
      table.findIndex((line) => line.startsWith("  nothing.jpg")),
    );
    expect(table.at(-2)).toBe("3 of 4 images analysed, 1 failed");
    expect(result.stdout).not.toContain("startUpload");
    const verbose = await tool(["upload", ...images, "--ephemeral", "--verbose"], {
      env: await replay(),
    });
    expect(verbose.stdout).toMatch(/\[b\/same.jpg\] .+startUpload/);
  });

  test("that were stopped have not failed, and are counted as what they are", async () => {
    const images = [image("broken/empty.jpg"), komatsu, image("nothing.jpg")];
    const args = ["--ephemeral", "--concurrency", "1"];
    const stopped = await tool(["upload", ...images, ...args], {
      env: notLooking,
      onStdout: signalAt("E_IMAGE_EMPTY", "SIGTERM"),
    });
    expect(stopped.code).toBe(143);
    expect(stopped.stdout).toContain("0 of 3 images analysed, 1 failed, ");
    expect(stopped.stdout).toContain(
      "✖ nothing.jpg  E_TERMINATED: stopped by SIGTERM; not started",
    );
  });

  test("are not gone on with when nobody reads any more", async () => {
    const images = Array.from({ length: 40 }, () => image("broken/empty.jpg"));
    const stateDir = await temporaryDirectory();
    const args = ["--concurrency", "1", "--state-dir", stateDir];
    const result = await tool(["upload", ...images, komatsu, ...args], {
      env: await replay(),
      onStdout: (_, child) => child.stdout?.destroy(),
    });
    expect(result.code).toBe(0);
    expect(result.stderr).not.toContain("E_OUTPUT");
    expect(existsSync(join(stateDir, "state.db"))).toBe(false);
  });
});
