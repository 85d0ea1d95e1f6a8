import { TuError } from "../../pipeline/errors.ts";
import type { Annotator } from "../../pipeline/ports/annotator.ts";
import type { CassetteStore } from "./store.ts";

/** Answers from cassettes only. Throws E_CASSETTE_MISSING, E_CASSETTE_INVALID. */
export function createReplayAnnotator(
  store: CassetteStore,
  { directory, features }: { readonly directory: string; readonly features: readonly string[] },
): Annotator {
  return {
    features,
    async annotate(image, { signal } = {}) {
      signal?.throwIfAborted();
      const held = await store.find(image);
      if (held === undefined) throw missing(directory);
      return held.cassette.answer;
    },
    close: async () => undefined,
  };
}

/**
 * Calls the service only for pictures without a cassette, since every call is billed, and records its answers.
 * Returns what was recorded, so that a replay reads the same. `onHeld` is called for each call that was not needed.
 */
export function createRecordingAnnotator(
  annotator: Annotator,
  store: CassetteStore,
  onHeld: (file: string) => void,
): Annotator {
  return {
    ...annotator,
    async annotate(image, options) {
      const held = await store.find(image);
      if (held !== undefined) {
        onHeld(held.file);
        return held.cassette.answer;
      }
      const saved = await store.save(image, await annotator.annotate(image, options));
      return saved.cassette.answer;
    },
  };
}

function missing(directory: string): TuError {
  return new TuError("E_CASSETTE_MISSING", `no cassette in ${directory} holds this picture`);
}
