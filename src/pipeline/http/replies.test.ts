import { expect, test } from "vitest";
import { toUtf8 } from "../delivery/bytes.ts";
import { jsonReply, probes, problemReply, textReply } from "./replies.ts";

const request = (text: string) => ({
  ...{ method: "POST", target: "/", headers: {} },
  body: toUtf8(text),
});

test("probes answer as those of the real services", async () => {
  const [health, root] = probes("Ingestion.Api");
  expect(health).toMatchObject({ method: "GET", path: "/health", hop: null });
  expect(root).toMatchObject({ method: "GET", path: "/", hop: null });
  expect(await health?.handle(request(""))).toEqual({
    status: 200,
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: "Healthy",
  });
  expect(await root?.handle(request(""))).toEqual({
    status: 200,
    body: { service: "Ingestion.Api", status: "ok" },
  });
});

test("a reply is text, JSON or a problem", () => {
  expect(problemReply({ title: "no", status: 400 })).toEqual({
    status: 400,
    headers: { "content-type": "application/problem+json; charset=utf-8" },
    body: '{"title":"no","status":400}',
  });
  expect(jsonReply(404, { a: 1 })).toEqual({ status: 404, body: { a: 1 } });
  expect(textReply(400, "no")).toMatchObject({ status: 400, body: "no" });
});
