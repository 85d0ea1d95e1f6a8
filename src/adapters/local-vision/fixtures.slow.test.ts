import { readFile } from "node:fs/promises";
import { afterAll, expect, test } from "vitest";
import { isEnough, recognise } from "../../pipeline/recognition/recognise.ts";
import { createLocalVision } from "./vision.ts";

// The accuracy proof: every picture of fixtures/images, from its file to brand, type and model. The broken ones are
// covered by src/adapters/images/fixtures.test.ts.

type Expected =
  | { readonly error: string }
  | {
      readonly brand: string | null;
      readonly type: string | null;
      readonly model: string | null;
      readonly minConfidence: number;
    };

const folder = new URL("../../../fixtures/images/", import.meta.url);
const expectations: Readonly<Record<string, Expected>> = JSON.parse(
  await readFile(new URL("expected.json", folder), "utf8"),
);
const good = Object.entries(expectations).flatMap(([file, expected]) =>
  "error" in expected ? [] : [{ file, ...expected }],
);
const vision = await createLocalVision();
afterAll(() => vision.close());

test("there is something to prove", () => {
  expect(good.length).toBeGreaterThanOrEqual(8);
});

test.each(good)("$file is $brand $type $model", async ({ file, brand, type, model, ...least }) => {
  const { texts } = await vision.read(await readFile(new URL(file, folder)), { isEnough });
  const { aggregate } = recognise(texts);
  expect(aggregate).toMatchObject({ brand, type, model });
  expect(aggregate.confidence).toBeGreaterThanOrEqual(least.minConfidence);
});
