import { describe, expect, test } from "vitest";
import { idsContract } from "../testing/ids-contract.ts";
import { createSystemClock } from "./clock.ts";
import { createRandomIds, sha256 } from "./ids.ts";

describe("random ids", () => {
  idsContract((nowMs) => createRandomIds({ ...createSystemClock(), nowMs }));

  test("with a parent that is not a UUIDv7, the time comes from the hash", () => {
    const ids = createRandomIds();
    expect(ids.derive("upload", "a").slice(0, 13)).not.toBe(ids.derive("upload", "b").slice(0, 13));
  });

  test("the digest is SHA-256 in lower-case hex", () => {
    expect(sha256(Buffer.from("abc"))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});
