import { expect, test } from "vitest";
import type { RequestOrigin } from "../ports/door.ts";
import { type Allowed, createDoor, loopbackOnly } from "./door.ts";

const refusalOf = (at: RequestOrigin, allowed: Allowed) => createDoor(allowed).refusalOf(at);
const corsHeaders = (origin: string | undefined, allowed: Allowed) =>
  createDoor(allowed).corsHeaders(origin);
const knock = { host: "127.0.0.1:4000", origin: undefined, site: undefined };
const allowed = { hosts: ["tu.example"], origins: ["https://app.example:8443"] };

test.each([
  "127.0.0.1",
  "127.0.0.1:4000",
  "127.9.9.9:1",
  "localhost:4000",
  "LOCALHOST",
  "tu.localhost:80",
  "[::1]:4000",
])("the host %s is ours", (host) => {
  expect(refusalOf({ ...knock, host }, loopbackOnly)).toBeNull();
});

test.each([
  "evil.example",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "evil.example:4000@127.0.0.1:80/",
  "192.168.0.7",
  "0.0.0.0",
  "[::]:80",
  "tu.example",
  "a b",
  "",
  undefined,
])("the host %s is not", (host) => {
  const refusal = refusalOf({ ...knock, host }, loopbackOnly);
  expect(refusal).toBe("this host name is not allowed");
});

test("a host that is named is served under any port", () => {
  for (const host of ["tu.example", "tu.example:9000"])
    expect(refusalOf({ ...knock, host }, allowed)).toBeNull();
});

test.each([
  "https://evil.example",
  "null",
  "http://localhost.evil.example",
  "https://app.example",
  "http://app.example:8443",
  "https://app.example:8443.evil.example",
  "",
])("a page of %s stays outside", (origin) => {
  expect(refusalOf({ ...knock, origin }, allowed)).toBe("pages of this origin are not allowed");
});

test.each([
  "http://localhost:3000",
  "http://127.0.0.1:5173",
  "http://[::1]:8080",
  "https://app.example:8443",
])("a page of %s may come in", (origin) => {
  expect(refusalOf({ ...knock, origin, site: "cross-site" }, allowed)).toBeNull();
});

test("what a browser sends for another site without an origin stays outside", () => {
  expect(refusalOf({ ...knock, site: "cross-site" }, allowed)).toContain("other sites");
  for (const site of ["same-origin", "same-site", "none"])
    expect(refusalOf({ ...knock, site }, allowed)).toBeNull();
});

test("only pages of a named origin may read the answers", () => {
  const [origin] = allowed.origins;
  expect(corsHeaders(origin, allowed)).toMatchObject({
    "access-control-allow-origin": origin,
    vary: "origin",
  });
  for (const other of ["http://localhost:3000", "https://evil.example", undefined])
    expect(corsHeaders(other, allowed)).toEqual({});
});
