import { beforeEach, describe, expect, test } from "vitest";
import { createMemoryDefinitions } from "../../adapters/memory/definitions.ts";
import { sha256 } from "../../adapters/memory/ids.ts";
import { findContract } from "../contracts/catalogue.ts";
import type { Service } from "../delivery/service.ts";
import type { Definition } from "../engine/definition.ts";
import { flowNamed } from "../flows/flow.ts";
import type { Message } from "../message.ts";
import type { Definitions } from "../ports/definitions.ts";
import { createOrchestrator, pinOf } from "./orchestrator.ts";

const { definition } = flowNamed("full");
const [recognition, ...others] = definition.steps;
if (recognition === undefined) throw new Error("the flow has steps");
/** The same version with different content: only the first step. */
const shorter: Definition = { ...definition, steps: [recognition] };
const newer: Definition = { ...shorter, version: "99" };

let definitions: Definitions;
beforeEach(() => {
  definitions = createMemoryDefinitions();
});

const message = (name: string): Message => ({
  id: `m-${name}`,
  name,
  kind: "event",
  flowId: "f1",
  causationId: null,
  subject: "images/a.png",
  occurredAt: "2026-01-01T00:00:00.000Z",
  producer: "test",
  schema: `${name}.v1`,
  headers: {},
  payload: findContract(name)?.example,
});
const following = (one: Definition) =>
  createOrchestrator({ definition: one, definitions, digest: sha256, isInDoubt: () => false });
async function react({ stateful }: Service, state: unknown, name: string) {
  const reaction = await stateful?.(state, message(name));
  if (reaction === undefined || reaction === "no change") return { state, sent: [], ended: false };
  const sent = reaction.outgoing.map((draft) => draft.name);
  return { state: reaction.state, sent, ended: reaction.ended };
}

describe("an instance that began under another definition", () => {
  test.each([
    ["the same version, changed", shorter],
    ["a newer version", newer],
  ])("ends as it began: %s", async (_, changed) => {
    const begun = await react(following(definition), undefined, "tu.image.uploaded");
    const next = await react(following(changed), begun.state, "recognition.completed");
    expect(next).toMatchObject({ sent: ["analysis.comparison.request"], ended: false });
    const back = await react(following(definition), next.state, "comparison.completed");
    expect(back.sent).toEqual(["analysis.metadata.request"]);
    expect(others).toHaveLength(2);
  });

  test("continues if it was pinned before definitions had a hash", async () => {
    const begun = await react(following(definition), undefined, "tu.image.uploaded");
    const { state } = begun.state as { state: unknown }; // in the format recorded then
    const next = await react(following(definition), state, "recognition.completed");
    expect(next.sent).toEqual(["analysis.comparison.request"]);
  });

  test("continues from state read from a file", async () => {
    const orchestrator = following(definition);
    const begun = await react(orchestrator, undefined, "tu.image.uploaded");
    const given: unknown = JSON.parse(JSON.stringify(begun.state));
    const next = await react(orchestrator, given, "recognition.completed");
    expect(next.sent).toEqual(["analysis.comparison.request"]);
  });

  test.each([
    { v: 2, pin: null, state: { status: "idle", early: [] } },
    { v: 1, pin: null, state: { status: "running", definition: "a@1" } },
    { v: 1, pin: null, state: { status: "idle", early: [{ id: "no message" }] } },
    "text",
    null,
  ])("is not decided when what is recorded is no state: %j", async (recorded) => {
    await expect(
      react(following(definition), recorded, "recognition.completed"),
    ).rejects.toMatchObject({ code: "E_STATE_UNUSABLE" });
  });

  test("stays undecided if the definition is unknown", async () => {
    const elsewhere = createOrchestrator({
      definition: newer,
      definitions: createMemoryDefinitions(),
      digest: sha256,
      isInDoubt: () => false,
    });
    const begun = await react(elsewhere, undefined, "tu.image.uploaded");
    await expect(
      react(following(definition), begun.state, "recognition.completed"),
    ).rejects.toMatchObject({
      code: "E_DEFINITION_UNKNOWN",
      message: expect.stringContaining("@99#"),
    });
  });
});

test("a definition is kept before the first instance that follows it is recorded", async () => {
  await react(following(definition), undefined, "tu.image.uploaded");
  expect(await definitions.find(pinOf(definition, sha256))).toEqual(definition);
});

test("a definition that could not be stored is retried, and nothing begins before", async () => {
  let isBusy = true;
  const kept = createMemoryDefinitions();
  definitions = {
    ...kept,
    keep: async (...args) => {
      if (isBusy) throw new Error("busy");
      return kept.keep(...args);
    },
  };
  const orchestrator = following(definition);
  await expect(react(orchestrator, undefined, "tu.image.uploaded")).rejects.toThrow("busy");
  isBusy = false;
  expect((await react(orchestrator, undefined, "tu.image.uploaded")).sent).toContain(
    "analysis.started",
  );
});

test("every step's timeout is a patience, a retry is an agreed time", async () => {
  const orchestrator = following(definition);
  const reaction = await orchestrator.stateful?.(undefined, message("tu.image.uploaded"));
  if (reaction === undefined || reaction === "no change") throw new Error("it begins");
  expect(reaction.timers).toMatchObject([{ payload: { purpose: "timeout" }, isPatience: true }]);
  const failed = { ...message("recognition.failed"), payload: { retryable: true, attempt: 1 } };
  const next = await orchestrator.stateful?.(reaction.state, failed);
  if (next === undefined || next === "no change") throw new Error("it backs off");
  expect(next.timers).toMatchObject([{ payload: { purpose: "retry" }, isPatience: false }]);
});
