/** Documented in the README. Every command exits with one of these. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  partly: 3,
  notFound: 4,
  notAllowed: 5,
  cannotConnect: 6,
  deadline: 7,
  conflict: 8,
  refused: 9,
  bug: 70,
  interrupted: 130,
  terminated: 143,
} as const;

type Entry = {
  readonly exitCode: number;
  readonly retryable: boolean;
  readonly isInfrastructure: boolean;
};

const permanent = (exitCode: number): Entry => ({
  exitCode,
  retryable: false,
  isInfrastructure: false,
});
const transient = (exitCode: number): Entry => ({ ...permanent(exitCode), retryable: true });
/** A store or a transport is in trouble, independently of the work in progress. */
const infrastructure = (entry: Entry): Entry => ({ ...entry, isInfrastructure: true });

const catalogue = {
  E_USAGE: permanent(exitCodes.usage),
  E_CONFIG: permanent(exitCodes.usage),
  E_NOT_CONFIRMED: permanent(exitCodes.refused),
  E_READ_ONLY: permanent(exitCodes.refused),
  E_EXPECTATION: permanent(exitCodes.failed),
  E_OUTPUT: permanent(exitCodes.failed),
  E_OUTPUT_UNWRITABLE: permanent(exitCodes.notAllowed),
  E_FILE_EXISTS: permanent(exitCodes.conflict),
  E_FILE_NOT_FOUND: permanent(exitCodes.notFound),
  E_FILE_IS_DIRECTORY: permanent(exitCodes.usage),
  E_FILE_UNREADABLE: permanent(exitCodes.notAllowed),
  E_IMAGE_EMPTY: permanent(exitCodes.usage),
  E_IMAGE_TOO_LARGE: permanent(exitCodes.usage),
  E_IMAGE_TOO_MANY_PIXELS: permanent(exitCodes.usage),
  E_IMAGE_TRUNCATED: permanent(exitCodes.usage),
  E_IMAGE_NOT_AN_IMAGE: permanent(exitCodes.usage),
  E_IMAGE_TYPE_REFUSED: permanent(exitCodes.usage),
  E_MESSAGE_UNKNOWN: permanent(exitCodes.notFound),
  E_MESSAGE_SEEN: permanent(exitCodes.conflict),
  E_MESSAGE_INVALID: permanent(exitCodes.failed),
  E_DEFINITION_INVALID: permanent(exitCodes.usage),
  E_DEFINITION_UNKNOWN: permanent(exitCodes.conflict),
  E_EXPRESSION_INVALID: permanent(exitCodes.usage),
  E_FLOW_NOT_FOUND: permanent(exitCodes.notFound),
  E_FLOW_AMBIGUOUS: permanent(exitCodes.usage),
  E_MACHINE_NOT_FOUND: permanent(exitCodes.notFound),
  E_MACHINE_AMBIGUOUS: permanent(exitCodes.usage),
  E_OBJECT_NOT_FOUND: permanent(exitCodes.notFound),
  E_OBJECT_EXISTS: permanent(exitCodes.conflict),
  E_IMAGE_CHANGED: permanent(exitCodes.conflict),
  E_OBJECT_KEY_INVALID: permanent(exitCodes.usage),
  E_INSTANCE_NOT_FOUND: permanent(exitCodes.notFound),
  E_INSTANCE_FAILED: permanent(exitCodes.failed),
  E_PORT_TAKEN: permanent(exitCodes.conflict),
  E_URL_REFUSED: permanent(exitCodes.notAllowed),
  E_UPLOAD_REFUSED: permanent(exitCodes.failed),
  E_UPLOAD_NOT_FOUND: permanent(exitCodes.notFound),
  E_RESULT_UNATTRIBUTED: permanent(exitCodes.failed),
  E_UNROUTABLE: permanent(exitCodes.failed),
  E_TOPOLOGY_MISMATCH: infrastructure(permanent(exitCodes.conflict)),
  E_ACCESS_REFUSED: infrastructure(permanent(exitCodes.notAllowed)),
  E_STEP_TIMEOUT: transient(exitCodes.deadline),
  E_DEADLINE: permanent(exitCodes.deadline),
  E_FAULT_INJECTED: transient(exitCodes.failed),
  E_FETCH_FAILED: transient(exitCodes.cannotConnect),
  E_SERVICE_UNAVAILABLE: infrastructure(transient(exitCodes.cannotConnect)),
  E_VISION_FAILED: transient(exitCodes.failed),
  E_VISION_MODELS: permanent(exitCodes.usage),
  E_VISION_RUNTIME: permanent(exitCodes.usage),
  E_VISION_QUOTA: transient(exitCodes.refused),
  E_VISION_UNAVAILABLE: transient(exitCodes.cannotConnect),
  E_VISION_DEADLINE: transient(exitCodes.deadline),
  E_VISION_CREDENTIALS: permanent(exitCodes.notAllowed),
  E_VISION_REFUSED: permanent(exitCodes.failed),
  E_VISION_BUDGET: permanent(exitCodes.refused),
  E_VISION_ANSWER_INVALID: permanent(exitCodes.usage),
  E_CASSETTE_MISSING: permanent(exitCodes.notFound),
  E_CASSETTE_INVALID: permanent(exitCodes.usage),
  E_CASSETTE_UNWRITABLE: permanent(exitCodes.notAllowed),
  E_STATE_UNUSABLE: infrastructure(permanent(exitCodes.usage)),
  E_STATE_UNWRITABLE: infrastructure(permanent(exitCodes.notAllowed)),
  E_STATE_NEWER: infrastructure(permanent(exitCodes.conflict)),
  E_STATE_BUSY: infrastructure(transient(exitCodes.conflict)),
  E_JOURNAL_CONTENDED: infrastructure(transient(exitCodes.conflict)),
  E_STATE_FULL: infrastructure(permanent(exitCodes.failed)),
  E_INTERRUPTED: permanent(exitCodes.interrupted),
  E_TERMINATED: permanent(exitCodes.terminated),
  E_BUG: permanent(exitCodes.bug),
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof catalogue;

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(catalogue, code);

/** Every code the tool can print, for the docs and the tests. */
export const errorCodes = Object.keys(catalogue) as readonly ErrorCode[];

/**
 * Whether an error with this code is the fault of a store or a transport. A message that meets one is redelivered
 * until it is resolved, and never parked because of it.
 */
export function isInfrastructure(code: ErrorCode): boolean {
  return catalogue[code].isInfrastructure;
}

/** For codes that alone determine what to do. A step's failure carries a code and no hint. */
const hints: Readonly<Partial<Record<string, string>>> = {
  E_VISION_QUOTA: "wait, lower --concurrency, or raise the quota of the project",
  E_VISION_UNAVAILABLE:
    "check the connection to the service, or use recorded responses with --vision replay",
  E_VISION_DEADLINE: "try again, or use recorded responses with --vision replay",
  E_VISION_CREDENTIALS:
    "set GOOGLE_APPLICATION_CREDENTIALS to a key of a project with the Vision API enabled",
  E_VISION_REFUSED: "try another picture, or --vision local",
  E_VISION_BUDGET: "raise --max-vision-calls, or use recorded responses with --vision replay",
  E_CASSETTE_MISSING:
    "record it with --vision record, or `tu-analyze vision import <answer.json> --image <picture>`",
} satisfies Partial<Record<ErrorCode, string>>;

/** For a failure known only by its code; an error with this code has the same hint unless it sets a better one. */
export function hintFor(code: string): string | undefined {
  return hints[code];
}

/** An expected failure that the user can act on. Anything else that reaches main() is a bug. */
export class TuError extends Error {
  override readonly name = "TuError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  /** The problems that this error reports together; empty if it is a single one. */
  readonly problems: readonly TuError[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown; problems?: readonly TuError[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? hintFor(code);
    this.problems = options.problems ?? [];
  }

  get exitCode(): number {
    return catalogue[this.code].exitCode;
  }

  get retryable(): boolean {
    return catalogue[this.code].retryable;
  }
}

/** Describes anything thrown. */
export function describeError(error: unknown): {
  readonly code: ErrorCode;
  readonly reason: string;
} {
  return {
    code: error instanceof TuError ? error.code : "E_BUG",
    reason: error instanceof Error ? error.message : String(error),
  };
}
