import * as z from "zod";
import { closest } from "../closest.ts";
import { TuError } from "../errors.ts";

// `--set path=value`: changes fields of a body by their paths. Names are found in any letter case; elements of a list
// by their position.

type Node = {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly additionalProperties?: unknown;
};

/**
 * The payload with a field set. Text is taken as JSON where the schema has no text at that place, and otherwise as it
 * is; `null` is null. Throws E_USAGE for a path that the schema does not have, naming those that it has.
 */
export function withField(
  payload: Readonly<Record<string, unknown>>,
  assignment: string,
  schema: z.ZodObject,
): Record<string, unknown> {
  const at = assignment.indexOf("=");
  if (at < 1)
    throw new TuError("E_USAGE", `--set ${assignment} must be path=value`, {
      hint: "for example --set contentType=image/jpeg",
    });
  const [path, text] = [assignment.slice(0, at), assignment.slice(at + 1)];
  const root = z.toJSONSchema(schema, { io: "input" }) as Node;
  const found = stepsIn(root, path);
  if (found === undefined) throw unknownPath(path, root);
  return changed(payload, found.steps, valueIn(text, found.node)) as Record<string, unknown>; // an object stays one
}

/** Every path that can be set: `aggregate.name`, `matches.0.score`. */
export const pathsOf = (schema: z.ZodObject): readonly string[] =>
  pathsIn(z.toJSONSchema(schema, { io: "input" }) as Node, "");

function unknownPath(path: string, root: Node): TuError {
  const paths = pathsIn(root, "");
  const guess = closest(path, paths);
  const known = `valid are ${paths.join(", ")}`;
  return new TuError("E_USAGE", `--set ${path}: the message has no such field`, {
    hint: guess === undefined ? known : `did you mean ${guess}? ${known}`,
  });
}

const firstElement = "0";

function pathsIn(node: Node, prefix: string): readonly string[] {
  const below = (name: string, inner: Node) => pathsIn(inner, `${prefix}${prefix && "."}${name}`);
  const { items, properties } = wholeOf(node);
  const own = prefix === "" ? [] : [prefix];
  const inner = [
    ...Object.entries(properties ?? {}).flatMap(([name, one]) => below(name, one)),
    ...(items === undefined ? [] : below(firstElement, items)),
  ];
  return inner.length === 0 ? own : inner;
}

/** A nullable value is one of two. */
function wholeOf(node: Node): Node {
  return node.anyOf?.find(({ type }) => type !== "null") ?? node;
}

type Steps = { readonly steps: readonly string[]; readonly node: Node };

function stepsIn(root: Node, path: string): Steps | undefined {
  let node = root;
  const steps: string[] = [];
  for (const word of path.replace(/\[(\d+)\]/g, ".$1").split(".")) {
    const { additionalProperties, items, properties = {} } = wholeOf(node);
    const name = Object.keys(properties).find((key) => key.toLowerCase() === word.toLowerCase());
    if (name !== undefined) node = properties[name] ?? {};
    else if (items !== undefined && /^\d{1,4}$/.test(word)) node = items;
    else if (typeof additionalProperties === "object" && additionalProperties !== null)
      node = additionalProperties;
    else return undefined;
    steps.push(name ?? word);
  }
  return { steps, node };
}

function valueIn(text: string, node: Node): unknown {
  if (text === "null") return null;
  const isText = [node, ...(node.anyOf ?? [])].some(({ type }) => [type].flat().includes("string"));
  const isQuoted = text.startsWith('"') && text.endsWith('"') && text.length > 1;
  if (isText && !isQuoted) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text; // the schema will say what it wants
  }
}

function changed(value: unknown, [step, ...rest]: readonly string[], to: unknown): unknown {
  if (step === undefined) return to;
  if (/^\d+$/.test(step) && (Array.isArray(value) || value === undefined)) {
    const list: unknown[] = [...((value as readonly unknown[] | undefined) ?? [])]; // an array, as checked
    list[Math.min(Number(step), list.length)] = changed(list[Number(step)], rest, to);
    return list;
  }
  const inner = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >; // an object, as checked
  return { ...inner, [step]: changed(inner[step], rest, to) };
}
