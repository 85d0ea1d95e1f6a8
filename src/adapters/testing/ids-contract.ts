import fc from "fast-check";
import { expect, test } from "vitest";
import type { Ids } from "../../pipeline/ports/ids.ts";

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const timeOf = (id: string) => Number.parseInt(id.replace("-", "").slice(0, 12), 16);

/** Every Ids adapter must pass this suite. `open` takes the time that its ids must carry. */
export function idsContract(open: (nowMs: () => number) => Ids): void {
  test("created ids are UUIDv7 of their moment", () => {
    const ids = open(() => 0x0190_1234_5678);
    const id = ids.create();
    expect(id).toMatch(uuidV7);
    expect(timeOf(id)).toBe(0x0190_1234_5678);
  });

  test("created ids rise, within a millisecond and when the clock steps back", () => {
    let nowMs = 1_763_800_000_000;
    const ids = open(() => nowMs);
    const created: string[] = [];
    for (const stepMs of [0, 1, -5000, 5001, 3, 0]) {
      nowMs += stepMs;
      for (let index = 0; index < 2000; index += 1) created.push(ids.create());
    }
    expect(created.filter((id, index) => id <= (created[index - 1] ?? ""))).toEqual([]);
    for (const id of created) expect(id).toMatch(uuidV7);
  });

  test("two sources at the same moment do not give the same ids", () => {
    const [one, two] = [open(() => 5), open(() => 5)];
    const both = Array.from({ length: 1000 }, () => [one.create(), two.create()]).flat();
    expect(new Set(both).size).toBe(2000);
  });

  test("a derived id is the same for the same parent and discriminator, everywhere", () => {
    const parent = "01901234-5678-7abc-8def-0123456789ab";
    const known = "01901234-5678-75b7-aee1-a34f62c4a0f5";
    for (const ids of [open(() => 0), open(() => 99)])
      expect(ids.derive(parent, "machine.compare#1")).toBe(known);
  });

  test("derived ids are UUIDv7 with the time of their parent, and differ", () => {
    const ids = open(() => 1_763_800_000_000);
    const parents = fc.integer({ min: 0, max: 50 }).map((n) => `parent ${n}`);
    fc.assert(
      fc.property(parents, fc.string(), fc.string(), (parent, one, two) => {
        const id = ids.derive(parent, one);
        const child = ids.derive(id, two);
        expect(id).toMatch(uuidV7);
        expect(child).toMatch(uuidV7);
        expect(child).not.toBe(id);
        expect(timeOf(child)).toBe(timeOf(id));
        expect(ids.derive(parent, two) === id).toBe(one === two);
      }),
    );
  });
}
