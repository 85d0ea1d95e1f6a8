import { type ErrorCode, TuError } from "../../pipeline/errors.ts";

/** The reply codes with which a broker refuses an operation (AMQP 0-9-1, 1.2); any other is a broker in trouble. */
const permanent: Readonly<Record<number, ErrorCode>> = {
  311: "E_MESSAGE_INVALID", // content-too-large
  403: "E_ACCESS_REFUSED",
  404: "E_UNROUTABLE",
  405: "E_TOPOLOGY_MISMATCH", // resource-locked: exclusive to another connection
  406: "E_TOPOLOGY_MISMATCH", // precondition-failed
  530: "E_ACCESS_REFUSED", // not-allowed
};

/** What a broker refuses by itself: waiting or reconnecting does not help. */
export function isRefusal(error: unknown): boolean {
  return error instanceof TuError && error.code !== "E_SERVICE_UNAVAILABLE";
}

/** Zero for what is not a broker's answer. */
export function replyCodeOf(error: unknown): number {
  const code = error instanceof Error && "code" in error ? error.code : 0;
  return typeof code === "number" ? code : 0;
}

/** An error of amqplib as ours; `doing` says what failed. */
export function toTuError(error: unknown, doing: string): TuError {
  if (error instanceof TuError) return error;
  const code = permanent[replyCodeOf(error)] ?? "E_SERVICE_UNAVAILABLE";
  return new TuError(code, `${doing}: ${reasonOf(error)}`, { cause: error });
}

/** A publication that closed its channel by itself: 406 is about its size. */
export function toPublishError(error: unknown, exchange: string): TuError {
  const doing = `publishing to ${exchange}`;
  if (replyCodeOf(error) !== 406) return toTuError(error, doing);
  return new TuError("E_MESSAGE_INVALID", `${doing}: ${reasonOf(error)}`, { cause: error });
}

/** Node says nothing in the message when every address of a name has failed. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "")
    return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

export function unavailable(state: string): TuError {
  return new TuError("E_SERVICE_UNAVAILABLE", `the connection to RabbitMQ is ${state}`);
}

export const lostMeanwhile = () => unavailable("lost in the meantime");
