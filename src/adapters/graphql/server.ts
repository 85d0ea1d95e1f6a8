import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { DocumentNode, ExecutionArgs, GraphQLError } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { Gateway } from "../../pipeline/ports/gateway.ts";
import type { Feed } from "./feed.ts";
import { bodyBytesMax, limitingRules, subscriptionsMax, tokensMax } from "./limits.ts";
import { createResolvers } from "./resolvers.ts";
import { typeDefs } from "./schema.ts";

export type GraphqlServer = {
  /** Base address without a trailing slash; the endpoint is `/graphql`. */
  readonly url: string;
  close(): Promise<void>;
};

/** Starts listening with the handlers, behind the access rules. */
export type Listen = (handlers: {
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}) => Promise<GraphqlServer>;

/** Loads the modules of `startGraphqlServer`, which takes longer than starting it. */
export const loadGraphqlServer = () =>
  Promise.all([import("graphql-yoga"), import("graphql-ws/use/ws"), import("ws")]);

/**
 * `/graphql` over HTTP (POST of JSON, no larger than `bodyBytesMax`) and WebSocket (sub-protocol
 * `graphql-transport-ws`), both within the limits of `limits.ts`. The caller closes the feed.
 */
export async function startGraphqlServer(options: {
  readonly gateway: Gateway;
  readonly feed: Feed;
  /** Whether clients may query the schema. */
  readonly introspection: boolean;
  readonly listen: Listen;
}): Promise<GraphqlServer> {
  const [{ createGraphQLError, createSchema, createYoga }, { useServer }, { WebSocketServer }] =
    await loadGraphqlServer();
  const schema = createSchema({
    typeDefs,
    resolvers: createResolvers(options.gateway, options.feed, createGraphQLError),
  });
  const { introspection } = options;
  const rules = limitingRules({ introspection, toError: createGraphQLError });
  const limits: Plugin = {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, parsing) => parseFn(source, { ...parsing, maxTokens: tokensMax }));
    },
    onValidate({ addValidationRule }) {
      for (const rule of rules) addValidationRule(rule);
    },
  };
  const yoga = createYoga({
    schema,
    graphqlEndpoint: "/graphql",
    landingPage: false,
    graphiql: false,
    logging: false,
    cors: false,
    multipart: false,
    plugins: [limits],
  });
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: bodyBytesMax });
  const subscriptions = useServer(
    {
      // Both transports share the plugins, and one copy of graphql.
      execute: (args) => envelopedIn(args).execute(args),
      subscribe: (args) => envelopedIn(args).subscribe(args),
      async onSubscribe({ subscriptions: open }, _id, { operationName, query, variables }) {
        if (Object.keys(open).length > subscriptionsMax)
          return [createGraphQLError(`more than ${subscriptionsMax} subscriptions at a time`)];
        const enveloped = yoga.getEnveloped({});
        const document = parsed(enveloped.parse, query);
        if (document instanceof Error) return [createGraphQLError(document.message)];
        const errors = enveloped.validate(enveloped.schema, document) as readonly GraphQLError[]; // as graphql's own
        if (errors.length > 0) return errors;
        return {
          ...{ schema: enveloped.schema, document, operationName, variableValues: variables },
          contextValue: await enveloped.contextFactory(),
          rootValue: enveloped,
        };
      },
    },
    webSockets,
  );
  const listener = await options.listen({
    request(request, response) {
      const refusal = refusalOf(request);
      if (refusal !== null) return refuse(response, ...refusal);
      // It compares the text: another case, or a space before `;`, would be refused.
      request.headers["content-type"] = "application/json";
      void yoga(request, response);
    },
    upgrade(request, socket, head) {
      if (pathOf(request) !== "/graphql") return void socket.end(noSuchPath);
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSockets.emit("connection", webSocket, request);
      });
    },
  });
  return {
    url: listener.url,
    async close() {
      await subscriptions.dispose();
      await listener.close();
    },
  };
}

/** To a request for an upgrade: there is no response object, only the socket. */
const noSuchPath = "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

type Enveloped = ReturnType<
  ReturnType<typeof import("graphql-yoga")["createYoga"]>["getEnveloped"]
>;

/** Set by `onSubscribe`. */
const envelopedIn = ({ rootValue }: ExecutionArgs) => rootValue as Enveloped;

function parsed(parse: Enveloped["parse"], query: string): DocumentNode | Error {
  try {
    return parse(query);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

type Refusal = readonly [status: number, message: string];

/** Any page may send a body that is not JSON without a preflight; one without a length could be endless. */
function refusalOf(request: IncomingMessage): Refusal | null {
  const { headers, method } = request;
  if (pathOf(request) !== "/graphql") return [404, "the endpoint is /graphql"];
  if (method !== "POST") return [405, "use POST"];
  const [type = ""] = (headers["content-type"] ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/json") return [415, "use application/json"];
  if (headers["content-length"] === undefined) return [411, "Content-Length is required"];
  if (Number(headers["content-length"]) > bodyBytesMax)
    return [413, `a request may have at most ${bodyBytesMax} bytes`];
  return null;
}

const pathOf = ({ url = "" }: IncomingMessage) => url.split("?", 1)[0];

function refuse(response: ServerResponse, status: number, message: string): void {
  response
    .writeHead(status, {
      "content-type": "application/json; charset=utf-8",
      connection: "close",
      ...(status === 405 ? { allow: "POST" } : {}),
    })
    .end(JSON.stringify({ errors: [{ message }] }));
}
