/** A handler given to `subscribe` or `consume` that rejected: its message is delivered again. */
export type OnHandlerError = (error: unknown, where: string) => void;

/** Default for a missing `onError`: visible, and nothing stops. */
export const warnOfHandlerError: OnHandlerError = (error, where) => {
  const warning = error instanceof Error ? error : new Error(String(error));
  process.emitWarning(`${where}: ${warning.message}`, {
    type: "HandlerFailure",
    detail: warning.stack ?? "",
  });
};

/** How long a message waits whose handler rejected. */
export const redeliveryDelayMs = 100;
