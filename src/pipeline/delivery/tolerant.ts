import * as z from "zod";

/**
 * Renames the keys of a foreign value to match `schema`: keys match in any letter case, and a field with `meta({
 * alias })` is also found under its alias. Unknown fields are left for the schema to drop. Reason: the real
 * services write the same event in two casings, and one writes `machineType` where the others read `type`.
 */
export function respell(schema: z.ZodType, value: unknown): unknown {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    const element = inner.element as z.ZodType; // zod types the element as its internal base
    return value.map((item) => respell(element, item));
  }
  if (!(inner instanceof z.ZodObject) || !isRecord(value)) return value;
  const byLowerCase = new Map(Object.keys(value).map((key) => [key.toLowerCase(), key]));
  const shape = inner.shape as Record<string, z.ZodType>; // the shape of an unknown object schema
  const entries = Object.entries(shape).flatMap(([key, field]) => {
    const found = spellings(key, field)
      .map((spelling) => byLowerCase.get(spelling.toLowerCase()))
      .filter((name) => name !== undefined);
    const name = found.find((candidate) => value[candidate] != null) ?? found[0];
    return name === undefined ? [] : [[key, respell(field, value[name])] as const];
  });
  return Object.fromEntries(entries);
}

function spellings(key: string, field: z.ZodType): readonly string[] {
  const alias = field.meta()?.["alias"];
  return typeof alias === "string" ? [key, alias] : [key];
}

function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema;
  while (
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodNullable ||
    inner instanceof z.ZodDefault
  ) {
    inner = inner.unwrap() as z.ZodType; // zod types the inner schema as its internal base
  }
  return inner;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
