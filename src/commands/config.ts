import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type * as z from "zod";
import { closest } from "../pipeline/closest.ts";
import { TuError } from "../pipeline/errors.ts";
import type { KeepLimits } from "../pipeline/operations/keep-state.ts";
import { parseDuration } from "../pipeline/time.ts";
import type { Door } from "./compose-edges.ts";
import type { VisionOptions } from "./compose-vision.ts";
import { fromHome, readSettingsFiles, type SettingsFile } from "./config-files.ts";
import { Contexts, contextProblems } from "./context-settings.ts";
import { chosenContext, local, requireKnown, stateDirOf } from "./contexts.ts";
import { createProblems } from "./problems.ts";
import { problemsOf, Settings } from "./settings.ts";

export type { Settings } from "./settings.ts";

const variables: Readonly<Record<Exclude<keyof Settings, "contexts">, string>> = {
  stateDir: "TU_ANALYZE_STATE_DIR",
  context: "TU_ANALYZE_CONTEXT",
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
  port: "TU_ANALYZE_PORT",
  allowedHosts: "TU_ANALYZE_ALLOWED_HOSTS",
  allowedOrigins: "TU_ANALYZE_ALLOWED_ORIGINS",
  introspection: "TU_ANALYZE_INTROSPECTION",
};

/** The option that sets it. */
const flagNames: Readonly<Partial<Record<keyof Settings, string>>> = {
  stateDir: "--state-dir",
  context: "--context",
  flow: "--flow",
  timeout: "--timeout",
  concurrency: "--concurrency",
  vision: "--vision",
  visionDir: "--vision-dir",
  visionModels: "--vision-models",
  visionRuntime: "--vision-runtime",
  visionEndpoint: "--vision-endpoint",
  maxVisionCalls: "--max-vision-calls",
  port: "--port",
  keepFor: "--older-than",
  keepFlows: "--keep",
};

/** For each image, unless a limit for all of them is set. */
const timeoutMinutes = 2;

/** The services of `up` listen from here on: the gateway on this one. */
const defaultPort = 7400;

/** As given on the command line: nothing has checked them yet. */
export type Flags = {
  readonly [K in Exclude<keyof Settings, "contexts">]?: string | undefined;
};

/**
 * Flags > TU_ANALYZE_* > project file (searched upwards) > user file (XDG) > defaults, per field. The only reader of
 * the environment. Throws E_USAGE for flags and E_CONFIG for the rest, naming every problem and its location.
 */
export async function loadSettings(flags: Flags, images = 1): Promise<Settings> {
  return (await loadWithOrigins(flags, images)).settings;
}

/** Where a value comes from: `name` is an option, a variable, a file or a context. */
export type Origin = {
  readonly type: "flag" | "variable" | "file" | "context" | "choice" | "default";
  readonly name: string | null;
};
export type Loaded = {
  readonly settings: Settings;
  readonly origins: ReadonlyMap<keyof Settings, Origin>;
  readonly files: readonly SettingsFile[];
};

export const userFile = (): string => join(configHome(), "tu-analyze", "config.json");

/** The same, with the origin of each value. */
export async function loadWithOrigins(flags: Flags, images = 1): Promise<Loaded> {
  requireCurrentDirectory();
  const files = await readSettingsFiles(userFile());
  const problems = createProblems();
  const origins = new Map<keyof Settings, Origin>();
  const sourceOf = (key: Exclude<keyof Settings, "contexts">): Source | undefined => {
    const sources: readonly Source[] = [
      { type: "flag", name: flagNames[key] ?? "", value: flags[key] },
      { type: "variable", name: variables[key], value: nonEmpty(process.env[variables[key]]) },
      ...files.map(
        ({ path, values }) => ({ type: "file", name: path, value: values[key] }) as const,
      ),
    ];
    return sources.find(({ value }) => value !== undefined);
  };
  const pick = <K extends Exclude<keyof Settings, "contexts">>(
    key: K,
    fallback: Settings[K],
  ): Settings[K] => {
    const source = sourceOf(key);
    origins.set(key, source ?? { type: "default", name: null });
    if (source === undefined) return fallback;
    const result = Settings.shape[key].safeParse(source.value);
    // The schema of this key parsed it, so the output has this key's type.
    if (result.success) return result.data as Settings[K];
    problems.add(refusal(source, key, result.error));
    return fallback;
  };
  const directory = resolve(fromHome(pick("stateDir", defaultStateDir())));
  const contexts = problems.meet(() => contextsIn(files), {});
  const context = pick("context", (await chosenContext(directory)) ?? local);
  const place = sourceOf("context")?.name ?? `chosen with \`tu-analyze context use\``;
  problems.meet(() => requireKnown(context, contexts, place), undefined);
  const settings = {
    stateDir: stateDirOf(directory, context),
    context,
    contexts,
    flow: pick("flow", contexts[context]?.flow ?? "full"),
    timeout: pick("timeout", `${timeoutMinutes * Math.max(1, images)}m`),
    concurrency: pick("concurrency", 2),
    vision: pick("vision", contexts[context]?.vision ?? "local"),
    visionDir: resolve(fromHome(pick("visionDir", join(directory, "vision-cassettes")))),
    visionModels: fromHome(pick("visionModels", "")),
    visionRuntime: pick("visionRuntime", "auto"),
    visionEndpoint: pick("visionEndpoint", "https://vision.googleapis.com"),
    maxVisionCalls: pick("maxVisionCalls", "unlimited"),
    keepFor: pick("keepFor", "30d"),
    keepFlows: pick("keepFlows", 10_000),
    port: pick("port", defaultPort),
    allowedHosts: pick("allowedHosts", []),
    allowedOrigins: pick("allowedOrigins", []),
    introspection: pick("introspection", false),
  };
  for (const problem of [...unknownKeys(files), ...unknownVariables()]) problems.add(problem);
  for (const [key, origin] of implied(settings, files))
    if ((origins.get(key)?.type ?? "default") === "default") origins.set(key, origin);
  return { settings: problems.settled(settings), origins, files };
}

/** Where a value comes from that no source of its own gives. */
function implied(
  { context, contexts }: Settings,
  files: readonly SettingsFile[],
): readonly (readonly [keyof Settings, Origin])[] {
  const chosen = contexts[context];
  const ofContext = { type: "context", name: context } as const;
  const file = files.find(({ values }) => values["contexts"] !== undefined);
  return [
    ...(context === local ? [] : [["context", { type: "choice", name: "context use" }] as const]),
    ...(chosen?.flow === undefined ? [] : [["flow", ofContext] as const]),
    ...(chosen?.vision === undefined ? [] : [["vision", ofContext] as const]),
    [
      "contexts",
      file === undefined ? { type: "default", name: null } : { type: "file", name: file.path },
    ],
  ];
}

/** The project's and the user's together; throws E_CONFIG naming every problem. */
function contextsIn(files: readonly SettingsFile[]): Settings["contexts"] {
  const problems = createProblems();
  for (const { path, values } of files)
    for (const problem of contextProblems(values["contexts"] ?? {}))
      problems.add(
        new TuError("E_CONFIG", `${path}: ${problem}`, { hint: "see the README, Contexts" }),
      );
  const all = files.toReversed().map(({ values }) => values["contexts"] ?? {});
  problems.settled(null);
  return Contexts.parse(Object.assign({}, ...all));
}

/** What the services themselves read. */
export function environment(name: string): string | undefined {
  return nonEmpty(process.env[name]);
}

type Source = {
  readonly type: "flag" | "variable" | "file";
  readonly name: string;
  readonly value: unknown;
};

function refusal({ name, type, value }: Source, key: string, error: z.ZodError): TuError {
  if (type === "flag") {
    const given = value === "" ? '""' : value;
    const issues = error.issues.map(({ message }) => message).join(", ");
    return new TuError("E_USAGE", `${name} ${given} ${issues}`, {
      hint: "omit it for the default",
    });
  }
  const place = type === "variable" ? name : `${name}: ${key}`;
  return new TuError("E_CONFIG", `${place}: ${problemsOf(value, error)}`, {
    hint: "correct it, or remove it for the default",
  });
}

/** Paths on the command line and the project file are looked up from it. */
function requireCurrentDirectory(): void {
  try {
    process.cwd();
  } catch (cause) {
    throw new TuError("E_FILE_NOT_FOUND", "the current directory does not exist any more", {
      hint: "change to another directory, and run it again",
      cause,
    });
  }
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
function doorOptions({ allowedHosts, allowedOrigins, introspection }: Settings): Door {
  return { allowed: { hosts: allowedHosts, origins: allowedOrigins }, introspection };
}

/** What is pruned at every start, and by `state prune`. */
export function keepLimits({ keepFlows, keepFor }: Settings): KeepLimits {
  return {
    olderThanMs: parseDuration(keepFor) ?? null,
    most: keepFlows === "unlimited" ? null : keepFlows,
  };
}

/** What every pipeline takes from the settings. */
export const pipelineSettings = (settings: Settings) => ({
  flow: settings.flow,
  vision: visionOptions(settings),
  limits: keepLimits(settings),
  door: doorOptions(settings),
});

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
