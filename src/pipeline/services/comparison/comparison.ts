import type { ComparisonCompleted, ComparisonRequest } from "../../contracts/comparison.ts";
import type { Service } from "../../delivery/service.ts";
import type { Digest } from "../../ports/digest.ts";
import type { Fingerprints } from "../../ports/fingerprints.ts";
import type { Images } from "../../ports/images.ts";
import type { Machines } from "../../ports/machines.ts";
import { type StepWork, stepHandler } from "../../steps/analysis-step.ts";
import type { ImageAccess } from "../../steps/image-access.ts";
import { compare } from "./compare.ts";
import { storedMachines } from "./stored-machines.ts";

export type ComparisonPorts = {
  readonly fetchImage: ImageAccess;
  readonly images: Images;
  readonly digest: Digest;
  readonly machines: Machines;
  readonly fingerprints: Fingerprints;
};

/** Compares attributes and picture with the stored machines, and stores the fingerprint of this picture. */
export function comparisonWork(ports: ComparisonPorts): StepWork {
  return async (message, _attempt, signal): Promise<ComparisonCompleted> => {
    // Decoded by its contract, which guarantees this shape.
    const { recognition } = message.payload as ComparisonRequest;
    const objectKey = message.subject;
    const bytes = await ports.fetchImage(message, signal);
    const checksum = ports.digest(bytes);
    const perceptualHash = await ports.images.perceptualHash(bytes);
    const { brand, model, type } = recognition.aggregate;
    const candidate = { brand, model, type, checksum, perceptualHash };
    const result = compare(candidate, await storedMachines(candidate, objectKey, ports));
    await ports.fingerprints.save({ objectKey, checksum, perceptualHash });
    return {
      objectKey,
      verdict: result.verdict,
      checksum: `sha256:${checksum}`,
      matches: [...result.matches],
    };
  };
}

export function createComparison(work: StepWork): Service {
  return {
    name: "comparison-service",
    endpoints: [],
    handlers: {
      "analysis.comparison.request": stepHandler({
        name: "comparison",
        completed: "comparison.completed",
        failed: "comparison.failed",
        work,
      }),
    },
    prefetch: 4,
  };
}
