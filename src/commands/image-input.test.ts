import { describe, expect, test } from "vitest";
import { TuError } from "../pipeline/errors.ts";
import { namingFile, orAborted } from "./image-input.ts";

const late = new TuError("E_DEADLINE", "too late");

describe("work that a signal gives up", () => {
  test("ends with the signal's reason, at once", async () => {
    const controller = new AbortController();
    const ended = orAborted(new Promise(() => undefined), controller.signal);
    controller.abort(late);
    await expect(ended).rejects.toBe(late);
  });

  test("that was given up before it began fails unheard", async () => {
    const unheard: unknown[] = [];
    const listen = (error: unknown) => unheard.push(error);
    process.on("unhandledRejection", listen);
    const work = Promise.reject(new Error("nobody asks any more"));
    await expect(orAborted(work, AbortSignal.abort(late))).rejects.toBe(late);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", listen);
    expect(unheard).toEqual([]);
  });

  test("that ends in time has its own result", async () => {
    const { signal } = new AbortController();
    await expect(orAborted(Promise.resolve(7), signal)).resolves.toBe(7);
    await expect(orAborted(Promise.reject(late), signal)).rejects.toBe(late);
  });
});

test("what is wrong with an image names it, and keeps code and hint", () => {
  const error = new TuError("E_IMAGE_EMPTY", "the file is empty", { hint: "give another" });
  expect(namingFile("-", error)).toMatchObject({
    code: "E_IMAGE_EMPTY",
    message: "standard input: the file is empty",
    hint: "give another",
  });
  expect(namingFile("a.jpg", error)).toMatchObject({ message: "a.jpg: the file is empty" });
});
