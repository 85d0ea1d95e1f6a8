import { describe, expect, test } from "vitest";
import { isBusy, toStateError } from "./state-error.ts";

const failed = (code: unknown) => Object.assign(new Error("as SQLite says"), { code });
const at = (error: unknown) => toStateError(error, "/a/flow.db");

test.each(["SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED", "SQLITE_LOCKED_SHAREDCACHE"])(
  "%s is busy",
  (code) => {
    expect(isBusy(failed(code))).toBe(true);
    expect(at(failed(code))).toMatchObject({
      code: "E_STATE_BUSY",
      message: "/a/flow.db is locked by another process",
      hint: "wait for the other process, or end it",
      cause: { code },
    });
  },
);

const full = ["SQLITE_FULL", "SQLITE_FULL_JOURNAL", "SQLITE_IOERR_SHMSIZE", "ENOSPC", "EDQUOT"];

test.each(full)("%s is a full disk", (code) => {
  expect(isBusy(failed(code))).toBe(false);
  expect(at(failed(code))).toMatchObject({
    code: "E_STATE_FULL",
    message: "no space left to write /a/flow.db",
    hint: "free some disk space, or use another state directory",
    cause: { code },
  });
});

test.each([
  ...["CORRUPT", "CORRUPT_VTAB", "NOTADB", "CANTOPEN_ISDIR", "IOERR_WRITE"].map(
    (one) => `SQLITE_${one}`,
  ),
  ...["SQLITE_AUTH", "SQLITE_FORMAT", "EISDIR"],
])("%s: the file cannot be used", (code) => {
  expect(at(failed(code))).toMatchObject({
    code: "E_STATE_UNUSABLE",
    message: "/a/flow.db cannot be used: as SQLite says",
    hint: expect.stringContaining("move /a/flow.db away"),
    cause: { code },
  });
});

test.each(["SQLITE_READONLY_DIRECTORY", "SQLITE_PERM", "EACCES", "EPERM", "EROFS"])(
  "%s: the file is not to be written by this user",
  (code) => {
    expect(at(failed(code))).toMatchObject({
      code: "E_STATE_UNWRITABLE",
      exitCode: 5,
      message: "/a/flow.db cannot be written: as SQLite says",
      hint: expect.stringContaining("grant this user read and write"),
      cause: { code },
    });
  },
);

test("a reason is told without the system call", () => {
  const open = Object.assign(new Error("EACCES: permission denied, open '/a/flow.db'"), {
    code: "EACCES",
  });
  expect(at(open)).toMatchObject({
    message: "/a/flow.db cannot be written: permission denied (EACCES)",
  });
});

describe("what is our own mistake stays as it is", () => {
  test.each([
    ["a constraint", failed("SQLITE_CONSTRAINT_UNIQUE")],
    ["a code like one", failed("ESQL_1")],
    ["a code with one in it", failed("xEACCES")],
    ["a code that ends like a busy one", failed("X_SQLITE_BUSY")],
    ["a code that ends like a locked one", failed("X_SQLITE_LOCKED")],
    ["a code that ends like a full one", failed("X_SQLITE_FULL")],
    ["a code that ends like a broken one", failed("X_SQLITE_CORRUPT")],
    ["a number for a code", failed(5)],
    ["no code", new Error("E_BUG")],
    ["no error", { code: "SQLITE_BUSY" }],
    ["nothing", undefined],
  ])("%s", (_, error) => {
    expect(isBusy(error)).toBe(false);
    expect(at(error)).toBe(error);
  });
});
