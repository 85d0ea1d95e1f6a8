import { describeError, TuError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Endpoint, EndpointReply, EndpointRequest } from "../ports/endpoint.ts";
import type { Reporter } from "../ports/reporter.ts";
import { requestHop } from "../trace/hops.ts";

type Around = { readonly clock: Pick<Clock, "nowMs">; readonly reporter: Reporter };

/**
 * The same endpoint, reporting each request as a hop of its flow. Anything it throws becomes a status: the caller
 * gets a sentence, the operator a notice with the reason.
 */
export function reported(
  endpoint: Endpoint,
  service: string,
  { clock, reporter }: Around,
): Endpoint {
  const { hop, method, path } = endpoint;
  return {
    ...endpoint,
    async handle(request) {
      const flowId = flowIdOf(request);
      const from = request.headers["x-producer"] ?? "client";
      const named = { name: hop ?? "", from, to: service, atMs: clock.nowMs() };
      if (hop !== null && flowId !== null)
        reporter.hop(requestHop({ ...named, flowId, transport: "http" }));
      try {
        return await endpoint.handle(request);
      } catch (error) {
        const { code, reason } = describeError(error);
        const message = `${service} failed on ${method} ${path}: ${reason}`;
        reporter.notice({ code, message, flowId });
        return failureReply(error);
      }
    },
  };
}

const flowIdOf = ({ headers }: EndpointRequest) => headers["x-correlation-id"] ?? null;

/** A retryable error is a 503. */
export function failureReply(error: unknown): EndpointReply {
  const { code, reason: title } = describeError(error);
  const status = error instanceof TuError && error.retryable ? 503 : 500;
  return { status, body: { type: "about:blank", title, status, code } };
}
