import { TuError } from "../pipeline/errors.ts";
import { failureReply } from "../pipeline/http/reported.ts";
import type { Endpoint, EndpointReply, EndpointRequest } from "../pipeline/ports/endpoint.ts";
import type { HttpClient, HttpResponse } from "../pipeline/ports/http-client.ts";
import { type Nature, network } from "./faults.ts";
import type { Process } from "./process.ts";
import type { Life } from "./scheduler.ts";

/** Requests between services, and from clients, to any live process that serves them. */
export function createSimulatedHttp(
  nature: Nature,
  life: Life,
  processes: () => readonly Process[],
): HttpClient {
  return {
    send: (request) => {
      const fault = () => nature.ledger.note("call", request.headers?.["x-correlation-id"]);
      const effect = async () => {
        const { host, pathname, search } = new URL(request.url);
        const isRead = host === "object-store" && request.method === "GET";
        if (isRead && nature.weather().isUnreadable) {
          fault();
          throw new TuError("E_SERVICE_UNAVAILABLE", "the simulated object store is away");
        }
        const serving = processes().filter(
          (process) => process.life.alive && process.endpoints.has(host),
        );
        const target = serving[Math.floor(nature.random() * serving.length)];
        const endpoint = target?.endpoints
          .get(host)
          ?.find(
            ({ method, path }) => method === request.method && (path === pathname || path === "/*"),
          );
        if (target === undefined || endpoint === undefined) {
          fault();
          throw new TuError("E_SERVICE_UNAVAILABLE", `nobody serves ${host}`);
        }
        const body =
          typeof request.body === "string" ? new TextEncoder().encode(request.body) : request.body;
        const answer = await orTimeout(nature, life, target.life, () =>
          served(endpoint, {
            method: request.method,
            target: `${pathname}${search}`,
            headers: request.headers ?? {},
            body: body ?? new Uint8Array(),
          }),
        );
        if (answer !== undefined) return responseOf(answer);
        fault();
        throw new TuError("E_SERVICE_UNAVAILABLE", "the simulated process died");
      };
      return network(nature, life, { effect, fault });
    },
  };
}

function served(endpoint: Endpoint, request: EndpointRequest): Promise<EndpointReply> {
  return endpoint.handle(request).catch(failureReply);
}

function responseOf({ body, headers = {}, status }: EndpointReply): HttpResponse {
  if (body instanceof Uint8Array) return { status, headers, body };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { status, headers, body: new TextEncoder().encode(text) };
}

const timeoutMs = 5000;

/** If a process dies during a request, its caller keeps waiting: undefined. */
async function orTimeout<T>(
  { scheduler }: Nature,
  caller: Life,
  target: Life,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const answer = work();
  for (let waitedMs = 0; ; waitedMs += 500) {
    const result = await Promise.race([
      answer.then((value) => ({ value })),
      scheduler.after(caller, 500).then(() => "not yet" as const),
    ]);
    if (result !== "not yet") return result.value;
    if (!target.alive || waitedMs >= timeoutMs) {
      answer.catch(() => undefined); // no caller is left
      return undefined;
    }
  }
}
