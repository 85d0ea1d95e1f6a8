import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Loader } from "cosmiconfig";
import { TuError } from "../pipeline/errors.ts";

// The files that hold settings: the nearest project file, and the user's own.

export type SettingsFile = { readonly path: string; readonly values: Record<string, unknown> };

/** The project file first. Throws E_CONFIG naming the file. */
export async function readSettingsFiles(userFile: string): Promise<readonly SettingsFile[]> {
  const {
    default: { cosmiconfig, defaultLoaders },
  } = await import("cosmiconfig");
  const yaml = yamlWith(defaultLoaders[".yaml"]);
  const explorer = cosmiconfig("tu-analyze", {
    searchStrategy: "global",
    searchPlaces: [
      "package.json",
      ".tu-analyzerc",
      ".tu-analyzerc.json",
      ".tu-analyzerc.yaml",
      "tu-analyze.config.json",
    ],
    loaders: { ".json": loadJson, ".yaml": yaml, noExt: yaml },
    stopDir: homedir(),
  });
  const found = [
    await explorer.search().catch(unreadable("a configuration file")),
    await explorer.load(userFile).catch(absent).catch(unreadable(userFile)),
  ];
  const files = found.flatMap((file) =>
    file === null || file.isEmpty === true
      ? []
      : [
          {
            path: file.filepath,
            values: placed(recordIn(file.config, file.filepath), file.filepath),
          },
        ],
  );
  // The search ends in the user's directory, and may find the user's file.
  return files.filter(({ path }, index) => files.findIndex((one) => one.path === path) === index);
}

/** A path in the home directory may start with `~`, wherever no shell replaces it. */
export function fromHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

const loadJson: Loader = (path, content) => {
  try {
    return JSON.parse(content.replace(/^\uFEFF/, ""));
  } catch (error) {
    const reason = messageOf(error);
    const [, position] = /at position (\d+)/.exec(reason) ?? [];
    const place = position === undefined ? "" : placeIn(content, Number(position));
    throw invalid(
      `${path}${place}`,
      reason.replace(/ (?:in JSON )?at position .*/s, "").replace(/\s+/g, " "),
      error,
    );
  }
};

function placeIn(text: string, position: number): string {
  const lines = text.slice(0, position).split("\n");
  return `, line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}

/** The YAML reader's errors carry the place, and in `message` a drawing of it in several lines. */
type YamlError = Error & {
  readonly reason?: string;
  readonly mark?: { readonly line: number; readonly column: number };
};

const yamlWith =
  (load: Loader): Loader =>
  (path, content) => {
    try {
      return load(path, content);
    } catch (error) {
      const { mark, reason } = error as YamlError; // both may be missing
      const place = mark === undefined ? "" : `, line ${mark.line + 1}, column ${mark.column + 1}`;
      throw invalid(`${path}${place}`, reason ?? messageOf(error), error);
    }
  };

const invalid = (place: string, reason: string, cause: unknown) =>
  new TuError("E_CONFIG", `${place}: ${reason}`, {
    hint: "correct the file; it must be valid JSON, or YAML in .tu-analyzerc and .tu-analyzerc.yaml",
    cause,
  });

const unreadable =
  (name: string) =>
  (error: unknown): never => {
    if (error instanceof TuError) throw error;
    const { code = "", path = name } = error as NodeJS.ErrnoException; // both may be missing
    const isRefused = code === "EACCES" || code === "EPERM";
    const reason = code === "" ? messageOf(error) : code;
    throw new TuError(
      isRefused ? "E_FILE_UNREADABLE" : "E_CONFIG",
      `${path} cannot be read (${reason})`,
      {
        hint: "check the file and its permissions",
        cause: error,
      },
    );
  };

function absent(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}

function recordIn(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  const what = Array.isArray(value) ? "a list" : `a ${typeof value}`;
  throw new TuError("E_CONFIG", `${path}: it holds ${what}, but must hold settings by name`, {
    hint: 'write an object such as {"timeout": "5m"}',
  });
}

/** A relative directory in a file is relative to that file. */
function placed(values: Record<string, unknown>, file: string): Record<string, unknown> {
  const directories = ["stateDir", "visionDir", "visionModels"].flatMap((key) => {
    const value = values[key];
    return typeof value === "string" && value !== ""
      ? [[key, resolve(dirname(file), fromHome(value))] as const]
      : [];
  });
  const contexts = "contexts" in values ? { contexts: placedFiles(values["contexts"], file) } : {};
  return { ...values, ...Object.fromEntries(directories), ...contexts };
}

const fileKeys = ["file", "ca", "cert", "key"];

/** The same for the files that contexts name, at any depth. */
function placedFiles(value: unknown, file: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      fileKeys.includes(key) && typeof inner === "string" && inner !== ""
        ? [key, resolve(dirname(file), fromHome(inner))]
        : [key, placedFiles(inner, file)],
    ),
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
