import type { Annotator } from "../../pipeline/ports/annotator.ts";
import type { ImageHeader, Images } from "../../pipeline/ports/images.ts";
import type { Vision, VisionHint, VisionReading } from "../../pipeline/ports/vision.ts";
import { Answer, type Entity } from "./answer.ts";
import { provider } from "./features.ts";
import { outlinesOf, textsOf } from "./texts.ts";
import { type Frame, frameOf, uprightBox } from "./upright.ts";

/** A call waits for the network, and takes hardly any processor time here. Google limits the calls per minute. */
const atOnce = 8;

/**
 * The `Vision` port over answers of Google Vision, from the service or from a recording. Reads once; `isEnough` is
 * not consulted.
 */
export function createGoogleVision(options: {
  readonly annotator: Annotator;
  /** Determines size and orientation, the basis of the positions in an answer. */
  readonly identify: Images["identify"];
}): Vision {
  const { annotator, identify } = options;
  return {
    atOnce,
    async read(image, { signal }) {
      const header = await identify(image);
      const answer = await annotator.annotate(image, signal === undefined ? {} : { signal });
      return readingOf(answer, header);
    },
    warmUp: () => undefined,
    close: () => annotator.close(),
  };
}

/** An AnnotateImageResponse as the REST API prints it. Missing or malformed parts are omitted. */
export function readingOf(raw: unknown, header: ImageHeader): VisionReading {
  const answer = Answer.parse(typeof raw === "object" && raw !== null ? raw : {});
  const [page] = answer.fullTextAnnotation.pages;
  const frame = frameOf(header, page, outlinesOf(answer));
  return { provider, texts: textsOf(answer, frame), hints: hintsOf(answer, frame) };
}

function hintsOf(answer: Answer, frame: Frame): readonly VisionHint[] {
  const { labelAnnotations, localizedObjectAnnotations, logoAnnotations, webDetection } = answer;
  const hints: readonly VisionHint[] = [
    ...logoAnnotations.map((logo) => entityHint("logo", logo, frame)),
    ...webDetection.bestGuessLabels.map(({ label }) => ({
      source: "web_best_guess" as const,
      text: label,
      score: null,
      box: null,
    })),
    ...webDetection.webEntities.map(({ description, score }) => ({
      source: "web_entity" as const,
      text: description,
      score,
      box: null,
    })),
    ...labelAnnotations.map((label) => entityHint("label", label, frame)),
    ...localizedObjectAnnotations.map(({ boundingPoly, name, score }) =>
      entityHint("object", { description: name, score, boundingPoly }, frame),
    ),
  ];
  return hints.filter(({ text }) => text.trim() !== "");
}

function entityHint(source: VisionHint["source"], entity: Entity, frame: Frame): VisionHint {
  const { boundingPoly, description, score } = entity;
  return { source, text: description, score, box: uprightBox(boundingPoly, frame) };
}
