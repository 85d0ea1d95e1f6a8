import { readFile, writeFile } from "node:fs/promises";
import { createImages } from "../src/adapters/images/images.ts";
import { createLocalVision } from "../src/adapters/local-vision/vision.ts";
import { TuError } from "../src/pipeline/errors.ts";
import { isEnough, recognise } from "../src/pipeline/recognition/recognise.ts";

// Writes the table of docs/recognition.md: npx tsx scripts/recognition-table.ts With --check nothing is written; the
// exit code reports whether brand, type, model and errors still hold.

const docs = new URL("../docs/recognition.md", import.meta.url);
const folder = new URL("../fixtures/images/", import.meta.url);
const marker = { start: "<!-- table: start -->", end: "<!-- table: end -->" };

type Expected = {
  readonly error?: string;
  readonly brand?: string | null;
  readonly type?: string | null;
  readonly model?: string | null;
};
type Row = {
  readonly file: string;
  readonly expected: string;
  readonly found: string;
  readonly confidence: string;
};

const images = createImages();
const vision = await createLocalVision();
try {
  const rows: Row[] = [];
  const expectations: Record<string, Expected> = JSON.parse(
    await readFile(new URL("expected.json", folder), "utf8"),
  );
  for (const [file, expected] of Object.entries(expectations))
    rows.push(await rowOf(file, expected));
  const wrong = rows.filter(({ expected, found }) => expected !== found);
  for (const { file, expected, found } of wrong)
    console.error(`${file}: expected ${expected}, found ${found}`);
  const page = await readFile(docs, "utf8");
  if (process.argv.includes("--check")) {
    const missing = rows.filter(
      (row) => !page.includes(`| ${row.file} | ${row.expected} | ${row.found} |`),
    );
    for (const { file } of missing)
      console.error(`docs/recognition.md does not show ${file} as it is.`);
    process.exitCode = wrong.length + missing.length === 0 ? 0 : 1;
  } else {
    await writeFile(docs, withTable(page, rows));
  }
} finally {
  await vision.close();
}

async function rowOf(file: string, expected: Expected): Promise<Row> {
  const bytes = await readFile(new URL(file, folder));
  const { error, brand, type, model } = expected;
  const outcome = await recogniseFile(bytes);
  return { file, expected: error ?? nameOf([brand, type, model]), ...outcome };
}

async function recogniseFile(bytes: Uint8Array): Promise<{ found: string; confidence: string }> {
  try {
    await images.identify(bytes);
    await images.verify(bytes);
    const { aggregate } = recognise((await vision.read(bytes, { isEnough })).texts);
    const { brand, type, model, confidence } = aggregate;
    return { found: nameOf([brand, type, model]), confidence: confidence.toFixed(2) };
  } catch (error) {
    if (!(error instanceof TuError)) throw error;
    return { found: error.code, confidence: "" };
  }
}

function nameOf(parts: readonly (string | null | undefined)[]): string {
  return parts.filter((part) => part != null).join(", ") || "nothing";
}

function withTable(page: string, rows: readonly Row[]): string {
  const [before, rest] = page.split(marker.start);
  const after = rest?.split(marker.end)[1];
  if (before === undefined || after === undefined)
    throw new Error("docs/recognition.md has no markers.");
  const lines = rows.map(
    ({ file, expected, found, confidence }) =>
      `| ${file} | ${expected} | ${found} | ${confidence} |`,
  );
  const table = ["| picture | expected | found | confidence |", "|---|---|---|---|", ...lines];
  return `${before}${marker.start}\n${table.join("\n")}\n${marker.end}${after}`;
}
