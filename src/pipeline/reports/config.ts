import * as z from "zod";

const Setting = z.object({
  key: z.string(),
  /** Secrets are only referred to. */
  value: z.unknown(),
  origin: z.object({
    type: z.enum(["flag", "variable", "file", "context", "choice", "default"]),
    /** The option, variable, file or context. */
    name: z.string().nullable(),
    /** In a file; null where it cannot be told. */
    line: z.int().nullable(),
  }),
});

/** Every setting with its value and where it comes from. */
export const ConfigReport = z.object({
  schema: z.literal("tu-analyze/config@1"),
  settings: z.array(Setting),
});
export type ConfigReport = z.infer<typeof ConfigReport>;

/** The files that are read, the one that goes first before the others. */
export const ConfigFilesReport = z.object({
  schema: z.literal("tu-analyze/config-files@1"),
  files: z.array(
    z.object({ kind: z.enum(["project", "user"]), path: z.string(), exists: z.boolean() }),
  ),
});
export type ConfigFilesReport = z.infer<typeof ConfigFilesReport>;

/** The file that was written. */
export const ConfigInitReport = z.object({
  schema: z.literal("tu-analyze/config-init@1"),
  path: z.string(),
});
