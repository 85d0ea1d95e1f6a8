import { createHash } from "node:crypto";
import Libsql from "libsql";
import { expect, onTestFinished, test } from "vitest";
import { bitsApart } from "../../pipeline/domain/picture.ts";
import type { Fingerprint, Fingerprints } from "../../pipeline/ports/fingerprints.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { halvesOf } from "./hashes.ts";
import { openSqliteState } from "./state.ts";

const clock = { nowMs: () => 0, sleep: () => Promise.reject(new Error("unused")) };
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");
/** Of every hundred a few are similar. */
const fingerprint = (at: number): Fingerprint => {
  const bits = 1n << BigInt(at % 256);
  const like = BigInt(`0x${hashOf(`kind ${at % 30}`)}`) ^ bits;
  const perceptualHash = like.toString(16).padStart(64, "0");
  return { objectKey: `images/${at}.jpg`, checksum: hashOf(`${at}`), perceptualHash };
};
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

async function openWorld() {
  const { directory, remove } = await createTemporaryDirectory();
  const file = `${directory}/state.db`;
  const opened: Awaited<ReturnType<typeof openSqliteState>>[] = [];
  onTestFinished(async () => {
    for (const state of opened) await state.close();
    await remove();
  });
  const open = async () => {
    const state = await openSqliteState(file, { clock, runnerId: "test" });
    opened.push(state);
    return state;
  };
  const count = (table: string): number => {
    const database = new Libsql(file);
    const [rows] = database.prepare(`SELECT count(*) FROM ${table}`).pluck().all([]);
    database.close();
    return Number(rows);
  };
  return { open, count, file, blocks: () => count("picture_block") };
}
const saveAll = ({ save }: Fingerprints, all: readonly number[]) =>
  Promise.all(all.map((at) => save(fingerprint(at))));

/** Queries some, and compares each with all that exist. */
async function expectNear({ near }: Fingerprints, there: readonly number[]): Promise<void> {
  const pictures = there.map((at) => fingerprint(at));
  for (const at of [0, 17, 900, 1023, 1024, 1025, 2047, 2048, 2499, 5000]) {
    const asked = fingerprint(at);
    const wanted = pictures.filter(
      ({ perceptualHash }) => bitsApart(perceptualHash, asked.perceptualHash) <= 48,
    );
    const found = await near({ ...asked, checksum: hashOf("none") }, 48);
    expect(new Set(found.map(({ checksum }) => checksum))).toEqual(
      new Set(wanted.map(({ checksum }) => checksum)),
    );
    expect(found.length).toBe(wanted.length);
  }
}

test("many are packed, and each process finds all of them", async () => {
  const { blocks, open } = await openWorld();
  const [early, writer] = [await open(), await open()];
  await saveAll(early.fingerprints, range(0, 10));
  await expectNear(early.fingerprints, range(0, 10));
  await saveAll(writer.fingerprints, range(10, 2500));
  expect(blocks()).toBe(2);
  for (const { fingerprints } of [early, writer, await open()])
    await expectNear(fingerprints, range(0, 2500));
  await saveAll(writer.fingerprints, range(2500, 3200));
  expect(blocks()).toBe(3);
  await saveAll(early.fingerprints, [5000]);
  for (const { fingerprints } of [early, writer, await open()])
    await expectNear(fingerprints, [...range(0, 3200), 5000]);
});

test("removed pictures are not found, and are dropped from the blocks when most are gone", async () => {
  const { blocks, open } = await openWorld();
  const { fingerprints } = await open();
  await saveAll(fingerprints, range(0, 4200));
  expect(blocks()).toBe(4);
  await fingerprints.remove(range(0, 1000).map((at) => fingerprint(at).objectKey));
  expect(blocks()).toBe(4);
  await expectNear(fingerprints, range(1000, 4200));
  await fingerprints.remove(range(1000, 3000).map((at) => fingerprint(at).objectKey));
  expect(blocks()).toBe(2);
  for (const one of [fingerprints, (await open()).fingerprints])
    await expectNear(one, range(3000, 4200));
  await saveAll(fingerprints, range(0, 1500));
  for (const one of [fingerprints, (await open()).fingerprints])
    await expectNear(one, [...range(0, 1500), ...range(3000, 4200)]);
});

test("blocks are read however many there are", async () => {
  const { file, open } = await openWorld();
  const first = await open();
  await saveAll(first.fingerprints, range(0, 150));
  await first.close();
  const database = new Libsql(file);
  const rows = database.prepare("SELECT seq, perceptual_hash FROM picture ORDER BY seq").all();
  const insert = database.prepare("INSERT INTO picture_block VALUES (?, ?, ?)");
  for (const row of rows as { seq: number; perceptual_hash: ArrayBuffer }[]) {
    const halves = halvesOf([new Uint8Array(row.perceptual_hash)]);
    insert.run([row.seq, Buffer.from(Float64Array.of(row.seq).buffer), Buffer.from(halves)]);
  }
  database.close();
  await expectNear((await open()).fingerprints, range(0, 150));
});

test("a picture goes when its last object has another one", async () => {
  const { count, open } = await openWorld();
  const { fingerprints } = await open();
  const [one, other] = [fingerprint(1), fingerprint(2)];
  await fingerprints.save(one);
  await fingerprints.save({ ...one, objectKey: "images/again.jpg" });
  await fingerprints.save({ ...other, objectKey: one.objectKey });
  expect(count("picture")).toBe(2);
  await fingerprints.save({ ...other, objectKey: "images/again.jpg" });
  expect(count("picture")).toBe(1);
  await fingerprints.save({ ...other, objectKey: "images/again.jpg" });
  expect([count("picture"), count("fingerprint")]).toEqual([1, 2]);
});

test.each(["00", `0${"0".repeat(64)}`, `${"0".repeat(64)}g`, "A".repeat(64)])(
  "a hash that is none is refused, and nothing of it is kept: %s",
  async (perceptualHash) => {
    const { open } = await openWorld();
    const { fingerprints } = await open();
    const none = { ...fingerprint(1), perceptualHash };
    await expect(fingerprints.save(none)).rejects.toThrow("is not 256 bits in hex");
    expect(await fingerprints.find(none.objectKey)).toBeUndefined();
  },
);
