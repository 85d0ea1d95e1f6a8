import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { barely, clear, findRegions, type TextMap } from "./regions.ts";

type Bar = { x: number; y: number; length: number; height: number; radians: number; ink?: number };

/** A map with bars of ink centred on (x, y), turned clockwise. */
function mapWith(...bars: readonly Bar[]): TextMap {
  const [width, height] = [320, 240];
  const data = new Float32Array(width * height);
  for (const { x, y, length, height: high, radians, ink = 0.9 } of bars) {
    const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
    for (let at = 0; at < data.length; at += 1) {
      const [across, down] = [(at % width) + 0.5 - x, Math.floor(at / width) + 0.5 - y];
      const along = Math.abs(across * cos + down * sin);
      const beside = Math.abs(down * cos - across * sin);
      if (along <= length / 2 && beside <= high / 2) data[at] = ink;
    }
  }
  return { width, height, data };
}

describe("a bar of ink is one region", () => {
  test.each([0, 0.3, -0.3, 0.7, -0.7])("turned by %d", (radians) => {
    const map = mapWith({ x: 160, y: 120, length: 100, height: 12, radians });
    const [region, ...others] = findRegions(map, clear);
    expect(others).toEqual([]);
    expect(region?.centre.x).toBeCloseTo(160, 0);
    expect(region?.centre.y).toBeCloseTo(120, 0);
    expect(region?.radians).toBeCloseTo(radians, 1);
    expect(region?.score).toBeCloseTo(0.9);
    // Grown on each side by 1.7 times its area over its perimeter.
    const grown = (100 * 12 * 1.7) / (2 * (100 + 12));
    expect(region?.length).toBeGreaterThan(100 + 2 * grown - 4);
    expect(region?.length).toBeLessThan(100 + 2 * grown + 6);
    expect(region?.height).toBeGreaterThan(12 + 2 * grown - 4);
    expect(region?.height).toBeLessThan(12 + 2 * grown + 6);
  });
});

test("bars apart are regions of their own", () => {
  const bar = { length: 60, height: 10, radians: 0 };
  const map = mapWith(
    { x: 80, y: 60, ...bar },
    { x: 80, y: 90, ...bar },
    { x: 240, y: 60, ...bar },
  );
  expect(findRegions(map, clear)).toHaveLength(3);
});

test("faint or low regions count as text only under a lower threshold", () => {
  const faint = { x: 80, y: 60, length: 60, height: 10, radians: 0, ink: 0.25 };
  const low = { x: 240, y: 180, length: 6, height: 1, radians: 0, ink: 0.9 };
  expect(findRegions(mapWith(faint), clear)).toEqual([]);
  expect(findRegions(mapWith(faint), barely)).toHaveLength(1);
  expect(findRegions(mapWith(low), { ...clear, lowest: 20 })).toEqual([]);
});

test("any map gives finite regions within reach of it, the same each time", () => {
  const maps = fc.uint8Array({ minLength: 256, maxLength: 256 }).map((bytes) => ({
    width: 16,
    height: 16,
    data: Float32Array.from(bytes, (byte) => byte / 255),
  }));
  fc.assert(
    fc.property(maps, (map) => {
      const regions = findRegions(map, barely);
      expect(findRegions(map, barely)).toEqual(regions);
      for (const { centre, height, length, radians } of regions) {
        expect([centre.x, centre.y, height, length, radians].every(Number.isFinite)).toBe(true);
        expect(Math.abs(radians)).toBeLessThanOrEqual(Math.PI / 2 + 1e-9);
        expect(Math.min(centre.x, centre.y)).toBeGreaterThanOrEqual(0);
        expect(Math.max(centre.x, centre.y)).toBeLessThanOrEqual(16);
      }
    }),
    { numRuns: 200 },
  );
});
