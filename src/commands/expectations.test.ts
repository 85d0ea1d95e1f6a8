import { expect, test } from "vitest";
import type { UploadReport } from "../pipeline/reports/upload.ts";
import { mismatchesOf, mismatchText, readExpectations } from "./expectations.ts";

const machine = { brand: "Caterpillar", model: "930G", type: "Wheel Loader" };
const nothing = { brand: null, model: null, type: null };
const reportOf = (aggregate: object, status = "completed") =>
  // Only these fields are read.
  ({
    status,
    result: { recognition: { aggregate }, comparison: { verdict: "new" } },
  }) as UploadReport;
const differences = (report: UploadReport, expected: string, status?: "completed" | "failed") => {
  const expectations = readExpectations(expected === "" ? [] : [expected], status);
  return expectations === undefined ? [] : mismatchesOf(report, expectations).map(mismatchText);
};

test("an expected value is no mismatch, in upper or lower case", () => {
  expect(differences(reportOf(machine), "brand=caterpillar,model=930g, verdict=new")).toEqual([]);
  expect(differences(reportOf(machine), "", "completed")).toEqual([]);
});

test("every mismatch is reported, not only the first", () => {
  expect(differences(reportOf(machine), "brand=Volvo,model=930G,verdict=known")).toEqual([
    "brand is Caterpillar, expected Volvo",
    "verdict is new, expected known",
  ]);
  expect(differences(reportOf(machine, "failed"), "brand=Caterpillar")).toEqual([
    "status is failed, expected completed",
  ]);
  expect(differences(reportOf(machine), "", "failed")).toEqual([
    "status is completed, expected failed",
  ]);
});

test("without a machine every field is none, the verdict too", () => {
  expect(differences(reportOf(nothing), "brand=none,verdict=none")).toEqual([]);
  expect(differences(reportOf(nothing), "verdict=new")).toEqual(["verdict is none, expected new"]);
});

test.each([["brand"], ["=x"], ["brand="], ["colour=red"], ["verdict=old"], ["brand=a,,model=b"]])(
  "%s is refused",
  (text) => {
    expect(() => readExpectations([text], undefined)).toThrow(
      expect.objectContaining({ code: "E_USAGE", hint: expect.any(String) }),
    );
  },
);

test("a mistyped field gets a guess", () => {
  expect(() => readExpectations(["modell=930G"], undefined)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("did you mean model?") }),
  );
});
