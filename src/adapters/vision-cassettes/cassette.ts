import { createHash } from "node:crypto";
import * as z from "zod";
import { TuError } from "../../pipeline/errors.ts";

// One answer of a vision service in a file: as the service gave it, so that today's rules interpret it afresh, minus
// anything that could reveal whose project sent the request, or from where.

const schemaId = "tu-analyze/vision-cassette@1";
const schemaPattern = /^tu-analyze\/vision-cassette@(\d+)$/;

const Cassette = z.object({
  schema: z.literal(schemaId),
  picture: z.object({ sha256: z.string(), bytes: z.int() }),
  /** The requested features. Sorted. */
  features: z.array(z.string()),
  /** An AnnotateImageResponse in the shape of the REST API. */
  answer: z.record(z.string(), z.unknown()),
});
export type Cassette = Readonly<z.infer<typeof Cassette>>;

/** The parts of an answer that are kept; the rest names projects, products, other people's pages and pictures. */
const kept = [
  "fullTextAnnotation",
  "labelAnnotations",
  "localizedObjectAnnotations",
  "logoAnnotations",
  "textAnnotations",
];
const keptOfWeb = ["bestGuessLabels", "webEntities"];

export function makeCassette(
  image: Uint8Array,
  features: readonly string[],
  answer: unknown,
): Cassette {
  return {
    schema: schemaId,
    picture: { sha256: sha256(image), bytes: image.length },
    features: features.toSorted(),
    answer: redacted(answer),
  };
}

/** The file for a picture and the requested features: the same for both, different for any others. */
export function nameOf(image: Uint8Array, features: readonly string[]): string {
  return `${sha256(image)}-${sha256(features.toSorted().join("\n")).slice(0, 12)}.json`;
}

/** Throws E_CASSETTE_INVALID, naming the file. */
export function readCassette(text: string, file: string): Cassette {
  const value = parsed(text);
  if (value === undefined) throw invalid(file, "is not JSON; it may be truncated");
  const { data, success } = Cassette.safeParse(value);
  if (success) return data;
  const version = versionOf(value);
  if (version === undefined) throw invalid(file, "is not a vision cassette");
  if (version > 1)
    throw invalid(file, `is a cassette of version ${version}; only version 1 is supported`);
  throw invalid(file, "is an incomplete vision cassette");
}

/** A file that was renamed, or copied over another. */
export function requireSame(found: Cassette, asked: Cassette, file: string): void {
  if (found.picture.sha256 !== asked.picture.sha256)
    throw invalid(file, "holds the response for another picture");
  if (found.features.join() !== asked.features.join())
    throw invalid(file, "holds the response for other features");
}

function redacted(answer: unknown): Cassette["answer"] {
  const web = fieldsOf(fieldsOf(answer)["webDetection"]);
  const webDetection = picked(web, keptOfWeb);
  const isEmpty = Object.keys(webDetection).length === 0;
  return { ...picked(fieldsOf(answer), kept), ...(isEmpty ? {} : { webDetection }) };
}

function picked(fields: Record<string, unknown>, names: readonly string[]) {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function versionOf(value: unknown): number | undefined {
  const { schema } = fieldsOf(value);
  const [, version] = schemaPattern.exec(typeof schema === "string" ? schema : "") ?? [];
  return version === undefined ? undefined : Number(version);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function invalid(file: string, what: string): TuError {
  return new TuError("E_CASSETTE_INVALID", `${file} ${what}`, {
    hint: "remove the file and record the picture again",
  });
}

function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}
