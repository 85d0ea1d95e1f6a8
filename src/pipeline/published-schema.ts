import * as z from "zod";

/**
 * A JSON Schema for publication: it compiles in Ajv's strict mode (times have a pattern, and no format that would
 * have to be added; what only our codec reads is left out), and allows for fields added later.
 */
export function publishedSchema(schema: z.ZodType, io: "input" | "output" = "output") {
  return z.toJSONSchema(schema, {
    io,
    override({ jsonSchema }) {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      delete jsonSchema["alias"];
      if (jsonSchema.pattern !== undefined) delete jsonSchema.format;
    },
  });
}
