import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { tableLines } from "../adapters/terminal/table.ts";
import { printable } from "../adapters/terminal/text.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";
import type { ConfigFilesReport, ConfigReport } from "../pipeline/reports/config.ts";
import { type Loaded, loadWithOrigins, type Origin, type Settings, userFile } from "./config.ts";
import { lineOfKey } from "./key-line.ts";
import { type Format, formatOf, printJson, printLine } from "./output.ts";
import { withoutCredentials } from "./settings.ts";
import { columns } from "./terminal.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly origin?: boolean;
  readonly user?: boolean;
  readonly context?: string;
  readonly stateDir?: string;
};

/** Every setting, and with --origin where it comes from. */
export async function showConfig(options: Options): Promise<Work> {
  const { context, stateDir } = options;
  const loaded = await loadWithOrigins({ context, stateDir });
  return async () => {
    const report: ConfigReport = {
      schema: "tu-analyze/config@1",
      settings: await Promise.all(keysOf(loaded.settings).map((key) => settingOf(key, loaded))),
    };
    if (formatOf(options) !== "text") printJson(report, formatOf(options));
    else for (const line of settingLines(report, options)) printLine(line);
    return exitCodes.done;
  };
}

const keysOf = (settings: Settings) => Object.keys(settings) as readonly (keyof Settings)[]; // its own

async function settingOf(
  key: keyof Settings,
  { origins, settings }: Loaded,
): Promise<ConfigReport["settings"][number]> {
  const origin = origins.get(key) ?? { type: "default", name: null };
  const line = origin.type === "file" ? await lineIn(origin, key) : null;
  const { name, type } = origin;
  const value = settings[key];
  const shownValue = typeof value === "string" ? withoutCredentials(value) : value;
  return { key, value: shownValue, origin: { type, name, line } };
}

async function lineIn({ name }: Origin, key: string): Promise<number | null> {
  if (name === null) return null;
  const text = await readFile(name, "utf8");
  const path = basename(name) === "package.json" ? ["tu-analyze", key] : [key];
  return lineOfKey(text, path, /^\s*\{/.test(text) ? "json" : "yaml");
}

function settingLines({ settings }: ConfigReport, options: Options): readonly string[] {
  const rows = settings.map(({ key, origin, value }) => [
    key,
    printable(shown(value)),
    ...(options.origin === true ? [printable(originText(origin))] : []),
  ]);
  return tableLines(rows, columns());
}

function shown(value: unknown): string {
  if (typeof value === "string") return value === "" ? "-" : value;
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  const names = Object.keys(value);
  return names.length === 0 ? "-" : names.join(", ");
}

function originText({ line, name, type }: ConfigReport["settings"][number]["origin"]): string {
  if (type === "file") return line === null ? `${name}` : `${name}:${line}`;
  if (type === "context") return `context ${name}`;
  return name ?? type;
}

/** The files that settings are read from. */
export async function configPath(options: Options): Promise<Work> {
  const { files } = await loadWithOrigins({});
  return () => {
    const user = userFile();
    const project = files.find(({ path }) => path !== user)?.path ?? projectFile();
    const report: ConfigFilesReport = {
      schema: "tu-analyze/config-files@1",
      files: [
        { kind: "project", path: project, exists: existsSync(project) },
        { kind: "user", path: user, exists: existsSync(user) },
      ],
    };
    if (formatOf(options) !== "text") printJson(report, formatOf(options));
    else
      for (const { exists, kind, path } of report.files)
        printLine(`${kind.padEnd(8)} ${printable(path)}${exists ? "" : "  (does not exist)"}`);
    return exitCodes.done;
  };
}

const projectFile = () => join(process.cwd(), "tu-analyze.config.json");

/** What a new file has: an example of a context, which changes nothing until it is chosen. */
const template = {
  timeout: "2m",
  contexts: {
    staging: {
      kafka: { brokers: ["localhost:9092"] },
      rabbitmq: {
        host: "localhost",
        username: "guest",
        password: { variable: "STAGING_RABBIT_PASSWORD" },
      },
      protected: true,
    },
  },
} as const satisfies Partial<Omit<Settings, "contexts">> & { readonly contexts: object };

/** Writes a first file, and never over another one. */
export async function initConfig(options: Options): Promise<Work> {
  const path = options.user === true ? userFile() : projectFile();
  return async () => {
    const { makeDirectory } = await import("./compose-directory.ts");
    try {
      await makeDirectory(dirname(path));
      await writeFile(path, `${JSON.stringify(template, null, 2)}\n`, { flag: "wx" });
    } catch (error) {
      throw notWritten(path, error);
    }
    if (formatOf(options) !== "text")
      printJson({ schema: "tu-analyze/config-init@1", path }, formatOf(options));
    else printLine(`wrote ${printable(path)}; see \`tu-analyze config show --origin\``);
    return exitCodes.done;
  };
}

function notWritten(path: string, error: unknown): TuError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  if (code === "EEXIST")
    return new TuError("E_FILE_EXISTS", `${path} exists already`, {
      hint: "edit it; `tu-analyze config show --origin` shows what it sets",
    });
  return new TuError("E_OUTPUT_UNWRITABLE", `${path} cannot be written (${code})`, {
    hint: "check the directory and its permissions",
    cause: error,
  });
}
