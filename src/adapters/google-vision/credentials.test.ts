import type { GoogleAuth } from "google-gax";
import { describe, expect, test } from "vitest";
import { refreshToken } from "./credentials.ts";

/** Fails like gaxios: with the status of a response, or without a response. */
const fromSignIn = (status: number | undefined) =>
  Object.assign(new Error("hunter2"), { config: {}, status });

describe("a sign-in that", () => {
  test.each([
    ["refuses the credentials", fromSignIn(400), "E_VISION_CREDENTIALS", false],
    ["refuses the account", fromSignIn(403), "E_VISION_CREDENTIALS", false],
    ["is busy", fromSignIn(429), "E_VISION_UNAVAILABLE", true],
    ["has trouble of its own", fromSignIn(503), "E_VISION_UNAVAILABLE", true],
    ["does not answer", fromSignIn(undefined), "E_VISION_UNAVAILABLE", true],
    ["is never asked", new Error("hunter2"), "E_VISION_CREDENTIALS", false],
  ])("%s", async (_, error, code, retryable) => {
    const failing: Pick<GoogleAuth, "getRequestHeaders"> = {
      getRequestHeaders: () => Promise.reject(error),
    };
    const refused = refreshToken(failing);
    await expect(refused).rejects.toMatchObject({ code, retryable });
    await expect(refused).rejects.not.toThrow("hunter2");
  });
});
