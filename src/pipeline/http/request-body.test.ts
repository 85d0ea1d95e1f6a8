import { expect, test } from "vitest";
import { toUtf8 } from "../delivery/bytes.ts";
import { int32Member, int64Member, readBody, textMember, uuidMember } from "./request-body.ts";

const members = { id: uuidMember, size: int64Member, ttlSec: int32Member, name: textMember };
const read = (body: string | Uint8Array) => {
  const bytes = typeof body === "string" ? toUtf8(body) : body;
  return readBody({ method: "POST", target: "/", headers: {}, body: bytes }, members);
};
const uuid = "5b0d6f0e-93a1-4c77-8a52-0c9f2e1d7a34";
const whole = { id: uuid, size: 7, ttlSec: 60, name: "a" };
const none = { id: "00000000-0000-0000-0000-000000000000", size: 0, ttlSec: 0 };

test.each([
  ["as it is declared", whole, whole],
  [
    "in any case, with numbers in strings, and what nobody asked for",
    { ID: uuid.toUpperCase(), Size: "-7", TTLSEC: "060", nAmE: "a", more: {} },
    { ...whole, size: -7 },
  ],
  ["with defaults for what is missing", { name: "" }, { ...none, name: "" }],
  ["the last of several", '{"name":"a","NAME":"b"}', { ...none, name: "b" }],
  ["behind a byte order mark", '\ufeff{"name":"a"}', { ...none, name: "a" }],
  ["as large as it gets", { ...whole, size: 9.2e18 }, { ...whole, size: 9.2e18 }],
])("a body is read %s", (_, given, body) => {
  const text = typeof given === "string" ? given : JSON.stringify(given);
  expect(read(text)).toEqual({ ok: true, body });
});

const argument = { req: ["The req field is required."] };
const wrong = (path: string, type: string) => ({
  [path]: [`The JSON value could not be converted to ${type}. Path: ${path}.`],
  ...argument,
});
const withoutBody = { "": ["A non-empty request body is required."], ...argument };

test.each([
  ["nothing", "", withoutBody],
  ["null", "null", withoutBody],
  ["a list", "[1]", wrong("$", "the request")],
  ["half of it", "{", { $: [expect.any(String)], ...argument }],
  ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), { $: ["the body is not UTF-8"], ...argument }],
  ["no UUID", { ...whole, id: "x" }, wrong("$.id", "System.Guid")],
  ["null for a UUID", { ...whole, id: null }, wrong("$.id", "System.Guid")],
  ["a fraction", { ...whole, size: 1.5 }, wrong("$.size", "System.Int64")],
  ["a fraction in a string", { ...whole, size: "1.5" }, wrong("$.size", "System.Int64")],
  ["no number", { ...whole, size: "" }, wrong("$.size", "System.Int64")],
  ["null for a number", { ...whole, size: null }, wrong("$.size", "System.Int64")],
  ["a large number", { ...whole, ttlSec: 2 ** 31 }, wrong("$.ttlSec", "System.Int32")],
  ["a number for text", { ...whole, name: 7 }, wrong("$.name", "System.String")],
  ["null for text", { ...whole, name: null }, { Name: ["The Name field is required."] }],
  ["no text", {}, { Name: ["The Name field is required."] }],
])("%s is 400", (_, given, errors) => {
  const body =
    typeof given === "string" || given instanceof Uint8Array ? given : JSON.stringify(given);
  const answer = read(body);
  if (answer.ok) throw new Error("it was read");
  expect(answer.reply.status).toBe(400);
  expect(JSON.parse(String(answer.reply.body))).toEqual({
    type: "https://tools.ietf.org/html/rfc9110#section-15.5.1",
    ...{ title: "One or more validation errors occurred.", status: 400, errors },
  });
});
