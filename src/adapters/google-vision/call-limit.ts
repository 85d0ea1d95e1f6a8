import { TuError } from "../../pipeline/errors.ts";
import type { Annotator } from "../../pipeline/ports/annotator.ts";

/**
 * At most `callsMax` calls over all pictures, including failed ones and retries: the service may have billed them.
 * After that it throws E_VISION_BUDGET without a call.
 */
export function limitCalls(annotator: Annotator, callsMax: number): Annotator {
  let calls = 0;
  return {
    ...annotator,
    async annotate(image, options) {
      if (calls >= callsMax) throw usedUp(callsMax);
      calls += 1;
      return annotator.annotate(image, options);
    },
  };
}

function usedUp(callsMax: number): TuError {
  return new TuError(
    "E_VISION_BUDGET",
    `calls to the vision service have reached their limit of ${callsMax}`,
  );
}
