import * as z from "zod";
import { Provider } from "../contracts/recognition.ts";
import { Meaning } from "../recognition/explain.ts";
import { Aggregate } from "../recognition/recognise.ts";

const Part = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });

/** Output of `recognise -o json` for one image. */
export const RecogniseReport = z.object({
  schema: z.literal("tu-analyze/recognise@1"),
  file: z.string(),
  status: z.literal("read"),
  image: z.object({
    format: z.enum(["jpeg", "png", "webp"]),
    /** Of the upright picture, like the boxes. */
    width: z.int(),
    height: z.int(),
  }),
  provider: Provider.extend({
    /** The runtime of the local reader's networks, with its version: `wasm 1.30.0`, `native 1.30.0`. */
    runtime: z.string().nullable().default(null),
  }),
  machine: Aggregate,
  texts: z.array(
    z.object({
      text: z.string(),
      confidence: z.number(),
      box: Part,
      degrees: z.number(),
      preparation: z.string(),
      meanings: z.array(Meaning),
      why: z.string().nullable(),
    }),
  ),
  /** The provider's findings other than text; the local reader has none. */
  hints: z.array(
    z.object({
      source: z.enum(["logo", "web_best_guess", "web_entity", "label", "object"]),
      text: z.string(),
      score: z.number().nullable(),
      box: Part.nullable(),
      meanings: z.array(Meaning),
    }),
  ),
  timings: z.array(z.object({ name: z.string(), ms: z.number() })),
  /** The file with the reading drawn on the picture. */
  annotated: z.string().nullable(),
});
export type RecogniseReport = z.infer<typeof RecogniseReport>;

/** Its output for an image that could not be read. */
export const UnreadReport = z.object({
  schema: z.literal("tu-analyze/recognise@1"),
  file: z.string(),
  status: z.literal("rejected"),
  failure: z.object({ code: z.string(), reason: z.string(), hint: z.string().nullable() }),
});
export type UnreadReport = z.infer<typeof UnreadReport>;
