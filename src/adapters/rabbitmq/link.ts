import { setMaxListeners } from "node:events";
import type { Channel, ChannelModel } from "amqplib";
import type { TuError } from "../../pipeline/errors.ts";
import { orAborted } from "../../pipeline/or-aborted.ts";
import type { OpenModel } from "./client.ts";
import { toTuError, unavailable } from "./errors.ts";

/**
 * Two connections to one broker, opened together and lost together. A broker that is short of memory or disk stops
 * reading from connections that publish: what settles deliveries needs another one.
 */
export type Link = {
  readonly publishing: ChannelModel;
  readonly working: ChannelModel;
  /** Aborted, with the error for whoever waits, when the link is lost or closed. */
  readonly ended: AbortSignal;
  /** Cuts both connections, at the latest when one of them has closed; nothing of them remains. */
  end(reason: TuError): void;
  /** Takes leave of the broker, if that answers in time, and ends. */
  close(): Promise<void>;
};

const openTimeoutMs = 5000;
const closeTimeoutMs = 2000;

/** Throws E_SERVICE_UNAVAILABLE without an answer in 5 s or when `until` is aborted, and E_ACCESS_REFUSED. */
export async function openLink(openModel: OpenModel, until: AbortSignal): Promise<Link> {
  const ending = new AbortController();
  const ended = ending.signal;
  setMaxListeners(0, ended); // everything that is under way waits for it
  const end = (reason: TuError) => ending.abort(reason);
  let isClosing = false;
  const open = async (purpose: string) => {
    const model = await openModel(purpose, ended);
    model.on("close", () => {
      if (!isClosing) end(unavailable("lost"));
    });
    return model;
  };
  const opened = Promise.all([open("publishing"), open("working")]);
  try {
    const [publishing, working] = await orAnyOf(opened, [
      until,
      AbortSignal.timeout(openTimeoutMs),
    ]);
    const close = async () => {
      isClosing = true;
      const closed = Promise.all([publishing.close(), working.close()]);
      await atMost(closeTimeoutMs, { ended, work: closed });
      end(unavailable("closed"));
    };
    return { publishing, working, ended, end, close };
  } catch (error) {
    const known = toTuError(error, "cannot connect to RabbitMQ");
    end(known);
    throw known;
  }
}

/** Not `AbortSignal.any`: in Node 20 a timeout that only this refers to may be collected, and never comes. */
export function orAnyOf<T>(work: Promise<T>, signals: readonly AbortSignal[]): Promise<T> {
  return signals.reduce((waiting, signal) => orAborted(waiting, signal), work);
}

/**
 * For clean-up: waits for it up to `timeoutMs`, however it ends. What amqplib closes is never heard of again when its
 * connection breaks meanwhile.
 */
export async function atMost(
  timeoutMs: number,
  { ended, work }: { readonly ended: AbortSignal; readonly work: Promise<unknown> },
): Promise<void> {
  await orAnyOf(work, [ended, AbortSignal.timeout(timeoutMs)]).catch(() => undefined); // its connection is cut next
}

/** A channel for one piece of work: a broker closes the channel of an operation that it refuses. */
export async function onChannel<T>(
  { working }: Link,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const channel = await working.createChannel();
  let isOpen = true;
  channel.on("error", () => undefined); // the operation rejects with it
  channel.on("close", () => {
    isOpen = false;
  });
  try {
    return await work(channel);
  } finally {
    if (isOpen) await channel.close();
  }
}
