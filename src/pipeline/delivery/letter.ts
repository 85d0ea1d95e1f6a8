import * as z from "zod";
import { toLatin1, toUtf8 } from "./bytes.ts";
import { StoredWire } from "./stored-wire.ts";

// The record of a dead letter: the delivery as received, with where it must go and why it is dead.

const NewLetter = z.object({
  /** Topic or queue: the destination of a replay. */
  target: z.string(),
  /** The headers that give the reason. */
  marks: z.array(z.tuple([z.string(), z.string()])),
  wire: StoredWire,
});

/** The format of earlier versions: keys and headers were text, with the marks among them. */
const OldLetter = z
  .object({
    transport: z.enum(["kafka", "rabbitmq"]),
    target: z.string(),
    key: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.string(),
  })
  .transform(({ body, headers, key, target, transport }): z.infer<typeof NewLetter> => {
    const entries = Object.entries(headers);
    const isKafka = transport === "kafka";
    const latin1 = (text: string) => toLatin1(toUtf8(text));
    return {
      target,
      marks: [],
      wire: isKafka
        ? {
            transport,
            key: latin1(key),
            headers: entries.map(([name, value]) => ({ name, value: latin1(value) })),
            body,
          }
        : { transport, routingKey: key, headers: entries, properties: {}, body },
    };
  });

export const Letter = z.union([NewLetter, OldLetter]);
export type Letter = z.infer<typeof Letter>;
