import { describe, expect, test } from "vitest";
import { TuError } from "./errors.ts";
import { orAborted } from "./or-aborted.ts";

const late = new TuError("E_DEADLINE", "too late");

describe("aborted work", () => {
  test("ends with the signal's reason, at once", async () => {
    const controller = new AbortController();
    const ended = orAborted(new Promise(() => undefined), controller.signal);
    controller.abort(late);
    await expect(ended).rejects.toBe(late);
  });

  test("that was aborted before it began causes no unhandled rejection", async () => {
    const unheard: unknown[] = [];
    const listen = (error: unknown) => unheard.push(error);
    process.on("unhandledRejection", listen);
    const work = Promise.reject(new Error("nobody asks any more"));
    await expect(orAborted(work, AbortSignal.abort(late))).rejects.toBe(late);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", listen);
    expect(unheard).toEqual([]);
  });

  test("keeps its own result if it ends in time", async () => {
    const { signal } = new AbortController();
    await expect(orAborted(Promise.resolve(7), signal)).resolves.toBe(7);
    await expect(orAborted(Promise.reject(late), signal)).rejects.toBe(late);
  });

  test("ends with the signal's reason, not with the work's own error", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const work = new Promise((_, reject) => {
      const fail = () => process.nextTick(reject, new Error("The operation was aborted"));
      signal.addEventListener("abort", fail); // as streams do
    });
    const ended = orAborted(work, signal);
    controller.abort(late);
    await expect(ended).rejects.toBe(late);
  });
});
