import { confirmIdOf } from "../contracts/upload.ts";
import type { Message } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { Journal } from "../ports/journal.ts";
import { createFlowMemory, keep, keyless, type Place, uploadIdIn, uploads } from "./flow-memory.ts";
import { headerNames } from "./headers.ts";

// Finds the flow of a message that does not name it. The deployed bridge drops key and headers, and no body of the
// deployed services names a flow: that leaves the object key, the upload id, or content and time.
//
//   K1. A message that names its flow is believed, unless the upload of its picture arrived without that name and
//       began the flow under another, or the flow was named here, where a client waits for it under that name.
//   K2. An object key not yet seen with a flow determines one, the same in every process. Only an upload begins it.
//   K3. A result without a key goes to the flow whose result has the same content; among identical ones any will
//       do. Otherwise to the only flow waiting for one; if several are waiting, to none.
//   K4. The flows that were waiting then are in doubt: silence does not prove that no result arrived.
//
// Messages that other processes have seen are unknown here, except confirmed uploads, which are in the journal.

/**
 * How certain a link is. `object-key` and `upload-id` are certain, `content` is equally good, `time` is a guess: no
 * other flow is waiting. `none`: unknown, and the message stands alone.
 */
type FlowLink = "object-key" | "upload-id" | "content" | "time" | "none";

export type FlowLinks = {
  /** Learns from a message whose flow is known. */
  note(message: Message): void;
  /** The client of this process waits for the flow of this picture under this name. */
  named(place: Place): void;
  /** Its upload was not accepted. */
  giveUp(flowId: string): void;
  /** The message with its flow; if it did not name one, `x-flow-link` states how it was found. */
  linked(message: Message, namesFlow: boolean): Promise<Message>;
  /** A result arrived that may have belonged to this flow, but could not be attributed. */
  isInDoubt(flowId: string): boolean;
};

type Found = readonly [FlowLink, Place];

export function createFlowLinks(ports: {
  readonly ids: Pick<Ids, "derive">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly journal: Pick<Journal, "find">;
}): FlowLinks {
  const { clock, ids, journal } = ports;
  const memory = createFlowMemory(clock);
  const begun = new Map<string, true>();
  const doubted = new Map<string, true>();
  const madeOf = (subject: string) => ids.derive(subject, "flow");

  const note = (message: Message): void => {
    if (message.kind === "event") memory.learn(message);
  };
  const begin = (found: Message): void => {
    if (found.flowId === madeOf(found.subject)) keep(begun, found.subject, true);
    note(found);
  };
  const byUpload = async (payload: unknown): Promise<Place | undefined> => {
    const uploadId = uploadIdIn(payload);
    if (uploadId === "") return undefined;
    const known = memory.ofUpload(payload);
    if (known !== undefined) return known;
    return (await journal.find("tu-ingestion-service", confirmIdOf(uploadId, ids)))?.message;
  };
  const byKeys = async ({ payload, subject }: Message): Promise<Found | undefined> => {
    const known = memory.ofKey(subject);
    if (known !== undefined) return ["object-key", { flowId: known, subject }];
    const upload = await byUpload(payload);
    if (upload !== undefined)
      return ["upload-id", { ...upload, subject: subject || upload.subject }];
    return subject === "" ? undefined : ["object-key", { flowId: madeOf(subject), subject }];
  };
  const byContentOrTime = (message: Message): Found => {
    if (!keyless.includes(message.name)) return ["none", message];
    const same = memory.withContentOf(message);
    if (same !== undefined) return ["content", same];
    const waiting = memory.waitingFor(message.name);
    const [only, ...others] = waiting;
    if (only !== undefined && others.length === 0) return ["time", only];
    for (const { flowId } of waiting) keep(doubted, flowId, true);
    return ["none", message];
  };

  const isBelieved = ({ flowId, subject }: Message): boolean =>
    !begun.has(subject) || memory.ofKey(subject) === flowId;

  return {
    note,
    named({ flowId, subject }) {
      memory.learn({ name: "tu.images.uploaded", flowId, subject, producer: "", payload: {} });
      keep(begun, subject, true);
    },
    giveUp: (flowId) => memory.giveUp(flowId),
    async linked(message, namesFlow) {
      if (namesFlow && isBelieved(message)) {
        note(message);
        return message;
      }
      const [link, { flowId, subject }] = (await byKeys(message)) ?? byContentOrTime(message);
      const headers = { ...message.headers, [headerNames.flowLink]: link };
      const found = { ...message, flowId, subject, headers };
      if (uploads.includes(message.name)) begin(found);
      else if (memory.ofKey(subject) !== undefined) note(found);
      return found;
    },
    isInDoubt: (flowId) => doubted.has(flowId),
  };
}

/** What a story says of a link that the message does not make certain itself. */
export function linkNote({ headers }: Pick<Message, "headers">): string | null {
  const link = headers[headerNames.flowLink];
  return link === "content" || link === "time" ? `flow linked by ${link}` : null;
}
