/** A handler given to `subscribe` or `consume` has rejected: its message is redelivered. */
export type OnHandlerError = (error: unknown, where: string) => void;

/** Default for a missing `onError`: visible, and stops nothing. */
export const warnOfHandlerError: OnHandlerError = (error, where) => {
  const warning = error instanceof Error ? error : new Error(String(error));
  process.emitWarning(`${where}: ${warning.message}`, {
    type: "HandlerFailure",
    detail: warning.stack ?? "",
  });
};

/** The delay before the message of a handler that rejected is redelivered. */
export const redeliveryDelayMs = 100;
