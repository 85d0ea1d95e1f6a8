import { describeError } from "../errors.ts";
import { toLatin1 } from "./bytes.ts";
import type { Settle } from "./delivery-failures.ts";
import { headerNames } from "./headers.ts";
import type { ShellPorts } from "./shell.ts";
import type { Delivery } from "./wire.ts";

// Assigns ids to messages that arrive on a queue without one, as the deployed services send them. A log has a
// position for each record; a queue has none, so the body alone cannot tell a redelivery from an identical event.
//
//   N1. Identical bodies in one queue are numbered, and the id is derived from the number: the same in every
//       process.
//   N2. A first delivery (AMQP's `redelivered` is false) is a different event from all before it: the next number.
//   N3. A redelivery is either one that this process gave back, or one that was recorded and not acknowledged
//       (`acknowledged` records acknowledgements); otherwise it is undecided, and gets the next number. After a
//       crash between an acknowledgement and its record, one such event is mistaken for its predecessor; if the
//       connection is lost while one is processed, it is decided twice, because it is redelivered concurrently.

export type Unidentified = {
  /** The same delivery with an id. Rejects if the journal does. */
  named(
    arrived: Delivery,
    settle: Settle,
  ): Promise<{ readonly arrived: Delivery; readonly settle: Settle }>;
};

type Open = { readonly number: number; isHeld: boolean };
type Equals = { next: number | undefined; readonly open: Open[]; choosing: number };

/** How many distinct bodies have their next number cached; for others it is looked up. */
const rememberedMax = 1024;

/** Records that a decided message without an id was acknowledged. */
const acknowledging = "acknowledged";

export function createUnidentified(
  consumer: string,
  { ids, journal, reporter }: Pick<ShellPorts, "ids" | "journal" | "reporter">,
): Unidentified {
  const equals = new Map<string, Equals>();
  let turn: Promise<unknown> = Promise.resolve();

  const idOf = (base: string, number: number) =>
    number === 0 ? base : ids.derive(base, `equal ${number}`);
  const isRecorded = async (base: string, number: number) =>
    (await journal.find(consumer, idOf(base, number))) !== undefined;
  const isAcknowledged = async (id: string) =>
    (await journal.find(acknowledging, markOf(id, consumer))) !== undefined;

  const nextFree = async (base: string, known: Equals): Promise<number> => {
    let number = known.next ?? (await firstFree((each) => isRecorded(base, each)));
    const isOpen = () => known.open.some((one) => one.number === number);
    while (isOpen() || (await isRecorded(base, number))) number += 1;
    return number;
  };
  const choose = async (base: string, redelivered: boolean, known: Equals): Promise<Open> => {
    const back = redelivered ? known.open.find(({ isHeld }) => !isHeld) : undefined;
    if (back !== undefined) {
      back.isHeld = true;
      return back;
    }
    const next = await nextFree(base, known);
    const last = next - 1;
    const mayBeLast = redelivered && last >= 0 && !known.open.some(({ number }) => number === last);
    const isLast = mayBeLast && !(await isAcknowledged(idOf(base, last)));
    const chosen = { number: isLast ? last : next, isHeld: true };
    known.open.push(chosen);
    known.next = next;
    return chosen;
  };
  const forgetSome = () => {
    for (const [base, { choosing, open }] of equals) {
      if (equals.size <= rememberedMax) return;
      if (open.length === 0 && choosing === 0) equals.delete(base);
    }
  };

  const close = (known: Equals, chosen: Open): void => {
    known.open.splice(known.open.indexOf(chosen), 1);
    known.next = Math.max(known.next ?? 0, chosen.number + 1);
    forgetSome();
  };
  const acknowledge = async (id: string): Promise<void> => {
    const decided = await journal.find(consumer, id);
    if (decided === undefined) return;
    const message = { ...decided.message, id: markOf(id, consumer), payload: null };
    const nothing = { outgoing: [], timers: [], flow: null };
    await journal.accept({ consumer: acknowledging, message, ...nothing });
  };

  return {
    async named(arrived, settle) {
      const base = ids.derive(arrived.origin, toLatin1(arrived.body));
      const known = equals.get(base) ?? { next: undefined, open: [], choosing: 0 };
      equals.set(base, known);
      known.choosing += 1;
      const choice = turn
        .then(() => choose(base, arrived.redelivered, known))
        .finally(() => {
          known.choosing -= 1;
        });
      turn = choice.catch(() => undefined); // the caller handles it
      const chosen = await choice;
      const id = idOf(base, chosen.number);
      const giveBack = () => {
        chosen.isHeld = false;
      };
      return {
        arrived: { ...arrived, headers: { ...arrived.headers, [headerNames.messageId]: id } },
        settle: {
          async done() {
            await settle.done().catch((error: unknown) => {
              giveBack();
              throw error;
            });
            close(known, chosen);
            await acknowledge(id).catch((error) => tellUnwritten(consumer, error, reporter));
          },
          again(delayMs) {
            giveBack();
            return settle.again(delayMs);
          },
        },
      };
    },
  };
}

function tellUnwritten(consumer: string, error: unknown, reporter: ShellPorts["reporter"]): void {
  const { code, reason } = describeError(error);
  const message = `${consumer} acknowledged a message but could not record that: ${reason}`;
  reporter.notice({ code, message, flowId: null });
}

/** The lowest free number, assuming no gaps; old numbers are removed with their flows. */
async function firstFree(isTaken: (number: number) => Promise<boolean>): Promise<number> {
  let [low, high] = [-1, 0];
  while (await isTaken(high)) [low, high] = [high, high * 2 + 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await isTaken(middle)) low = middle;
    else high = middle;
  }
  return high;
}

const markOf = (id: string, consumer: string) => `${id} by ${consumer}`;
