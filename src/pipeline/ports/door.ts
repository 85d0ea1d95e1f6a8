import type { Headers } from "./headers.ts";

/** Header values as they came; undefined: there was none. */
export type RequestOrigin = {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `sec-fetch-site`, which a browser sends also where it sends no Origin. */
  readonly site: string | undefined;
};

/** Who may come in by HTTP. */
export interface Door {
  /** Why it may not come in, in words for its sender; null: it may. */
  refusalOf(knock: RequestOrigin): string | null;
  /** The headers that let a page read the answer; none where no page may. */
  corsHeaders(origin: string | undefined): Headers;
}
