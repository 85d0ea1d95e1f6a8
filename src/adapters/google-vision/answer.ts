import * as z from "zod";

// As much of google.cloud.vision.v1.AnnotateImageResponse, in the shape of the REST API, as is used.
// proto3's JSON leaves out what is 0 or empty, so every field has a value to fall back to.

const number = z.number().catch(0);
const text = z.string().catch("");
const listOf = <T extends z.ZodType>(item: T) => z.array(item).catch([]);

const Vertex = z.object({ x: number, y: number });
export type Vertex = Readonly<z.infer<typeof Vertex>>;

const Polygon = z
  .object({
    /** In pixels. */
    vertices: listOf(Vertex),
    /** As parts of the picture, 0–1. */
    normalizedVertices: listOf(Vertex),
  })
  .catch({ vertices: [], normalizedVertices: [] });
export type Polygon = z.infer<typeof Polygon>;

const Entity = z.object({ description: text, score: number, boundingPoly: Polygon });
export type Entity = z.infer<typeof Entity>;

const Break = z
  .object({ type: text, isPrefix: z.boolean().catch(false) })
  .nullable()
  .catch(null);
const Glyph = z.object({
  text,
  property: z.object({ detectedBreak: Break }).nullable().catch(null),
});
const Word = z.object({ boundingBox: Polygon, symbols: listOf(Glyph), confidence: number });
export type Word = z.infer<typeof Word>;

const Paragraph = z.object({ words: listOf(Word) });
const Block = z.object({ paragraphs: listOf(Paragraph) });
const Page = z.object({ width: number, height: number, blocks: listOf(Block) });
export type Page = z.infer<typeof Page>;

export const Answer = z.object({
  /** The first one is all of the text, the others are its words. */
  textAnnotations: listOf(Entity),
  fullTextAnnotation: z.object({ pages: listOf(Page) }).catch({ pages: [] }),
  logoAnnotations: listOf(Entity),
  labelAnnotations: listOf(Entity),
  localizedObjectAnnotations: listOf(
    z.object({ name: text, score: number, boundingPoly: Polygon }),
  ),
  webDetection: z
    .object({
      webEntities: listOf(z.object({ description: text, score: number })),
      bestGuessLabels: listOf(z.object({ label: text })),
    })
    .catch({ webEntities: [], bestGuessLabels: [] }),
});
export type Answer = z.infer<typeof Answer>;
