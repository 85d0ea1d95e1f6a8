import type { z } from "zod";

/** Outputs of schemas in this process. Payloads never change, so parsing them again would give the same result. */
const valid = new WeakMap<object, z.ZodObject>();

type Payload = Record<string, unknown>;

/** `schema.safeParse`, but only once per payload, whether it is recorded, sent or both. */
export function validate(schema: z.ZodObject, payload: unknown): z.ZodSafeParseResult<Payload> {
  if (isKnown(schema, payload)) return { success: true, data: payload };
  const result = schema.safeParse(payload);
  if (result.success) valid.set(result.data, schema);
  return result;
}

function isKnown(schema: z.ZodObject, payload: unknown): payload is Payload {
  return typeof payload === "object" && payload !== null && valid.get(payload) === schema;
}
