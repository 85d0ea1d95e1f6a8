import type { z } from "zod";

/** What a schema gave back in this process. Payloads never change, so it would say the same again. */
const valid = new WeakMap<object, z.ZodObject>();

type Payload = Record<string, unknown>;

/** `schema.safeParse`, which a payload goes through once, be it recorded, sent or both. */
export function validate(schema: z.ZodObject, payload: unknown): z.ZodSafeParseResult<Payload> {
  if (isKnown(schema, payload)) return { success: true, data: payload };
  const result = schema.safeParse(payload);
  if (result.success) valid.set(result.data, schema);
  return result;
}

function isKnown(schema: z.ZodObject, payload: unknown): payload is Payload {
  return typeof payload === "object" && payload !== null && valid.get(payload) === schema;
}
