import { expect, test } from "vitest";
import { catalogue } from "../contracts/catalogue.ts";
import type { Route } from "../contracts/contract.ts";
import { toUtf8 } from "./bytes.ts";
import { createWritten } from "./written.ts";

const [route, elsewhere] = catalogue.flatMap(({ routes }) => routes) as unknown as [Route, Route];
const body = toUtf8("a");
const payload = { a: 1 };

test("what was written is known by its id, its way and its bytes", () => {
  const written = createWritten();
  written.add("m", { route, body, payload });
  expect(written.payloadOf("m", route, toUtf8("a"))).toBe(payload);
  expect(written.payloadOf("n", route, body)).toBeUndefined();
  expect(written.payloadOf(undefined, route, body)).toBeUndefined();
  expect(written.payloadOf("m", elsewhere, body)).toBeUndefined();
  expect(written.payloadOf("m", route, toUtf8("b"))).toBeUndefined();
});

test("only the most recent are known, including any written again", () => {
  const written = createWritten();
  const most = 4096;
  for (let id = 0; id < most; id += 1) written.add(String(id), { route, body, payload });
  expect(written.payloadOf("0", route, body)).toBe(payload);
  written.add("0", { route, body, payload });
  written.add("one more", { route, body, payload });
  expect(written.payloadOf("0", route, body)).toBe(payload);
  expect(written.payloadOf("1", route, body)).toBeUndefined();
  expect(written.payloadOf("2", route, body)).toBe(payload);
});
