import { expect, test } from "vitest";
import { planesOf } from "./planes.ts";

test("planes are blue, green and red about their means, padded with black", () => {
  const data = Uint8Array.from([255, 0, 128, 0, 255, 64]); // two RGB pixels
  const { width, height, data: planes } = planesOf({ width: 2, height: 1, data });
  const at = (plane: number, x: number) => planes[plane * width * height + x];
  expect([width, height]).toEqual([32, 32]);
  expect(at(0, 0)).toBeCloseTo((128 / 255 - 0.485) / 0.229, 5);
  expect(at(1, 0)).toBeCloseTo((0 - 0.456) / 0.224, 5);
  expect(at(2, 0)).toBeCloseTo((1 - 0.406) / 0.225, 5);
  expect(at(0, 1)).toBeCloseTo((64 / 255 - 0.485) / 0.229, 5);
  expect(at(2, 2)).toBeCloseTo(-0.406 / 0.225, 5);
  expect(planes).toHaveLength(3 * 32 * 32);
});
