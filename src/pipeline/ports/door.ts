import type { Headers } from "./headers.ts";

/** Header values as received; undefined if absent. */
export type RequestOrigin = {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `sec-fetch-site`, which browsers send even where they send no Origin. */
  readonly site: string | undefined;
};

/** Decides which HTTP requests are admitted. */
export interface Door {
  /** Why the request is refused, phrased for its sender; null if it is admitted. */
  refusalOf(knock: RequestOrigin): string | null;
  /** The headers that let a page read the response; none where no page may. */
  corsHeaders(origin: string | undefined): Headers;
}
