import { fromUtf8 } from "../delivery/bytes.ts";
import type { EndpointReply, EndpointRequest } from "../ports/endpoint.ts";
import { problemReply } from "./replies.ts";

// JSON bodies as ASP.NET Core binds them for an [ApiController] (System.Text.Json, web defaults): case-insensitive
// names, the last duplicate wins, numbers may be strings, unknown members are ignored. A missing number or UUID is
// the type's default, a missing string is refused. The framework answers 400 to an unreadable body; the service
// validates what was read. The framework's messages also give line and byte, which are omitted here.

const emptyUuid = "00000000-0000-0000-0000-000000000000";

/** How to read a member: its .NET type, the value of a missing one, and undefined for a value of another type. */
type Member<T> = {
  readonly type: string;
  /** Null if required. */
  readonly missing: T | null;
  readonly read: (value: unknown) => T | undefined;
};
type Members = Readonly<Record<string, Member<unknown>>>;
type BodyOf<M extends Members> = {
  readonly [K in keyof M]: M[K] extends Member<infer T> ? T : never;
};

export const textMember: Member<string> = {
  type: "System.String",
  missing: null,
  read: (value) => (typeof value === "string" ? value : undefined),
};
export const uuidMember: Member<string> = {
  type: "System.Guid",
  missing: emptyUuid,
  read: (value) =>
    typeof value === "string" && uuidPattern.test(value) ? value.toLowerCase() : undefined,
};
export const int32Member = wholeNumber("System.Int32", 2 ** 31);
export const int64Member = wholeNumber("System.Int64", 2 ** 63);

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function wholeNumber(type: string, limit: number): Member<number> {
  return {
    type,
    missing: 0,
    read(value) {
      const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
      if (typeof number !== "number" || !Number.isInteger(number)) return undefined;
      return number >= -limit && number < limit ? number : undefined;
    },
  };
}

type ReadBody<T> =
  | { readonly ok: true; readonly body: T }
  | { readonly ok: false; readonly reply: EndpointReply };

export function readBody<M extends Members>(
  request: EndpointRequest,
  members: M,
): ReadBody<BodyOf<M>> {
  const given = parse(request.body);
  if ("errors" in given) return refused(given.errors);
  const body: Record<string, unknown> = {};
  const missing: Errors = {};
  for (const [name, member] of Object.entries(members)) {
    const value = given.members.get(name.toLowerCase());
    const isAbsent = value === undefined || (value === null && member.missing === null);
    const read = isAbsent ? member.missing : member.read(value);
    if (read === undefined) return refused(unconvertible(`$.${name}`, member.type));
    const title = name.charAt(0).toUpperCase() + name.slice(1);
    if (read === null) missing[title] = [`The ${title} field is required.`];
    body[name] = read;
  }
  if (Object.keys(missing).length > 0) return refused(missing);
  return { ok: true, body: body as BodyOf<M> }; // each member has the type it was read as
}

type Errors = Record<string, readonly string[]>;
type Given = { readonly members: ReadonlyMap<string, unknown> } | { readonly errors: Errors };

function parse(bytes: Uint8Array): Given {
  const text = fromUtf8(bytes);
  if (text === undefined) return { errors: unreadable("the body is not UTF-8") };
  if (text.trim() === "") return { errors: withoutBody };
  try {
    const value: unknown = JSON.parse(text);
    if (value === null) return { errors: withoutBody };
    if (typeof value !== "object" || Array.isArray(value))
      return { errors: unconvertible("$", "the request") };
    const entries = Object.entries(value).map(
      ([name, each]) => [name.toLowerCase(), each] as const,
    );
    return { members: new Map(entries) };
  } catch (error) {
    return { errors: unreadable(error instanceof Error ? error.message : String(error)) };
  }
}

/** Added by the framework when it has no argument for the action. */
const actionArgument: Errors = { req: ["The req field is required."] };
const withoutBody: Errors = { "": ["A non-empty request body is required."], ...actionArgument };
const unreadable = (reason: string): Errors => ({ $: [reason], ...actionArgument });
const unconvertible = (path: string, type: string): Errors => ({
  [path]: [`The JSON value could not be converted to ${type}. Path: ${path}.`],
  ...actionArgument,
});

function refused(errors: Errors): { readonly ok: false; readonly reply: EndpointReply } {
  const reply = problemReply({
    type: "https://tools.ietf.org/html/rfc9110#section-15.5.1",
    title: "One or more validation errors occurred.",
    status: 400,
    errors,
  });
  return { ok: false, reply };
}
