import { beforeEach, describe, expect, test } from "vitest";
import { sampleMessage } from "../../adapters/testing/samples.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import { createOutbox, type Outbox } from "./outbox.ts";

let outbox: Outbox;
let sent: string[];
/** What was noted as sent. */
let noted: string[];
let notices: string[];
let transport: (message: Message) => Promise<void>;

beforeEach(() => {
  sent = [];
  noted = [];
  notices = [];
  transport = async ({ id }) => void sent.push(id);
  outbox = createOutbox({
    publish: (message) => transport(message),
    journal: { sent: (messages) => void noted.push(...messages.map(({ id }) => id)) },
    clock: { nowMs: () => 0 },
    reporter: { notice: ({ code, message }) => void notices.push(`${code} ${message}`) },
  });
});
const down = async () => {
  throw new TuError("E_SERVICE_UNAVAILABLE", "the broker is gone");
};
const refuse = async () => {
  throw new TuError("E_UNROUTABLE", "no queue accepted it");
};
const message = (id: string, subject = id) => sampleMessage({ id, subject });
const settled = () => new Promise((resolve) => setTimeout(resolve, 1));

test("a message that was taken is noted as sent, and nothing is owed", async () => {
  await outbox.put([message("a"), message("b")]);
  expect([sent, noted, notices]).toEqual([["a", "b"], ["a", "b"], []]);
  expect([outbox.owes(), outbox.isClosed()]).toEqual([false, false]);
});

describe("a transport in trouble", () => {
  test("closes the outbox, and later messages are owed without being tried", async () => {
    transport = down;
    await outbox.put([message("a")]);
    expect([outbox.owes(), outbox.isClosed()]).toEqual([true, true]);
    outbox.sweep();
    expect(outbox.owes()).toBe(false);
    transport = async ({ id }) => void sent.push(id);
    await outbox.put([]);
    expect(outbox.owes()).toBe(false);
    await outbox.put([message("b")]);
    expect([sent, noted, outbox.owes()]).toEqual([[], [], true]);
    outbox.sweep();
    expect(await outbox.putOwed([message("a"), message("b")])).toBe(true);
    expect([noted, outbox.owes(), outbox.isClosed()]).toEqual([["a", "b"], false, true]);
    outbox.open();
    await outbox.put([message("c")]);
    expect(noted).toEqual(["a", "b", "c"]);
  });

  test("holds back the messages queued behind it", async () => {
    let fail: (error: Error) => void = () => undefined;
    transport = ({ id }) => {
      sent.push(id);
      return new Promise((_, reject) => (fail = reject));
    };
    const putting = outbox.put([message("a", "s"), message("b", "s")]);
    await settled();
    expect(sent).toEqual(["a"]);
    fail(new TuError("E_SERVICE_UNAVAILABLE", "the broker is gone"));
    await putting;
    expect([sent, noted, outbox.owes()]).toEqual([["a"], [], true]);
  });

  test("that persists holds back the rest of what is owed", async () => {
    transport = down;
    await outbox.put([message("a")]);
    outbox.sweep();
    const tried: string[] = [];
    transport = async ({ id }) => {
      tried.push(id);
      await down();
    };
    expect(await outbox.putOwed([message("a", "s"), message("b", "s")])).toBe(false);
    expect([tried, outbox.owes()]).toEqual([["a"], true]);
  });

  test("is reported once, and again for messages it still refuses when it is back", async () => {
    transport = down;
    await outbox.put([message("a")]);
    await outbox.putOwed([message("a")]);
    await outbox.putOwed([message("b")]);
    expect(notices).toEqual([
      "E_SERVICE_UNAVAILABLE sample (a) is recorded but not sent yet: the broker is gone",
    ]);
    transport = refuse;
    await outbox.putOwed([message("c")]);
    expect(notices[1]).toBe(
      "E_UNROUTABLE sample (c) is recorded but not sent yet: no queue accepted it",
    );
  });
});

describe("a message that is refused individually", () => {
  test("is owed, and the outbox stays open", async () => {
    transport = refuse;
    await outbox.put([message("a")]);
    expect([outbox.owes(), outbox.isClosed()]).toEqual([true, false]);
    expect(await outbox.putOwed([message("a")])).toBe(true);
  });

  test("does not hold up the next one of its subject", async () => {
    transport = async ({ id }) => {
      if (id === "a") await refuse();
      sent.push(id);
    };
    await outbox.put([message("a", "s"), message("b", "s")]);
    expect(noted).toEqual(["b"]);
  });

  test("is reported once until it is taken", async () => {
    transport = refuse;
    for (let time = 0; time < 3; time += 1) await outbox.putOwed([message("a")]);
    expect(notices).toHaveLength(1);
    transport = async () => undefined;
    await outbox.putOwed([message("a")]);
    transport = refuse;
    await outbox.putOwed([message("a")]);
    expect(notices).toHaveLength(2);
  });
});

test("a message in flight is not sent concurrently", async () => {
  let take: () => void = () => undefined;
  transport = ({ id }) => {
    sent.push(id);
    return new Promise((resolve) => (take = resolve));
  };
  const putting = outbox.put([message("a")]);
  await settled();
  expect(await outbox.putOwed([message("a")])).toBe(true);
  expect(sent).toEqual(["a"]);
  take();
  await putting;
  const again = outbox.putOwed([message("a")]);
  await settled();
  take();
  await again;
  expect(sent).toEqual(["a", "a"]);
});
