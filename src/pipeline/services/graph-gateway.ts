import { inputsOf } from "../contracts/catalogue.ts";
import type { FlowName } from "../contracts/contract.ts";
import type { FlowLinks } from "../delivery/flow-links.ts";
import type { Place } from "../delivery/flow-memory.ts";
import { type Handler, nothing, type Service } from "../delivery/service.ts";
import { TuError } from "../errors.ts";
import { callHeaders, postJson } from "../http/call.ts";
import type { ClientFeed } from "../ports/client-feed.ts";
import type { Clock } from "../ports/clock.ts";
import type { Gateway } from "../ports/gateway.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { Ids } from "../ports/ids.ts";
import type { Reporter } from "../ports/reporter.ts";
import { requestHop } from "../trace/hops.ts";

const name = "graph-gateway";

type GatewayPorts = {
  readonly http: HttpClient;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly ingestionUrl: () => string;
  readonly internalToken: string;
  readonly links: Pick<FlowLinks, "named" | "giveUp">;
};

export function createGraphGateway(flow: FlowName, feed: ClientFeed): Service {
  const pass: Handler = async (message) => {
    feed.publish(message);
    return nothing;
  };
  const names = inputsOf(name, flow).map(({ contract }) => contract.name);
  return {
    name,
    endpoints: [],
    handlers: Object.fromEntries(names.map((message) => [message, pass])),
    prefetch: 64,
  };
}

export function createGateway(ports: GatewayPorts): Gateway {
  const started = new Map<string, Place>();
  return {
    async startUpload(input) {
      const flowId = ports.ids.create();
      reportRequest("startUpload", { flowId, note: input.filename }, ports);
      const answer = await callIngestion("start", input, flowId, ports);
      const { expiresAt, key, putUrl, uploadId } = answer;
      const payload = {
        uploadId: String(uploadId),
        key: String(key),
        putUrl: String(putUrl),
        expiresAt: String(expiresAt),
      };
      started.set(payload.uploadId, { flowId, subject: payload.key });
      return { correlationId: flowId, imageUploadPayload: payload };
    },
    async confirmUpload({ correlationId, ...input }) {
      const place = started.get(input.uploadId);
      const flowId = correlationId ?? place?.flowId ?? ports.ids.create();
      reportRequest("confirmUpload", { flowId }, ports);
      // Its first message may arrive before the answer, from a bridge that drops the flow.
      if (place !== undefined) ports.links.named({ ...place, flowId });
      try {
        const answer = await callIngestion("confirm", input, flowId, ports);
        started.delete(input.uploadId);
        return { status: String(answer["status"]) };
      } catch (error) {
        ports.links.giveUp(flowId);
        throw error;
      }
    },
  };
}

/** Passes the details of a refusal on to the client; the real gateway loses them. */
async function callIngestion(
  action: "start" | "confirm",
  body: Record<string, unknown>,
  flowId: string,
  ports: GatewayPorts,
): Promise<Record<string, unknown>> {
  const answer = await postJson(ports.http, {
    url: `${ports.ingestionUrl()}/v1/uploads/${action}`,
    body,
    headers: {
      ...callHeaders({ service: name, flowId }),
      "x-internal-auth": ports.internalToken,
    },
  });
  if (answer.status < 300) return answer.json;
  const { detail, errors } = answer.json;
  const reasons =
    typeof errors === "object" && errors !== null
      ? Object.entries(errors).map(([field, texts]) => `${field}: ${String(texts)}`)
      : [typeof detail === "string" ? detail : `ingestion answered ${answer.status}`];
  throw new TuError(
    answer.status >= 500 ? "E_SERVICE_UNAVAILABLE" : "E_UPLOAD_REFUSED",
    `the upload was refused: ${reasons.join("; ")}`,
  );
}

function reportRequest(
  operation: string,
  { flowId, note = null }: { flowId: string; note?: string | null },
  { clock, reporter }: GatewayPorts,
): void {
  const asked = { flowId, name: operation, from: "client", to: name, atMs: clock.nowMs() };
  reporter.hop({ ...requestHop({ ...asked, transport: "graphql" }), note });
}
