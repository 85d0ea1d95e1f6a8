import { hash, randomFillSync } from "node:crypto";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { Digest } from "../../pipeline/ports/digest.ts";
import type { Ids } from "../../pipeline/ports/ids.ts";
import { createSystemClock } from "./clock.ts";

// UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, then in this implementation a 42-bit counter with a
// random start in every millisecond (section 6.2, method 1), then 32 random bits.

const counterLimit = 2 ** 42;
/** The counter starts in the lower half, which leaves room for 2^41 ids per millisecond. */
const counterStartLimit = 2 ** 41;
const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** SHA-256 in lower-case hex. */
export const sha256: Digest = (bytes) => hash("sha256", bytes, "hex");
/** Lower-case hex, as S3 identifies an object's bytes. */
export const md5 = (bytes: Uint8Array): string => hash("md5", bytes, "hex");

/** Ids that sort by creation time, even within a millisecond and when the clock steps back. */
export function createRandomIds(clock: Clock = createSystemClock()): Ids {
  const random = createRandomWords();
  let lastMs = 0;
  let counter = 0;
  return {
    create() {
      const nowMs = clock.nowMs();
      counter += 1;
      if (nowMs > lastMs || counter >= counterLimit) {
        lastMs = Math.max(nowMs, lastMs + 1);
        counter = ((random() * 2 ** 32) % counterStartLimit) + random();
      }
      return formatV7(lastMs, counter, random());
    },
    derive: deriveId,
  };
}

/**
 * The id derived from `parentId` and `discriminator`: SHA-256 over parent, a zero byte and discriminator, with the
 * version and variant bits of a UUIDv7. The time is the parent's, so that derived ids sort next to their cause; if
 * the parent is not a UUIDv7, the hash fills those 48 bits too.
 */
export function deriveId(parentId: string, discriminator: string): string {
  const digest = hash("sha256", `${parentId}\u0000${discriminator}`, "hex");
  const time = uuidV7.test(parentId)
    ? parentId.slice(0, 8).toLowerCase() + parentId.slice(9, 13).toLowerCase()
    : digest.slice(20, 32);
  const variant = variantDigit(Number.parseInt(digest.slice(3, 4), 16));
  return `${time.slice(0, 8)}-${time.slice(8)}-7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(8, 20)}`;
}

function formatV7(ms: number, counter: number, tail: number): string {
  const time = hex(ms, 12);
  const high = hex(Math.floor(counter / 2 ** 30), 3);
  const low = counter % 2 ** 30;
  const variant = variantDigit(Math.floor(low / 2 ** 28));
  const rest = hex(low % 2 ** 28, 7);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${variant}${rest.slice(0, 3)}-${rest.slice(3)}${hex(tail, 8)}`;
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
const variantDigit = (nibble: number) => hex(8 + (nibble % 4), 1);

/** Returns 32 random bits at a time from a buffer; asking the system for each would be the main cost. */
function createRandomWords(): () => number {
  const words = new Uint32Array(256);
  let next = words.length;
  return () => {
    if (next === words.length) {
      randomFillSync(words);
      next = 0;
    }
    const word = words[next] ?? 0;
    next += 1;
    return word;
  };
}
