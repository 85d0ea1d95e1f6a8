import type { MetadataSorted } from "../contracts/metadata.ts";
import type { Service } from "../delivery/service.ts";
import type { Exif, Images } from "../ports/images.ts";
import { type StepWork, stepHandler } from "../steps/analysis-step.ts";
import type { ImageAccess } from "../steps/image-access.ts";

/** Reads the file's own metadata. Of damaged EXIF it returns whatever is readable, and never fails the step. */
export function metadataWork(ports: {
  readonly fetchImage: ImageAccess;
  readonly images: Images;
}): StepWork {
  return async (message, _attempt, signal): Promise<MetadataSorted> => {
    const bytes = await ports.fetchImage(message, signal);
    const header = await ports.images.identify(bytes);
    const [exif, colours] = await Promise.all([
      ports.images.exif(bytes),
      ports.images.colours(bytes),
    ]);
    const isTurned = header.orientation >= 5;
    return {
      objectKey: message.subject,
      ...(exif.capturedAt === null ? {} : { capturedAt: exif.capturedAt }),
      ...(exif.location === null ? {} : { location: exif.location }),
      ...(exif.camera === null ? {} : { camera: exif.camera }),
      image: {
        format: header.format,
        width: isTurned ? header.height : header.width,
        height: isTurned ? header.width : header.height,
        colours: colours.map((colour) => ({ ...colour })),
      },
      entries: sortedEntries(exif),
    };
  };
}

export function createMetadata(work: StepWork): Service {
  return {
    name: "metadata-service",
    endpoints: [],
    handlers: {
      "analysis.metadata.request": stepHandler({
        name: "metadata",
        completed: "metadata.sorted",
        failed: "metadata.failed",
        work,
      }),
    },
    prefetch: 4,
  };
}

function sortedEntries({ entries, problems }: Exif): MetadataSorted["entries"] {
  const noted = problems.map((problem, index) => ({
    group: "Problems",
    key: String(index + 1),
    value: problem,
  }));
  return [...entries, ...noted].toSorted(
    (a, b) => compareText(a.group, b.group) || compareText(a.key, b.key),
  );
}

/** By code unit, so that the order is independent of locale. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
