import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import * as z from "zod";
import { closest } from "../pipeline/closest.ts";
import { flowNames } from "../pipeline/contracts/contract.ts";
import { describeIssues } from "../pipeline/delivery/issues.ts";
import { TuError } from "../pipeline/errors.ts";
import type { KeepLimits } from "../pipeline/operations/keep-state.ts";
import { parseDuration } from "../pipeline/time.ts";
import type { Door } from "./compose-edges.ts";
import type { VisionOptions } from "./compose-vision.ts";
import { createProblems } from "./problems.ts";

const notDuration = "must be a duration above 0, such as 500ms, 30s, 10m or 30d";
const notImages = "must be a whole number from 1 to 16";
const Path = z.string({ error: "must be a path" }).min(1, { error: "must not be empty" });
const Duration = z
  .string({ error: notDuration })
  .refine((text) => (parseDuration(text) ?? 0) > 0, notDuration);

const Endpoint = z.url({ protocol: /^https?$/, error: "must be a URL with http:// or https://" });
/** A number in a file, digits in a flag or variable. */
const limitOf = (what: string) =>
  z.union(
    [
      z.literal("unlimited"),
      z.int().min(0),
      z
        .string()
        .regex(/^\d{1,9}$/)
        .transform(Number),
    ],
    { error: `must be a whole number of ${what}, or unlimited` },
  );

/** A list in a file, comma-separated words in a variable. */
const listOf = (one: z.ZodType<string, string>) =>
  z.union([
    z.array(one),
    z
      .string()
      .transform((text) => text.split(",").flatMap((word) => word.trim() || []))
      .pipe(z.array(one)),
  ]);
const HostName = z
  .string()
  .regex(/^[a-z0-9.-]+$|^\[[0-9a-f:]+\]$/, "must be a host name in lower case, without a port");
const Origin = z
  .string()
  .refine(
    (text) => URL.canParse(text) && new URL(text).origin === text,
    "must be an origin such as https://app.example:8443",
  );

export const visionModes = ["local", "google", "record", "replay"] as const;
const visionRuntimes = ["auto", "wasm", "native"] as const;

/** The settings that a file may contain. Unknown keys are errors. */
export const Settings = z.strictObject({
  stateDir: Path,
  flow: z.enum(flowNames, { error: `must be one of ${flowNames.join(", ")}` }),
  timeout: Duration,
  concurrency: z.union(
    [
      z.int().min(1).max(16),
      z
        .string()
        .regex(/^(?:[1-9]|1[0-6])$/)
        .transform(Number),
    ],
    { error: notImages },
  ),
  vision: z.enum(visionModes, { error: `must be one of ${visionModes.join(", ")}` }),
  visionDir: Path,
  /** A folder with other PP-OCR networks; empty for the bundled ones. */
  visionModels: z.string({ error: "must be a path" }),
  /** The runtime of the local reader's networks: native code where it is installed, or WebAssembly. */
  visionRuntime: z.enum(visionRuntimes, { error: `must be one of ${visionRuntimes.join(", ")}` }),
  visionEndpoint: Endpoint,
  maxVisionCalls: limitOf("calls"),
  /** How long finished flows are kept. */
  keepFor: z.union([z.literal("unlimited"), Duration], { error: `${notDuration}, or unlimited` }),
  /** How many finished flows of each kind are kept. */
  keepFlows: limitOf("flows"),
  /** Host names that are served in addition to those of loopback. */
  allowedHosts: listOf(HostName),
  /** Origins whose pages are admitted, and may read the responses (CORS). */
  allowedOrigins: listOf(Origin),
  /** Whether GraphQL clients may query the schema. */
  introspection: z.union([z.boolean(), z.stringbool()], { error: "must be true or false" }),
});
export type Settings = z.infer<typeof Settings>;

const variables: Readonly<Record<keyof Settings, string>> = {
  stateDir: "TU_ANALYZE_STATE_DIR",
  flow: "TU_ANALYZE_FLOW",
  timeout: "TU_ANALYZE_TIMEOUT",
  concurrency: "TU_ANALYZE_CONCURRENCY",
  vision: "TU_ANALYZE_VISION",
  visionDir: "TU_ANALYZE_VISION_DIR",
  visionModels: "TU_ANALYZE_VISION_MODELS",
  visionRuntime: "TU_ANALYZE_VISION_RUNTIME",
  visionEndpoint: "TU_ANALYZE_VISION_ENDPOINT",
  maxVisionCalls: "TU_ANALYZE_MAX_VISION_CALLS",
  keepFor: "TU_ANALYZE_KEEP_FOR",
  keepFlows: "TU_ANALYZE_KEEP_FLOWS",
  allowedHosts: "TU_ANALYZE_ALLOWED_HOSTS",
  allowedOrigins: "TU_ANALYZE_ALLOWED_ORIGINS",
  introspection: "TU_ANALYZE_INTROSPECTION",
};

/** The option that sets it. */
const flagNames: Readonly<Partial<Record<keyof Settings, string>>> = {
  stateDir: "--state-dir",
  flow: "--flow",
  timeout: "--timeout",
  concurrency: "--concurrency",
  vision: "--vision",
  visionDir: "--vision-dir",
  visionModels: "--vision-models",
  visionRuntime: "--vision-runtime",
  visionEndpoint: "--vision-endpoint",
  maxVisionCalls: "--max-vision-calls",
  keepFor: "--older-than",
  keepFlows: "--keep",
};

/** For each image, unless a limit for all of them is set. */
const timeoutMinutes = 2;

/** As given on the command line: nothing has checked them yet. */
export type Flags = { readonly [K in keyof Settings]?: string | undefined };

/**
 * Flags > TU_ANALYZE_* > project file (searched upwards) > user file (XDG) > defaults, per field. The only reader of
 * the environment. Throws E_USAGE for flags and E_CONFIG for the rest, naming every problem and its location.
 */
export async function loadSettings(flags: Flags, images = 1): Promise<Settings> {
  const files = await readFiles();
  const problems = createProblems();
  const pick = <K extends keyof Settings>(key: K, fallback: Settings[K]): Settings[K] => {
    const sources: readonly Source[] = [
      { type: "flag", name: flagNames[key] ?? "", value: flags[key] },
      { type: "variable", name: variables[key], value: nonEmpty(process.env[variables[key]]) },
      ...files.map(
        ({ path, values }) => ({ type: "file", name: path, value: values[key] }) as const,
      ),
    ];
    const source = sources.find(({ value }) => value !== undefined);
    if (source === undefined) return fallback;
    const result = Settings.shape[key].safeParse(source.value);
    // The schema of this key parsed it, so the output has this key's type.
    if (result.success) return result.data as Settings[K];
    const issue = describeIssues(result.error).replace(/^body: /, "");
    problems.add(refusal(source, key, issue));
    return fallback;
  };
  const stateDir = resolve(pick("stateDir", defaultStateDir()));
  const settings = {
    stateDir,
    flow: pick("flow", "full"),
    timeout: pick("timeout", `${timeoutMinutes * Math.max(1, images)}m`),
    concurrency: pick("concurrency", 2),
    vision: pick("vision", "local"),
    visionDir: resolve(pick("visionDir", join(stateDir, "vision-cassettes"))),
    visionModels: pick("visionModels", ""),
    visionRuntime: pick("visionRuntime", "auto"),
    visionEndpoint: pick("visionEndpoint", "https://vision.googleapis.com"),
    maxVisionCalls: pick("maxVisionCalls", "unlimited"),
    keepFor: pick("keepFor", "30d"),
    keepFlows: pick("keepFlows", 10_000),
    allowedHosts: pick("allowedHosts", []),
    allowedOrigins: pick("allowedOrigins", []),
    introspection: pick("introspection", false),
  };
  for (const problem of [...unknownKeys(files), ...unknownVariables()]) problems.add(problem);
  return problems.settled(settings);
}

type Source = {
  readonly type: "flag" | "variable" | "file";
  readonly name: string;
  readonly value: unknown;
};

function refusal({ name, type, value }: Source, key: keyof Settings, issue: string): TuError {
  if (type === "flag") {
    const given = value === "" ? '""' : value;
    return new TuError("E_USAGE", `${name} ${given} ${issue}`, { hint: "omit it for the default" });
  }
  const place = type === "variable" ? name : `${name}: ${key}`;
  return new TuError("E_CONFIG", `${place}: ${issue}`, {
    hint: "correct it, or remove it for the default",
  });
}

/** A misspelt key would otherwise be ignored silently. */
function unknownKeys(files: readonly SettingsFile[]): readonly TuError[] {
  const known = Object.keys(Settings.shape);
  return files.flatMap(({ path, values }) =>
    Object.keys(values)
      .filter((key) => !known.includes(key))
      .map((key) => unknownName(`${path}: unknown setting ${key}`, key, known)),
  );
}

/** As a misspelt key. */
function unknownVariables(): readonly TuError[] {
  const known = Object.values(variables);
  return Object.keys(process.env)
    .filter((name) => name.startsWith("TU_ANALYZE_") && !known.includes(name))
    .map((name) => unknownName(`unknown variable ${name}`, name, known));
}

function unknownName(message: string, name: string, known: readonly string[]): TuError {
  const guess = closest(name, known);
  return new TuError("E_CONFIG", message, {
    hint: guess === undefined ? `known are ${known.join(", ")}` : `did you mean ${guess}?`,
  });
}

/** The limit of the whole command. */
export function deadlineOf({ timeout }: Settings): { readonly ms: number; readonly text: string } {
  const ms = parseDuration(timeout);
  if (ms === undefined) throw new TuError("E_BUG", `the timeout ${timeout} was not checked`);
  return { ms, text: timeout };
}

/** `never` if nothing may be coloured, regardless of the terminal. */
export function wantsColour(): boolean {
  const { NO_COLOR, TERM } = process.env;
  return (NO_COLOR === undefined || NO_COLOR === "") && TERM !== "dumb";
}

/** How pictures are read, including the variables that the services read themselves. */
export function visionOptions(settings: Settings): VisionOptions {
  return {
    mode: settings.vision,
    directory: settings.visionDir,
    models: settings.visionModels === "" ? null : resolve(settings.visionModels),
    runtime: settings.visionRuntime,
    endpoint: settings.visionEndpoint,
    callsMax: settings.maxVisionCalls === "unlimited" ? null : settings.maxVisionCalls,
    keyFile: nonEmpty(process.env["GOOGLE_APPLICATION_CREDENTIALS"]) ?? null,
    quotaProject: nonEmpty(process.env["GOOGLE_CLOUD_QUOTA_PROJECT"]) ?? null,
  };
}

/** Who is admitted over HTTP, and what a GraphQL client may query. */
export function doorOptions({ allowedHosts, allowedOrigins, introspection }: Settings): Door {
  return { allowed: { hosts: allowedHosts, origins: allowedOrigins }, introspection };
}

/** What is pruned at every start, and by `state prune`. */
export function keepLimits({ keepFlows, keepFor }: Settings): KeepLimits {
  return {
    olderThanMs: parseDuration(keepFor) ?? null,
    most: keepFlows === "unlimited" ? null : keepFlows,
  };
}

type SettingsFile = { readonly path: string; readonly values: Record<string, unknown> };

async function readFiles(): Promise<readonly SettingsFile[]> {
  const {
    default: { cosmiconfig },
  } = await import("cosmiconfig");
  const explorer = cosmiconfig("tu-analyze", {
    searchStrategy: "global",
    searchPlaces: [
      "package.json",
      ".tu-analyzerc",
      ".tu-analyzerc.json",
      ".tu-analyzerc.yaml",
      "tu-analyze.config.json",
    ],
    stopDir: homedir(),
  });
  const user = join(configHome(), "tu-analyze", "config.json");
  try {
    const found = [await explorer.search(), await explorer.load(user).catch(absent)];
    return found.flatMap((file) =>
      file === null || file === undefined || file.isEmpty === true
        ? []
        : [{ path: file.filepath, values: placed(asRecord(file.config), file.filepath) }],
    );
  } catch (error) {
    throw new TuError("E_CONFIG", `a configuration file cannot be read: ${messageOf(error)}`, {
      hint: "write it as JSON or YAML",
      cause: error,
    });
  }
}

/** A relative directory in a file is relative to that file. */
function placed(values: Record<string, unknown>, file: string): Record<string, unknown> {
  const directories = ["stateDir", "visionDir", "visionModels"].flatMap((key) => {
    const value = values[key];
    return typeof value === "string" && value !== ""
      ? [[key, resolve(dirname(file), value)] as const]
      : [];
  });
  return { ...values, ...Object.fromEntries(directories) };
}

function absent(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new Error("it must contain an object");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function configHome(): string {
  return nonEmpty(process.env["XDG_CONFIG_HOME"]) ?? join(homedir(), ".config");
}

function defaultStateDir(): string {
  const stateHome = nonEmpty(process.env["XDG_STATE_HOME"]) ?? join(homedir(), ".local", "state");
  return join(stateHome, "tu-analyze");
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
