import * as z from "zod";
import { flowNames } from "../pipeline/contracts/contract.ts";
import { parseDuration } from "../pipeline/time.ts";
import { ContextName, Contexts } from "./context-settings.ts";

// What each setting may be. Every schema has a message of its own, which follows the name of the setting.

const mustBeDuration = "must be a duration above 0, such as 500ms, 30s, 10m or 30d";
const mustBePath = "must be a path";
const mustBeImages = "must be a whole number from 1 to 16";
const mustBeSwitch = "must be true or false";
const mustBeHost = "must be a host name in lower case, without a port";
const mustBeOrigin = "must be an origin such as https://app.example:8443";

const Path = z.string({ error: mustBePath }).min(1, { error: "must not be empty" });
const durationOr = (error: string) =>
  z.string({ error }).refine((text) => (parseDuration(text) ?? 0) > 0, error);
const oneOf = <const T extends readonly string[]>(words: T) =>
  z.enum(words, { error: `must be one of ${words.join(", ")}` });
const Endpoint = z.url({ protocol: /^https?$/, error: "must be a URL with http:// or https://" });

/** Digits in a variable are a number. */
const digits = (error: string) =>
  z
    .string({ error })
    .regex(/^\d{1,9}$/, { error })
    .transform(Number);

const limitOf = (what: string) => {
  const error = `must be a whole number of ${what}, 0 or more, or unlimited`;
  const number = z.int({ error }).min(0, { error });
  return z.union([z.literal("unlimited"), number, digits(error)], { error });
};

const mustBeAge = `${mustBeDuration}, or unlimited`;
const KeepFor = z.union([z.literal("unlimited"), durationOr(mustBeAge)], { error: mustBeAge });

const Images = z
  .union([z.number(), digits(mustBeImages)], { error: mustBeImages })
  .pipe(z.int({ error: mustBeImages }).min(1, { error: mustBeImages }))
  .pipe(z.number().max(16, { error: mustBeImages }));

/** A list in a file, comma-separated words in a variable. */
const listOf = (what: string, one: z.ZodType<string, string>) =>
  z.preprocess(
    (value) =>
      typeof value === "string" ? value.split(",").flatMap((word) => word.trim() || []) : value,
    z.array(one, { error: `must be a list of ${what}` }),
  );
const HostName = z
  .string({ error: mustBeHost })
  .regex(/^[a-z0-9.-]+$|^\[[0-9a-f:]+\]$/, { error: mustBeHost });
const Origin = z
  .string({ error: mustBeOrigin })
  .refine((text) => URL.canParse(text) && new URL(text).origin === text, mustBeOrigin);

const mustBePort = "must be a port from 1 to 65000, or 0 for any free ones";
const Port = z
  .union([z.number(), digits(mustBePort)], { error: mustBePort })
  .pipe(z.int({ error: mustBePort }).min(0, { error: mustBePort }))
  .pipe(z.number().max(65_000, { error: mustBePort }));

const visionModes = ["local", "google", "record", "replay"] as const;
const visionRuntimes = ["auto", "wasm", "native"] as const;

/** The settings that a file may contain. Unknown keys are errors. */
export const Settings = z.strictObject({
  stateDir: Path,
  /** Where messages, objects and services are. */
  context: ContextName,
  contexts: Contexts,
  flow: oneOf(flowNames),
  timeout: durationOr(mustBeDuration),
  concurrency: Images,
  vision: oneOf(visionModes),
  visionDir: Path,
  /** A folder with other PP-OCR networks; empty for the bundled ones. */
  visionModels: z.string({ error: mustBePath }),
  /** The runtime of the local reader's networks: native code where it is installed, or WebAssembly. */
  visionRuntime: oneOf(visionRuntimes),
  visionEndpoint: Endpoint,
  maxVisionCalls: limitOf("calls"),
  /** How long finished flows are kept. */
  keepFor: KeepFor,
  /** How many finished flows of each kind are kept. */
  keepFlows: limitOf("flows"),
  /** The first port of `up`; its services take the ones that follow. */
  port: Port,
  /** Host names that are served in addition to those of loopback. */
  allowedHosts: listOf("host names", HostName),
  /** Origins whose pages are admitted, and may read the responses (CORS). */
  allowedOrigins: listOf("origins", Origin),
  /** Whether GraphQL clients may query the schema. */
  introspection: z.union([z.boolean(), z.stringbool({ error: mustBeSwitch })], {
    error: mustBeSwitch,
  }),
});
export type Settings = z.infer<typeof Settings>;

/** What is wrong with a value, and the value: `must be a path (found 3)`, for each entry that is wrong. */
export function problemsOf(value: unknown, { issues }: z.ZodError): string {
  return issues
    .map(({ message, path: [index] }) => {
      if (typeof index !== "number") return `${message}${found(value)}`;
      const entries: readonly unknown[] = Array.isArray(value) ? value : String(value).split(",");
      return `entry ${index + 1} ${message}${found(entries[index])}`;
    })
    .join(", ");
}

const shownMax = 60;

/** Shortened, and without credentials. */
function found(value: unknown): string {
  if (value === "") return "";
  const text = withoutCredentials(JSON.stringify(value) ?? String(value));
  return ` (found ${text.length > shownMax ? `${text.slice(0, shownMax)}…` : text})`;
}

/** A URL may carry them. */
export const withoutCredentials = (text: string): string => text.replace(/\/\/[^/@]*@/g, "//…@");
