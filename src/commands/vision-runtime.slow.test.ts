import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RecogniseReport } from "../pipeline/reports/recognise.ts";
import { image, jsonLines, root, signalAt, tool } from "./run-tool.samples.ts";

// The real native runtime, from bench/native, next to WebAssembly.

const packages = join(root, "bench", "native", "node_modules");
const isInstalled = existsSync(join(packages, "onnxruntime-node"));
if (process.env["CI"] === "true" && !isInstalled) throw new Error("bench/native is not installed");
const native = { NODE_PATH: packages };

const pictures = [
  ...["cat-930g.jpg", "cat-930g-again.jpg", "komatsu-pc200.jpg", "volvo-l120h.png"],
  ...[
    "hitachi-zx210.webp",
    "jcb-3cx-angled.jpg",
    "deere-644k-glare.jpg",
    "liebherr-r920-dirty.jpg",
  ],
  ...["fleet-number.jpg", "dealer-of-another-brand.jpg", "brand-only.jpg", "rotated-exif.jpg"],
  ...["damaged-exif.jpg", "stickers-only.jpg", "nothing.jpg", "not-a-machine.jpg"],
].map(image);

async function read(files: readonly string[], env: Readonly<Record<string, string>>) {
  const result = await tool(["recognise", ...files, "-o", "jsonl"], { env });
  expect(result).toMatchObject({ code: 0, stderr: "" });
  return jsonLines(result).map((line) => RecogniseReport.parse(line));
}

/** Everything except measurements. */
const answerOf = ({ timings, ...answer }: RecogniseReport) => answer;

// Every picture is read twice, which takes long on a busy machine.
describe.skipIf(!isInstalled)("the native runtime", { timeout: 300_000 }, () => {
  test("reads the same words as WebAssembly, as sure but for the last digits", async () => {
    const [theirs, ours] = [await read(pictures, {}), await read(pictures, native)];
    expect(ours).toHaveLength(pictures.length);
    for (const [index, { machine, provider, texts }] of ours.entries()) {
      const other = theirs[index];
      expect(provider.runtime).toMatch(/^native /);
      expect(other?.provider.runtime).toMatch(/^wasm /);
      expect({ ...machine, confidence: 0, typeConfidence: 0 }).toEqual({
        ...other?.machine,
        confidence: 0,
        typeConfidence: 0,
      });
      expect(texts.map(({ text }) => text)).toEqual(other?.texts.map(({ text }) => text));
      for (const [at, { confidence }] of texts.entries())
        expect(confidence).toBeCloseTo(other?.texts[at]?.confidence ?? Number.NaN, 3);
    }
  });

  test("gives the same bytes in a command with one picture and in one with several", async () => {
    const few = pictures.slice(5, 8);
    const together = await read(few, native);
    for (const [index, file] of few.entries()) {
      const [alone] = await read([file], native);
      expect(alone === undefined ? undefined : answerOf(alone)).toEqual(
        answerOf(together[index] as RecogniseReport), // one for each file
      );
    }
  });

  // At an arbitrary point: interrupted native code would abort the process.
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("is ended by a signal behind picture %d", async (count) => {
    const result = await tool(["recognise", ...pictures], {
      env: native,
      onStdout: signalAt(`${count}/16`, "SIGINT"),
    });
    expect(result).toMatchObject({ code: 130, signal: null });
    expect(result.stderr).not.toContain("still busy");
  });
});
