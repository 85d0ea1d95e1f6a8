import { expect, test } from "vitest";
import { errorCodes, isInfrastructure } from "./errors.ts";

test("stores and transports are the infrastructure, and nothing else is", () => {
  expect(errorCodes.filter(isInfrastructure)).toEqual([
    "E_TOPOLOGY_MISMATCH",
    "E_ACCESS_REFUSED",
    "E_SERVICE_UNAVAILABLE",
    "E_STATE_UNUSABLE",
    "E_STATE_UNWRITABLE",
    "E_STATE_NEWER",
    "E_STATE_BUSY",
    "E_JOURNAL_CONTENDED",
    "E_STATE_FULL",
  ]);
});
