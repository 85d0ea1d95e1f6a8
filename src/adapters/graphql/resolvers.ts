import { GraphQLScalarType } from "graphql";
import type { createGraphQLError } from "graphql-yoga";
import { TuError } from "../../pipeline/errors.ts";
import type { Message } from "../../pipeline/message.ts";
import type { Gateway } from "../../pipeline/ports/gateway.ts";
import type { Feed } from "./feed.ts";

type StartArgs = { filename: string; contentType: string };
type ConfirmArgs = { uploadId: string; bytes: number; checksum: string; correlationId?: string };
type FlowArgs = { correlationId?: string | null };

/** `toGraphqlError` is the server's own: errors of another copy of graphql would be masked. */
export function createResolvers(
  gateway: Gateway,
  feed: Feed,
  toGraphqlError: typeof createGraphQLError,
) {
  const explained = explainedBy(toGraphqlError);
  return {
    JSON: new GraphQLScalarType({ name: "JSON" }),
    DateTime: new GraphQLScalarType({ name: "DateTime" }),
    Query: { ping: () => "pong" },
    Mutation: {
      startUpload: (_: unknown, args: StartArgs) => explained(gateway.startUpload(args)),
      confirmUpload: (_: unknown, { correlationId, ...args }: ConfirmArgs) =>
        explained(gateway.confirmUpload({ ...args, correlationId: correlationId ?? null })),
    },
    Subscription: {
      onAnalysisStarted: of("analysis.started", feed),
      onAnalysisCompleted: of("analysis.completed", feed),
      onAnalysisFailed: of("analysis.failed", feed),
      onAnalysisEvent: {
        subscribe: (_: unknown, { correlationId }: FlowArgs) =>
          withGreeting(feed.subscribe(isOf(correlationId))),
        resolve: (event: unknown) => event,
      },
    },
  };
}

/** A subscription to one event: its payload and the correlation id. */
function of(name: string, feed: Feed) {
  return {
    subscribe: (_: unknown, { correlationId }: FlowArgs) => {
      const isOfFlow = isOf(correlationId);
      return feed.subscribe((message) => message.name === name && isOfFlow(message));
    },
    resolve: (message: Message) => {
      const payload = typeof message.payload === "object" ? message.payload : {};
      return { ...payload, correlationId: message.flowId };
    },
  };
}

function isOf(correlationId: string | null | undefined): (message: Message) => boolean {
  return ({ flowId }) =>
    correlationId === undefined || correlationId === null || correlationId === flowId;
}

/**
 * Subscribes to the feed before the greeting is sent, so a client that has received it misses nothing. An iterator
 * object rather than a generator: `return` must reach the feed while `next` waits.
 */
function withGreeting(messages: AsyncIterableIterator<Message>): AsyncIterableIterator<unknown> {
  let isGreeted = false;
  const iterator: AsyncIterableIterator<unknown> = {
    async next() {
      if (!isGreeted) {
        isGreeted = true;
        return { done: false, value: { name: "subscribed" } };
      }
      const { done, value } = await messages.next();
      return done ? { done, value } : { done: false, value: eventOf(value) };
    },
    async return() {
      await messages.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

function eventOf({ flowId, id, name, occurredAt, payload, subject }: Message) {
  return { name, id, correlationId: flowId, objectKey: subject, occurredAt, payload };
}

/** Expected failures reach the client with their code; anything else stays masked. */
function explainedBy(toGraphqlError: typeof createGraphQLError) {
  return async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof TuError)) throw error;
      throw toGraphqlError(error.message, { extensions: { code: error.code } });
    }
  };
}
