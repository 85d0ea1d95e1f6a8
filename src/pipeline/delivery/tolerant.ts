import * as z from "zod";

/**
 * Renames the keys of a foreign value to match `schema`: keys match in any letter case, and a field with `meta({
 * alias })` is also found under its alias. Unknown fields are left for the schema to drop. Reason: the real
 * services write the same event in two casings, and one writes `machineType` where the others read `type`.
 */
export function respell(schema: z.ZodType, value: unknown): unknown {
  return renamed(shapeOf(schema), value);
}

/** `spellings` are in lower case. */
type Field = { readonly key: string; readonly schema: z.ZodType; readonly spellings: string[] };
type Shape =
  | { readonly type: "list"; readonly element: z.ZodType }
  | { readonly type: "object"; readonly fields: readonly Field[] }
  | { readonly type: "value" };

const shapes = new WeakMap<z.ZodType, Shape>();

/** Determined once for each schema: to ask zod for every message takes four times as long as the renaming. */
function shapeOf(schema: z.ZodType): Shape {
  const known = shapes.get(schema);
  if (known !== undefined) return known;
  const shape = shapeIn(unwrap(schema));
  shapes.set(schema, shape);
  return shape;
}

function shapeIn(inner: z.ZodType): Shape {
  // zod types the element as its internal base
  if (inner instanceof z.ZodArray) return { type: "list", element: inner.element as z.ZodType };
  if (!(inner instanceof z.ZodObject)) return { type: "value" };
  const fields = inner.shape as Record<string, z.ZodType>; // the shape of an unknown object schema
  return {
    type: "object",
    fields: Object.entries(fields).map(([key, schema]) => {
      const alias = schema.meta()?.["alias"];
      const all = typeof alias === "string" ? [key, alias] : [key];
      return { key, schema, spellings: all.map((spelling) => spelling.toLowerCase()) };
    }),
  };
}

function renamed(shape: Shape, value: unknown): unknown {
  if (shape.type === "list" && Array.isArray(value)) {
    const element = shapeOf(shape.element);
    return value.map((item) => renamed(element, item));
  }
  if (shape.type !== "object" || !isRecord(value)) return value;
  const byLowerCase = new Map(Object.keys(value).map((key) => [key.toLowerCase(), key]));
  const result: Record<string, unknown> = {};
  for (const { key, schema, spellings } of shape.fields) {
    const found = spellings.map((spelling) => byLowerCase.get(spelling) ?? null);
    const name = found.find((one) => one !== null && value[one] != null) ?? firstOf(found);
    if (name !== null) result[key] = renamed(shapeOf(schema), value[name]);
  }
  return result;
}

const firstOf = (names: readonly (string | null)[]) => names.find((name) => name !== null) ?? null;

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
