import { deadLetterName } from "../pipeline/delivery/dead-letter.ts";
import { deadLetters } from "../pipeline/topology.ts";
import type { Poison } from "./poison.ts";
import type { Remains } from "./remains.ts";

// Compares the published dead letters with the injected messages, byte by byte, and without using the code that
// writes the letters.

/** The attempts at a readable message. */
const triesMax = 8;
const marks = "x-dead-";

/** A published letter: the message it parks, and the headers added to it. */
type Letter = {
  readonly parked: string;
  readonly marks: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, unknown>>;
};

/**
 * Each poison message is parked once, after the right number of attempts, as it arrived; and nothing else is
 * parked.
 */
export function wronglyParkedIn(remains: Remains): readonly string[] {
  const letters = distinct(publishedIn(remains));
  const due = remains.poisons.flatMap((poison) =>
    poison.consumers.map((consumer) => ({ poison, consumer })),
  );
  const wrong = due.flatMap((one) => {
    const own = letters.filter((letter) => isLetterOf(letter, one));
    return own.length === 1 || (one.poison.isGone && own.length === 0)
      ? own.flatMap((letter) => wrongIn(letter, one, remains))
      : [`${one.consumer} parked ${one.poison.name} ${own.length} times`];
  });
  const others = letters
    .filter((letter) => !due.some((one) => isLetterOf(letter, one)))
    .map(({ marks: added, parked }) => `${JSON.stringify(added)}: nobody sent ${parked}`);
  const recorded = [...remains.histories.values()]
    .flat()
    .flatMap(({ outgoing }) => outgoing.filter(({ name }) => name === deadLetterName)).length;
  return recorded === letters.length
    ? [...wrong, ...others]
    : [...wrong, ...others, `${recorded} letters are recorded, ${letters.length} were published`];
}

type Due = { readonly poison: Poison; readonly consumer: string };

function isLetterOf(letter: Letter, { consumer, poison }: Due): boolean {
  const given = poison.wire.transport === "kafka" ? {} : poison.wire.properties;
  return (
    letter.marks["x-dead-consumer"] === consumer &&
    letter.marks["x-dead-target"] === poison.target &&
    letter.parked === textOf(poison) &&
    Object.entries(given).every(([name, value]) => letter.properties[name] === value)
  );
}

function wrongIn(
  letter: Letter,
  { consumer, poison }: Due,
  { ledger }: Remains,
): readonly string[] {
  const attempts = Number(letter.marks["x-dead-attempts"]);
  const least = poison.isReadable ? triesMax : 1;
  // An attempt that was counted but had no other effect is repeated.
  const most = least + ledger.count("crash") + ledger.count("store") + ledger.count("transport");
  const made = ledger.count("poison", `${poison.name} ${consumer}`);
  const isTooEarly = attempts < least || (poison.isReadable && made < least);
  if (isTooEarly) return [`${poison.name} was parked after ${made} of ${least} tries`];
  return attempts <= most ? [] : [`${poison.name} was parked after ${attempts} tries`];
}

function publishedIn({ appended, taken }: Remains): readonly Letter[] {
  const records = appended.filter(({ topic }) => topic === deadLetters.topic);
  const publications = taken.filter(({ exchange }) => exchange === deadLetters.exchange);
  return [
    ...records.map(({ body, headers, key }) => ({
      parked: text({ key, headers: headers.filter(({ name }) => !name.startsWith(marks)), body }),
      properties: {},
      marks: Object.fromEntries(
        headers
          .filter(({ name }) => name.startsWith(marks))
          .map(({ name, value }) => [name, new TextDecoder().decode(value ?? undefined)]),
      ),
    })),
    ...publications.map(({ body, headers, properties }) => {
      const entries = Object.entries(headers);
      const added = entries.filter(([name]) => name.startsWith(marks));
      const own = entries.filter(([name]) => !name.startsWith(marks));
      const marked = Object.fromEntries(added.map(([name, value]) => [name, String(value)]));
      const routingKey = marked["x-dead-routing-key"];
      return { parked: text({ routingKey, headers: own, body }), properties, marks: marked };
    }),
  ];
}

function textOf({ wire }: Poison): string {
  if (wire.transport === "kafka")
    return text({ key: wire.key, headers: wire.headers, body: wire.body });
  const { body, headers, routingKey } = wire;
  return text({ routingKey, headers: Object.entries(headers), body });
}

/** A letter sent twice after a crash counts once. */
function distinct(letters: readonly Letter[]): readonly Letter[] {
  return [...new Map(letters.map((letter) => [JSON.stringify(letter), letter])).values()];
}

/** As text, with bytes marked as such, and the numbers that JSON lacks. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Uint8Array) return { bytes: [...part] };
    return typeof part === "number" && !Number.isFinite(part) ? { number: String(part) } : part;
  });
}
