import { describe, expect, test } from "vitest";
import { sampleSeenFlow } from "../../adapters/testing/flow-store-contract.ts";
import { serviceNames } from "../contracts/contract.ts";
import { everyMessage, onlyRecords, type SeenFlow } from "../domain/seen-flow.ts";
import { flowNamed } from "../flows/flow.ts";
import type { Hop } from "../ports/reporter.ts";
import { sampleHop } from "./hop.samples.ts";
import { type Evidence, verdictOn, verdictRules } from "./verdict.ts";

const flow = flowNamed("full");
/** Everything that the flow declares, a second apart. */
const whole = flow.hops.map((hop, at) =>
  sampleHop({ ...(hop as Partial<Hop>), messageId: hop.name, atMs: at * 1_000 }),
);
const endMs = (whole.length - 1) * 1_000;
const aboutOf = (hops: readonly Hop[], values: Partial<SeenFlow> = {}) =>
  sampleSeenFlow({
    ...{ seenAt: [...serviceNames], startedAtMs: 0, lastAtMs: hops.at(-1)?.atMs ?? 0 },
    ...values,
  });
const evidence = (hops: readonly Hop[], values: Partial<SeenFlow> = {}): Evidence => ({
  ...{ flow, hops, about: aboutOf(hops, values), nowMs: 3_600_000, isRunning: true },
});
const completed = { status: "completed", endedAtMs: endMs } as const;
const until = (name: string) =>
  whole.slice(
    0,
    whole.findIndex((hop) => hop.name === name),
  );

describe("each rule speaks where it should", () => {
  const scenarios: Readonly<Record<string, readonly [Evidence, object]>> = {
    endedTwice: [
      evidence([...whole, sampleHop({ name: "analysis.failed", messageId: "other" })], completed),
      { state: "failed", text: expect.stringContaining("decided more than once") },
    ],
    failedAtStep: [
      evidence(until("recognition.completed"), {
        ...{ status: "failed", endedAtMs: 1, attempts: 3 },
        failure: { step: "recognition", code: "E_FETCH_FAILED", reason: "503" },
      }),
      { state: "failed", text: "failed at step recognition after 3 attempts: E_FETCH_FAILED: 503" },
    ],
    completeWithGaps: [
      evidence(
        whole.filter(({ to }) => to !== "svc-machine-storage"),
        completed,
      ),
      { state: "complete", missing: expect.objectContaining({ to: "svc-machine-storage" }) },
    ],
    complete: [evidence(whole, completed), { state: "complete", text: "complete in 20.00 s" }],
    parkedMessage: [
      evidence([
        ...until("analysis.started"),
        sampleHop({
          ...{ name: "tu.image.uploaded parked", kind: "write", to: "tu.dead-letters" },
          ...{ from: "svc-analysis-orchestrator", note: "E_MESSAGE_INVALID: no key" },
        }),
      ]),
      {
        state: "stuck",
        text: "stuck: svc-analysis-orchestrator gave up tu.image.uploaded: E_MESSAGE_INVALID: no key",
      },
    ],
    partlySeen: [
      {
        ...evidence(until("tu.image.uploaded"), { seenAt: [everyMessage, onlyRecords] }),
        isRunning: null,
      },
      { state: "unknown", missing: null },
    ],
    neverAccepted: [
      evidence(until("confirmUpload")),
      { state: "abandoned", missing: expect.objectContaining({ name: "confirmUpload" }) },
    ],
    underWay: [
      { ...evidence(until("recognition.completed")), nowMs: 12_000 + 25_000 },
      { state: "running", missing: expect.objectContaining({ name: "recognition.completed" }) },
    ],
    nothingRuns: [
      { ...evidence(until("analysis.started")), isRunning: false },
      { state: "stuck", text: expect.stringContaining("no pipeline runs here") },
    ],
    stuckBefore: [
      evidence(until("tu.image.uploaded")),
      {
        state: "stuck",
        text: expect.stringContaining(
          "expected on queue orchestrator.image-uploaded of exchange tu.image.uploaded",
        ),
      },
    ],
    silent: [evidence(whole), { state: "stuck", text: expect.stringContaining("every hop") }],
  };

  test.each(Object.entries(scenarios))("%s", (rule, [given, expected]) => {
    expect(verdictOn(given)).toMatchObject({ rule, ...expected });
  });

  test("no rule is without a scenario", () => {
    expect(Object.keys(scenarios)).toEqual([...verdictRules, "silent"]);
  });
});

test("what was before the first thing seen is not missed", () => {
  const begun = whole.slice(whole.findIndex(({ name }) => name === "tu.images.uploaded"));
  expect(verdictOn(evidence(begun, completed))).toMatchObject({ rule: "complete" });
});

describe.each(["full", "current"] as const)("in flow %s", (name) => {
  const { hops } = flowNamed(name);
  const seen = hops.map((hop, at) =>
    sampleHop({ ...(hop as Partial<Hop>), messageId: hop.name, atMs: at }),
  );
  const told = hops.filter(({ transport }) => transport !== "graphql-ws");

  test.each(told.map((hop, at) => [`${hop.name} → ${hop.to}`, hop, at] as const))(
    "a flow that stopped before %s names it",
    (_, missing, at) => {
      const before = seen.slice(0, at);
      const given = {
        ...evidence(before),
        flow: flowNamed(name),
        about: aboutOf(before, { flow: name }),
      };
      expect(verdictOn(given).missing).toMatchObject({ name: missing.name, to: missing.to });
    },
  );

  test("embedded, a service that was left out is where it is missed", () => {
    for (const [at, { from, to }] of told.entries()) {
      if (to === "object-store" || to === "graph-gateway") continue;
      const before = seen.slice(0, at);
      const seenAt = serviceNames.filter((service) => service !== to);
      const about = aboutOf(before, { flow: name, seenAt });
      const { look, missing } = verdictOn({ ...evidence(before), about, flow: flowNamed(name) });
      expect(missing).toMatchObject({ from, to });
      if (missing?.transport !== "http")
        expect(look).toEqual([expect.stringContaining(`runs ${to}`)]);
    }
  });

  test("a tap on the transports expects messages only, wherever services run", () => {
    const messages = seen.filter(
      ({ transport }) => transport === "kafka" || transport === "rabbitmq",
    );
    const about = aboutOf(messages, { ...completed, seenAt: [everyMessage], flow: name });
    const given = { ...evidence(messages), about, flow: flowNamed(name), isRunning: null };
    expect(verdictOn(given)).toMatchObject({ rule: "complete" });
    const lost = messages.slice(0, 2);
    const stuck = { ...given, hops: lost, about: { ...about, status: "running" as const } };
    expect(verdictOn(stuck).missing).toMatchObject({ name: messages[2]?.name });
  });
});
