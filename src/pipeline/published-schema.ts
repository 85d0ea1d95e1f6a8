import * as z from "zod";

/**
 * As JSON Schema that is published: it compiles in Ajv's strict mode (a time has its pattern, and no format that has
 * to be added; what only our codec reads is left out), and what is added later does not break it.
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
